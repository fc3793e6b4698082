public import Martlet

extension ConformanceEnvironment {
    /// A new connection whose link can be cut.
    public func connectCuttable(
        _ options: ConnectionOptions = ConnectionOptions(),
        at side: ConformanceSide = .source
    ) async throws -> any CuttableConnection {
        let connection = try await connect(options, at: side)
        guard let cuttable = connection as? any CuttableConnection else {
            throw failure(expected: "every connection to be cuttable", actual: "one was a \(type(of: connection))")
        }
        return cuttable
    }

    /// Takes a connection's link away, runs `body`, and gives the link back; returns when it is there again.
    public func interrupt(
        _ connection: any CuttableConnection,
        _ body: () async throws -> Void = {}
    ) async throws {
        try await connection.cut()
        for await state in connection.states() where state == .disconnected { break }
        try await body()
        try await connection.restore()
        for await state in connection.states() where state == .connected { break }
    }
}
