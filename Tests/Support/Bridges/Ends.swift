package import Martlet

/// The four connections of a test of a bridge: the bridge's own two, and one for who uses each broker.
package struct Ends: Sendable {
    package let from: any Connection
    package let to: any Connection
    package let a: any Connection
    package let b: any Connection
    /// What all names of this test begin with on either side. Both sides may be one broker.
    package let here = "here\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    package let there = "there\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"

    /// Runs `body` with connections to a pair of brokers, and closes them.
    package static func with(_ pair: BrokerPair, _ body: (Ends) async throws -> Void) async throws {
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
