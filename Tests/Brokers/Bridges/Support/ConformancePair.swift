import IntegrationSupport
import Martlet
import MartletTesting

/// Two brokers, to each of which one side of the conformance suite's checks connects, and the connections of the bridges
/// between them.
struct ConformancePair: Sendable, CustomStringConvertible {
    let from: ConformanceBroker
    let to: ConformanceBroker

    /// From some kinds to every kind.
    static func all(from sources: [ConformanceBroker]) -> [ConformancePair] {
        sources.flatMap { from in ConformanceBroker.allCases.map { ConformancePair(from: from, to: $0) } }
    }

    var description: String { "\(from) to \(to)" }

    /// Runs a check through a bridge of its own, which shares its connections with those of other checks.
    func run(_ check: ConformanceCheck, by bridges: BridgeConnections) async throws -> ConformanceCheck.Outcome {
        guard check.cutsLinks else {
            return try await run(check, by: bridges, from: { _ in nil }, to: { _ in nil })
        }
        return try await Self.withLinks(to: from.port(.first)) { fromLinks in
            try await Self.withLinks(to: to.port(.second)) { toLinks in
                try await run(check, by: bridges, from: fromLinks, to: toLinks)
            }
        }
    }

    /// Makes a connection whose link can be cut out of a function that connects to a port; `nil` if any can.
    private typealias Links =
        @Sendable (_ connect: (_ port: Int) async throws -> any Connection) async throws -> (any Connection)?

    private func run(
        _ check: ConformanceCheck,
        by bridges: BridgeConnections,
        from fromLinks: @escaping Links,
        to toLinks: @escaping Links
    ) async throws -> ConformanceCheck.Outcome {
        try await check.run { options in
            if let connection = try await fromLinks({ try await from.connect(.first, options, port: $0) }) {
                return connection
            }
            return try await from.connect(.first, options)
        } to: { options in
            if let connection = try await toLinks({ try await to.connect(.second, options, port: $0) }) {
                return connection
            }
            return try await to.connect(.second, options)
        } through: { routes in
            Bridge(from: bridges.from, to: bridges.to) { routes.forth }
        }
    }

    private static func withLinks<Result: Sendable>(
        to port: Int?,
        _ body: (@escaping Links) async throws -> Result
    ) async throws -> Result {
        guard let port else { return try await body { _ in nil } }
        var result: Result?
        try await ProxyPool.withPool(of: 4, to: port) { pool in
            result = try await body { connect in
                let proxy = try pool.take()
                return try FaultyConnection(
                    wrapping: try await connect(proxy.port),
                    seed: 0,
                    faults: Faults(),
                    link: LinkSwitch {
                        try await proxy.refuseConnections()
                        try await proxy.cut()
                    } restore: {
                        try await proxy.acceptConnections()
                    }
                )
            }
        }
        guard let result else { throw CancellationError() }
        return result
    }
}
