import Martlet

/// The two connections that the bridges of a pair share.
struct BridgeConnections: Sendable {
    let from: any Connection
    let to: any Connection

    /// Runs `body` with connections, and closes them.
    static func with(_ pair: ConformancePair, _ body: (BridgeConnections) async throws -> Void) async throws {
        let options = ConnectionOptions()
        let ends = BridgeConnections(
            from: try await pair.from.connect(.first, options),
            to: try await pair.to.connect(.second, options)
        )
        let result: Result<Void, any Error>
        do { result = .success(try await body(ends)) } catch { result = .failure(error) }
        await ends.from.close()
        await ends.to.close()
        try result.get()
    }
}
