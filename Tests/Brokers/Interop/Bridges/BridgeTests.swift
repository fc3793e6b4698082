import IntegrationSupport
import Martlet
import Testing

/// Peers of commlib-py 0.13.2 at one broker reach such peers at another one through a bridge, from each broker to each,
/// also where both are the same. They use the library as its users install it and know of no bridge.
@Suite(.timeLimit(.minutes(10))) struct BridgeTests {
    private static let table = OutcomeTable(
        rows: Pairing.all.map(\.testDescription),
        columns: Crossing.Column.allCases.map(\.rawValue)
    )

    @Test(arguments: Crossing.all) func crossing(_ crossing: Crossing) async throws {
        var outcome = "FAILED"
        defer {
            Self.table.record(outcome, row: crossing.pair.testDescription, column: crossing.column.rawValue)
        }
        outcome = try await Stage.with(crossing.pair) { near, far in
            let passage = Passage(near: near, far: far)
            switch crossing.column {
            case .call: return try await passage.calls()
            case .error: return try await passage.callsAFailingService()
            case .missing: return try await passage.callsNobody()
            case .slow: return try await passage.callsASlowService()
            case .action: return try await passage.sendsAGoal()
            case .cancel: return try await passage.cancelsAGoal()
            case .publish: return try await passage.publishes()
            case .event: return try await passage.emits()
            }
        }
    }
}
