import MartletTesting
import Testing

/// One check on one broker, reached in one way.
struct ConformanceCell: Sendable, CustomTestStringConvertible {
    let setup: BrokerSetup
    let check: ConformanceCheck

    var testDescription: String { "\(setup): \(check)" }
}

extension BrokerSetup {
    /// The checks that say something about it.
    var cells: [ConformanceCell] {
        let checks =
            switch self {
            // What differs is where replies come.
            case .amqpReplyQueue: ConformanceSuite.calls + ConformanceSuite.replies + ConformanceSuite.streams
            // There is no network that could be cut.
            case .redisUnixSocket: ConformanceSuite.checks.filter { !$0.cutsLinks }
            case .redis, .redisWithPassword: ConformanceSuite.checks + ConformanceSuite.cancellation
            default: ConformanceSuite.checks
            }
        return checks.map { ConformanceCell(setup: self, check: $0) }
    }
}
