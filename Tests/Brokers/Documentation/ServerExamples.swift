import IntegrationSupport
import Martlet
import MartletJWT
import MartletServer
import Testing

// The examples of MartletServer's documentation.

@Suite(.timeLimit(.minutes(10))) struct ServerExamples {
    /// Compiled, not run: it would listen on MQTT's own port.
    private func overview() async throws {
        let broker = MemoryBroker(handler: House())
        let server = BrokerServer(broker, listeners: [.mqtt(port: 1883)])
        let local = try await broker.connect(name: "arm")
        try await server.run()
        await local.close()
    }

    /// Compiled, not run: there are no such files.
    private func security(_ broker: MemoryBroker) throws -> BrokerServer {
        let secured = BrokerServer(
            broker,
            listeners: [.mqtts(host: "0.0.0.0", .init(certificateChain: "chain.pem", privateKey: "key.pem"))],
            authenticator: try .passwords("users"),
            rules: try AccessRules(path: "rules")
        )
        return secured
    }

    /// Compiled, not run: there are no such files.
    private func scram(_ broker: MemoryBroker) throws -> BrokerServer {
        let mutual = BrokerServer(
            broker,
            listeners: [.mqtt(host: "0.0.0.0")],
            authenticator: try .scram("keys", otherwise: PasswordFile(path: "users"))
        )
        return mutual
    }

    /// Compiled, not run: there are no such files.
    private func signed(_ broker: MemoryBroker) throws -> BrokerServer {
        let signed = BrokerServer(
            broker,
            listeners: [.mqtts(host: "0.0.0.0", .init(certificateChain: "chain.pem", privateKey: "key.pem"))],
            authenticator: try .tokens(TokenKeys(path: "keys.json"), TokenRules(issuer: "joe", audience: "house")),
            rules: try AccessRules(path: "rules")
        )
        return signed
    }

    /// Compiled, not run: there are no such files.
    private func tokens(_ broker: MemoryBroker) throws -> BrokerServer {
        let tokens = TokenAuthenticator(
            try TokenKeys(path: "keys.json"),
            TokenRules(issuer: "https://id.example", audience: "house")
        )
        let server = BrokerServer(
            broker,
            listeners: [.mqtts(host: "0.0.0.0", .init(certificateChain: "chain.pem", privateKey: "key.pem"))],
            authenticator: tokens,
            rules: try AccessRules(text: "pattern users/%u/#", name: "rules")
        )
        return server
    }

    /// Compiled, not run: it would make that folder.
    private func store(_ broker: MemoryBroker) -> BrokerServer {
        let lasting = BrokerServer(broker, listeners: [.mqtt()], store: .log("/var/lib/house"))
        return lasting
    }

    @Test func aProgramOfOthersIsServed() async throws {
        let broker = MemoryBroker()
        let server = BrokerServer(broker, listeners: [.mqtt(port: 0)])
        let local = try await broker.connect(name: "local")
        let inbox = try await local.subscribe(to: "house.door")
        try await withThrowingTaskGroup { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let port = try await server.addresses[0].port
            let program = try Program.find("mosquitto_pub", package: "mosquitto-clients")
            try await Program.run(program, ["-p", "\(port)", "-t", "house/door", "-m", "open"])
            #expect(try await inbox.next()?.message.text == "open")
        }
    }

    @Test func oneStepAtATime() async throws {
        let broker = MemoryBroker(options: MemoryBroker.Options(mode: .stepped))
        let connection = try await broker.connect()
        let jobs = try await connection.consume(from: "jobs")
        try await connection.send(Message("paint the fence"), to: "jobs")
        print(jobs.nextIfReady() == nil)  // true: nothing is delivered yet
        broker.stepAll()
        print(try await jobs.next(within: .seconds(1))?.message.text ?? "")  // paint the fence
        await connection.close()
    }
}
