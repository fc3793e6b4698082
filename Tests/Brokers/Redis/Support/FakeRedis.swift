import Foundation
import IntegrationSupport
import Synchronization

@testable import MartletRedis

/// A server that speaks Redis' protocol and answers as a test says.
final class FakeRedis: Sendable {
    /// The port on 127.0.0.1.
    let port: Int
    private let listener: Socket
    private let accepted = Atomic(0)
    private let taken = Atomic(0)
    private let pace = Mutex<(bytes: Int, pause: Duration)>((65_536, .milliseconds(1)))

    private init() throws {
        listener = try Socket.listening()
        port = try listener.localPort
    }

    /// How many connections clients have made so far.
    var connections: Int { accepted.load(ordering: .relaxed) }

    /// How many bytes have been read of all of them.
    var bytesRead: Int { taken.load(ordering: .relaxed) }

    /// Reads so much at once of each connection from now on, and no more for a while. For a connection that is made later the
    /// system takes little ahead.
    func read(_ bytes: Int, every pause: Duration) {
        var size: CInt = 65_536
        setsockopt(listener.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        pace.withLock { $0 = (bytes, pause) }
    }

    /// Runs `body` with two servers.
    ///
    /// - Parameter answer: what one of them answers to a command, as it is on the wire; `nil`: what every server does. It is
    ///   given the ports of both, its own first.
    static func withTwo<Result: Sendable>(
        answer: @escaping @Sendable ([String], _ own: Int, _ other: Int) -> String?,
        _ body: (FakeRedis, FakeRedis) async throws -> Result
    ) async throws -> Result {
        let (one, other) = (try FakeRedis(), try FakeRedis())
        let ports = (one.port, other.port)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await one.serve { answer($0, ports.0, ports.1) } }
            group.addTask { try await other.serve { answer($0, ports.1, ports.0) } }
            defer { group.cancelAll() }
            return try await body(one, other)
        }
    }

    private func serve(_ answer: @Sendable ([String]) -> String?) async throws {
        var clients: [(socket: Socket, reader: ReplyReader)] = []
        while !Task.isCancelled {
            while let socket = listener.accept() {
                accepted.add(1, ordering: .relaxed)
                clients.append((socket, ReplyReader(limit: 1 << 24)))
            }
            let (limit, pause) = pace.withLock { $0 }
            clients.removeAll { client in
                var left = limit
                while left > 0 {
                    switch client.socket.read(limit: left) {
                    case .done(let bytes):
                        left -= bytes.count
                        taken.add(bytes.count, ordering: .relaxed)
                        var replies = ""
                        try? bytes.withUnsafeBytes { bytes in
                            // A command is an array of strings, as a reply may be.
                            try client.reader.feed(bytes) {
                                while let command = try client.reader.next() {
                                    let words = (command.array ?? []).map { $0.string ?? "" }
                                    replies += answer(words) ?? Self.usual(words)
                                }
                            }
                        }
                        _ = client.socket.write(Array(replies.utf8))
                    case .notNow: return false
                    case .ended, .lost: return true
                    }
                }
                return false
            }
            try? await Task.sleep(for: pause)
        }
    }

    private static func usual(_ words: [String]) -> String {
        switch words.first {
        case "CLIENT", "AUTH", "SELECT": "+OK\r\n"
        case "PING": "+PONG\r\n"
        case "TIME": "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
        case "EVAL": "*0\r\n"
        default: "-ERR unknown command\r\n"
        }
    }
}
