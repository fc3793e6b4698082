import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

/// Who may connect, and to whom.
@Suite(.timeLimit(.minutes(10))) struct SecurityTests {
    private func options(_ configure: (inout AMQPOptions) throws -> Void) async throws -> AMQPOptions {
        let broker = try await RabbitMQServer.sharedSecured()
        var options = AMQPOptions(servers: [.init(host: "localhost", port: broker.tlsPort ?? 0)])
        options.tls = try await broker.clientTLS
        try configure(&options)
        return options
    }

    @Test func aCertificateIsEnough() async throws {
        let broker = try await RabbitMQServer.sharedSecured()
        _ = try? await broker.control("add_user", "client", "unused")
        try await broker.control("set_permissions", "client", ".*", ".*", ".*")
        let options = try await options { $0.credentials = .external }
        try await AMQPConnection.withConnection(options) { connection in
            let queue = AMQPQueue(unique("mine"), isExclusive: true)
            try await connection.declare(queue)
            let channel = try await connection.openChannel()
            // The broker knows who it is.
            try await channel.publish(AMQPMessage("x", properties: .init(userID: "client")), routingKey: queue.name)
        }
    }

    @Test func aBrokerThatIsNotTrustedIsRefused() async throws {
        let trust = TLSOptions.Trust.file(try await TestCertificates.shared.strangeAuthority)
        let options = try await options { $0.tls?.trust = trust }
        let code = await errorCode { _ = try await AMQPConnection.connect(options) }
        #expect(code == .refused)
    }

    @Test func aBrokerOfAnotherNameIsRefused() async throws {
        let options = try await options { $0.tls?.serverName = "elsewhere.test" }
        let code = await errorCode { _ = try await AMQPConnection.connect(options) }
        #expect(code == .refused)
    }

    @Test func aWrongPasswordIsRefused() async throws {
        let broker = try await RabbitMQServer.sharedSecured()
        let secret = "not guest"
        do {
            try await withAMQP(
                port: broker.port,
                { $0.credentials = .plain(user: "guest", password: secret) },
                { _ in }
            )
            Issue.record("a wrong password is right")
        } catch let error as MessagingError {
            #expect(error.code == .refused)
            #expect(error.amqpReplyCode == 403)
            #expect(!"\(error)".contains(secret))
        }
    }

    @Test func anUnknownVirtualHostIsRefused() async throws {
        let broker = try await RabbitMQServer.sharedSecured()
        let code = await replyCode {
            try await withAMQP(port: broker.port, { $0.virtualHost = "nowhere" }, { _ in })
        }
        #expect(code == 530)
    }

    @Test func theNextServerIsTried() async throws {
        let broker = try await RabbitMQServer.sharedSecured()
        let reserved = try ReservedPort()
        try await withAMQP(
            port: broker.port,
            { $0.servers.insert(.init(host: "127.0.0.1", port: reserved.number), at: 0) },
            { connection in
                try await connection.send(Message("x"), to: QueueName(unique("next")))
            }
        )
    }
}
