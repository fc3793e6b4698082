public import Martlet

/// Runs `body` with a connection on a bad link; see ``FaultyConnection``.
///
/// When it has returned nothing is held back any more, the link is there, and nothing is left running but what carries
/// the deliveries of subscriptions that are still held. The connection that was wrapped stays open.
public func withFaultyConnection<Result>(
    wrapping connection: any Connection,
    seed: UInt64,
    faults: Faults,
    link: LinkSwitch? = nil,
    _ body: (FaultyConnection) async throws -> Result
) async throws -> Result {
    let faulty = try FaultyConnection(wrapping: connection, seed: seed, faults: faults, link: link)
    do {
        let result = try await body(faulty)
        await faulty.endFaults()
        return result
    } catch {
        await faulty.endFaults()
        throw error
    }
}
