import IntegrationSupport
import Synchronization

@testable import MartletRedis

/// A server that speaks Redis' protocol and answers as a test says.
final class FakeRedis: Sendable {
    /// The port on 127.0.0.1.
    let port: Int
    private let listener: Socket
    private let accepted = Atomic(0)

    private init() throws {
        listener = try Socket.listening()
        port = try listener.localPort
    }

    /// How many connections clients have made so far.
    var connections: Int { accepted.load(ordering: .relaxed) }

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
                clients.append((socket, ReplyReader(limit: 1 << 20)))
            }
            clients.removeAll { client in
                while true {
                    switch client.socket.read() {
                    case .done(let bytes):
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
            }
            try? await Task.sleep(for: .milliseconds(1))
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
