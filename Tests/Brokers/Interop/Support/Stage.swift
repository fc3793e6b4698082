import IntegrationSupport
import Martlet
import Synchronization

/// Where one test takes place: a broker, a connection of Martlet's to it, a name that no other test has, and peers.
struct Stage: Sendable {
    let broker: Broker
    let connection: any Connection
    let name: String
    private let port: Int
    private let peers: PythonPeers

    static func with<Result>(
        _ broker: Broker,
        _ options: ConnectionOptions = ConnectionOptions(),
        _ body: (Stage) async throws -> Result
    ) async throws -> Result {
        try await Turns.take()
        defer { Turns.giveBack() }
        return try await open(broker, options, body)
    }

    /// Two stages, each with a name of its own; the brokers may be one.
    static func with<Result>(
        _ pair: Pairing,
        _ body: (_ near: Stage, _ far: Stage) async throws -> Result
    ) async throws -> Result {
        try await Turns.take()
        defer { Turns.giveBack() }
        return try await open(pair.near, ConnectionOptions()) { near in
            try await open(pair.far, ConnectionOptions()) { far in try await body(near, far) }
        }
    }

    private static func open<Result>(
        _ broker: Broker,
        _ options: ConnectionOptions,
        _ body: (Stage) async throws -> Result
    ) async throws -> Result {
        let peers = try await PythonPeers.shared()
        let port = try await broker.port
        return try await broker.withConnection(options) { connection in
            let name = "t\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
            return try await body(Stage(broker: broker, connection: connection, name: name, port: port, peers: peers))
        }
    }

    /// Runs `body` with a Python peer in a role at this broker; its name is this one's unless `arguments` have another.
    func withPeer<Result>(
        _ role: String,
        _ arguments: [String: JSON] = [:],
        _ body: (PythonPeer) async throws -> Result
    ) async throws -> Result {
        let standard: [String: JSON] = [
            "transport": broker.transport, "port": .number(Double(port)), "name": .string(name),
        ]
        return try await peers.withPeer(role, standard.merging(arguments) { $1 }, body)
    }
}

/// How many tests are at it at a time: more would only wait for each other's processes.
private enum Turns {
    private static let free = Mutex(6)

    static func take() async throws {
        try await until {
            free.withLock { free in
                guard free > 0 else { return false }
                free -= 1
                return true
            }
        }
    }

    static func giveBack() { free.withLock { $0 += 1 } }
}
