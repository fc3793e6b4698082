import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis
import MartletTesting
import Testing

// The server's options have the same name.
import struct MartletRedis.RedisOptions

/// A broker that wants a certificate, and a client that has none: the broker says so by an alert of TLS when the client takes
/// the link for open already, and goes.
@Suite(.timeLimit(.minutes(10))) struct MissingCertificateTests {
    enum Kind: CaseIterable { case mqtt5, mqtt311, amqp, redis }

    private func refusal(_ kind: Kind, port: Int?) async throws -> MessagingError? {
        let port = try #require(port)
        let tls = TLSOptions(trust: .file(try await TestCertificates.shared.authority))
        return await messagingError {
            switch kind {
            case .mqtt5, .mqtt311:
                var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: port)])
                options.version = kind == .mqtt5 ? .v5 : .v311
                options.tls = tls
                await (try MQTTConnection.connect(options)).close()
            case .amqp:
                var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: port)])
                options.tls = tls
                await (try AMQPConnection.connect(options)).close()
            case .redis:
                var options = RedisOptions(servers: [.tcp(host: "127.0.0.1", port: port)])
                options.tls = tls
                await (try RedisConnection.connect(options)).close()
            }
        }
    }

    /// How many of some attempts end with the broker's reason, and what the others end with.
    private func expectRefusals(_ kind: Kind, port: Int?) async throws {
        var others: [String] = []
        for _ in 0..<30 {
            let error = try await refusal(kind, port: port)
            if error?.code != .refused || error?.isRetriable != false || error?.message.contains("alert") != true {
                others.append(error.map { "\($0)" } ?? "nothing")
            }
        }
        #expect(others == [])
    }

    /// The broker ends the link before it knows what is spoken, so that it may be any.
    @Test(arguments: Kind.allCases) func theReasonIsTold(kind: Kind) async throws {
        var options = MosquittoOptions()
        options.tls = .mutual
        try await MosquittoServer.withServer(options) { try await expectRefusals(kind, port: $0.tlsPort) }
    }

    @Test func rabbitMQTellsItsReason() async throws {
        try await expectRefusals(.amqp, port: RabbitMQServer.sharedSecured().tlsPort)
    }

    @Test func redisTellsItsReason() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.tls = .mutual
        try await RedisServer.withServer(options) { try await expectRefusals(.redis, port: $0.tlsPort) }
    }
}
