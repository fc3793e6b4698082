import Synchronization

/// A server that clients can connect to, and that then neither reads nor writes anything, ever.
package final class SilentServer: Sendable {
    /// The port on 127.0.0.1.
    package let port: Int
    private let listener: Socket
    private let accepted = Mutex<[Socket]>([])

    private init() throws {
        listener = try Socket.listening()
        port = try listener.localPort
    }

    /// Runs `body` with a silent server, whose connections are closed when `body` is done.
    package static func withServer<Result>(_ body: (SilentServer) async throws -> Result) async throws -> Result {
        try await body(SilentServer())
    }

    /// How many connections clients have made so far.
    package var connections: Int {
        // The kernel makes the connections; up to 128 wait until somebody asks.
        accepted.withLock { accepted in
            while let socket = listener.accept() { accepted.append(socket) }
            return accepted.count
        }
    }
}
