import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis
import Testing

// The server's options have the same name.
import struct MartletRedis.RedisOptions

/// A broker that stands still (SIGSTOP): each wait for it ends by its caller's limit, or by the connection's own.
@Suite(.timeLimit(.minutes(10))) struct SilentBrokerTests {
    enum Kind: CaseIterable { case mqtt5, mqtt311, amqp, redis }

    /// Runs `body` with a connection whose broker stands still from then on, and goes on afterwards.
    private func withSilentBroker(_ kind: Kind, _ body: (any Connection) async throws -> Void) async throws {
        switch kind {
        case .mqtt5, .mqtt311:
            try await MosquittoServer.withServer { server in
                var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: server.port)])
                options.version = kind == .mqtt5 ? .v5 : .v311
                options.connectTimeout = .seconds(2)
                try await pause(server, try await MQTTConnection.connect(options), body)
            }
        case .amqp:
            try await RabbitMQServer.withServer { server in
                var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: server.port)])
                options.connectTimeout = .seconds(2)
                try await pause(server, try await AMQPConnection.connect(options), body)
            }
        case .redis:
            try await RedisServer.withServer { server in
                var options = RedisOptions(servers: [.tcp(host: "127.0.0.1", port: server.port)])
                options.connectTimeout = .seconds(2)
                options.responseTimeout = .seconds(3)
                try await pause(server, try await RedisConnection.connect(options), body)
            }
        }
    }

    private func pause(
        _ server: some ControlledServer,
        _ connection: any Connection,
        _ body: (any Connection) async throws -> Void
    ) async throws {
        server.pause()
        defer { server.resume() }
        do {
            try await body(connection)
        } catch {
            server.resume()
            await connection.close()
            throw error
        }
        server.resume()
        await connection.close()
    }

    /// The error that something ends with, and that it ends in time: some seconds more than it may take, for a busy machine.
    private func expect(
        _ what: String,
        within limit: Duration,
        _ body: () async throws -> Void
    ) async {
        let begun = ContinuousClock.now
        let error = await #expect(throws: MessagingError.self, "\(what)") { try await body() }
        let time = ContinuousClock.now - begun
        #expect(time < limit + .seconds(5), "\(what) took \(time)")
        let codes: [MessagingError.Code] = [.timeout, .connectionLost, .notConnected]
        #expect(
            error.map { codes.contains($0.code) } == true,
            "\(what) ended with \(error.map { "\($0)" } ?? "nothing")"
        )
    }

    @Test(arguments: Kind.allCases) func everyWaitEnds(kind: Kind) async throws {
        try await withSilentBroker(kind) { connection in
            // The first call needs an address for its reply, which the broker does not give.
            await expect("a call", within: .seconds(1)) {
                _ = try await connection.call("q", Message(), timeout: .seconds(1))
            }
            await expect("a stream", within: .seconds(1)) {
                let rows = StreamingRPC<Int, Int>("q")
                for try await _ in try await connection.stream(rows, 1, timeout: .seconds(1)) {}
            }
            await expect("a goal", within: .seconds(1)) {
                let action = Action<Int, Int, Int>("a")
                _ = try await connection.send(1, to: action, timeout: .seconds(1))
            }
        }
    }

    @Test(arguments: Kind.allCases) func whatIsOpenedEndsByTheConnectTimeout(kind: Kind) async throws {
        try await withSilentBroker(kind) { connection in
            await expect("a subscription", within: .seconds(2)) { _ = try await connection.subscribe(to: "t") }
            await expect("a consumer", within: .seconds(3)) { _ = try await connection.consume(from: "q") }
        }
    }

    /// A send ends by its expiry, whatever the broker was asked for it.
    @Test(arguments: Kind.allCases) func whatIsSentEndsByItsExpiry(kind: Kind) async throws {
        try await withSilentBroker(kind) { connection in
            await expect("a send", within: .seconds(1)) {
                try await connection.send(Message(), to: "q", options: SendOptions(expiry: .seconds(1)))
            }
        }
    }

    @Test(arguments: Kind.allCases) func cancellationDoesNotWaitForTheBroker(kind: Kind) async throws {
        try await withSilentBroker(kind) { connection in
            await withTaskGroup(of: Void.self) { group in
                let begun = ContinuousClock.now
                group.addTask { _ = try? await connection.call("q", Message(), timeout: .seconds(60)) }
                group.addTask { _ = try? await connection.subscribe(to: "t") }
                group.addTask { _ = try? await connection.consume(from: "q") }
                try? await Task.sleep(for: .milliseconds(200))
                group.cancelAll()
                await group.waitForAll()
                #expect(ContinuousClock.now - begun < .seconds(1.8), "sooner than any limit")
            }
        }
    }
}
