import Martlet

/// The four connections of a test of a bridge: the bridge's own two, and one for who uses each broker.
struct Ends: Sendable {
    let from: any Connection
    let to: any Connection
    let a: any Connection
    let b: any Connection
    /// What all names of this test begin with on either side. Both sides may be one broker.
    let here = "here\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    let there = "there\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"

    /// Runs `body` with connections to a pair of brokers, and closes them.
    static func with(_ pair: BrokerPair, _ body: (Ends) async throws -> Void) async throws {
        let ends = Ends(
            from: try await pair.from.connect(),
            to: try await pair.to.connect(),
            a: try await pair.from.connect(),
            b: try await pair.to.connect()
        )
        let result: Result<Void, any Error>
        do { result = .success(try await body(ends)) } catch { result = .failure(error) }
        for connection in [ends.a, ends.b, ends.from, ends.to] { await connection.close() }
        try result.get()
    }
}
