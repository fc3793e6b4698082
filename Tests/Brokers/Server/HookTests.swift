import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import MartletTesting
import Testing

/// What a handler is asked and told besides, where it asks for that.
@Suite(.timeLimit(.minutes(5))) struct HookTests {
    /// Lets each client read what is for it alone, and tells of what ends.
    private struct House: BrokerHandler {
        static let asks: BrokerQuestions = [.deliveries, .unsubscribes, .expiries]

        let seen: Recorder<String>

        func delivers(_ dispatch: BrokerDispatch, to client: BrokerClient) -> BrokerRuling<BrokerDispatch> {
            switch dispatch.message.text {
            case "secret" where client.name != "alice": return .refuse("not for \(client.name)")
            case "name":
                return .change(BrokerDispatch(Message("for \(client.name)"), to: dispatch.destination))
            default: return .accept
            }
        }

        func unsubscribes(from pattern: TopicPattern, _ client: BrokerClient, actions: inout BrokerActions) {
            seen.record("\(client.name) leaves \(pattern)")
            actions.dispatch(Message("\(client.name) left"), to: .topic("leaving", retain: false))
        }

        func expires(session client: BrokerClient, actions: inout BrokerActions) {
            seen.record("\(client.name) is over")
            actions.dispatch(Message("\(client.name) is over"), to: .topic("leaving", retain: false))
        }
    }

    /// Asks for nothing, and would refuse everything.
    private struct Deaf: BrokerHandler {
        func delivers(_ dispatch: BrokerDispatch, to client: BrokerClient) -> BrokerRuling<BrokerDispatch> {
            .refuse("nobody asked")
        }
    }

    @Test func eachDeliveryIsAskedAbout() async throws {
        let seen = Recorder<String>()
        let broker = MemoryBroker(handler: House(seen: seen))
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            let alice = try await WireClient.connected(port, "alice")
            try await alice.subscribe(.init("news"), .init("+", qos: .atLeastOnce))
            let bob = try await WireClient.connected(port, "bob")
            try await bob.subscribe(.init("news"), .init("news/#"))
            let inbox = try await local.subscribe(to: "news")
            for text in ["secret", "name", "end"] { try await local.publish(Message(text), to: "news") }
            #expect(try await [alice.text(), alice.text(), alice.text()] == ["secret", "for alice", "end"])
            #expect(try await [bob.text(), bob.text()] == ["for bob", "end"])
            #expect(try await [inbox.next(), inbox.next()].map(\.?.message.text) == ["for local", "end"])
            // What is kept, and what a client publishes, too.
            try await bob.publish("name", to: "kept/a", .atLeastOnce, id: 1, retain: true)
            _ = try await bob.receive()
            try await bob.publish("secret", to: "kept/b", .atLeastOnce, id: 1, retain: true)
            _ = try await bob.receive()
            try await alice.subscribe(.init("kept/#"))
            #expect(try await alice.textsUntilMark().sorted() == ["for alice", "secret"])
            try await bob.subscribe(.init("kept/#"))
            #expect(try await bob.textsUntilMark() == ["for bob"])
            let kept = try await local.subscribe(to: "kept.#")
            #expect(try await kept.next()?.message.text == "for local")
            #expect(kept.waiting == 0)
        }
    }

    /// From a queue, what a client is not to get is nobody's.
    @Test func deliveriesOfQueuesAreAskedAbout() async throws {
        let broker = MemoryBroker(handler: House(seen: Recorder()))
        try broker.declareQueue("jobs", options: QueueOptions(deadLetters: "dead"))
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            let bob = try await WireClient.connected(port, "bob")
            try await bob.subscribe(.init("$share/martlet/jobs", qos: .atLeastOnce))
            for text in ["secret", "name"] { try await local.send(Message(text), to: "jobs") }
            #expect(try await bob.text() == "for bob")
            #expect(broker.presence.queues.first { $0.name == "dead" }?.waiting == 1)
            let worker = try await local.consume(from: "own")
            for text in ["secret", "name"] { try await local.send(Message(text), to: "own") }
            #expect(try await worker.next()?.message.text == "for local")
        }
    }

    @Test func endsAreTold() async throws {
        let clock = TestClock()
        let seen = Recorder<String>()
        let broker = MemoryBroker(options: MemoryBroker.Options(clock: clock), handler: House(seen: seen))
        let local = try await broker.connect(name: "local")
        let news = try await local.subscribe(to: "leaving")
        try await withServer(broker) { _, port in
            let alice = try await WireClient.connected(port, "alice", expiry: 10)
            try await alice.subscribe(.init("a/+"))
            try await alice.send(.unsubscribe(UnsubscribeRequest(2, ["a/+", "b"])))
            #expect(try await alice.receive() == .unsuback(Unsuback(2, [.success, .noSubscriptionExisted])))
            #expect(try await news.next()?.message.text == "alice left")
            let own = try await local.subscribe(to: "own")
            own.finish()
            #expect(try await news.next()?.message.text == "local left")
            try await alice.subscribe(.init("b"))
            try await alice.send(.disconnect(Disconnect()))
            _ = try await alice.socket.receiveEnd()
            while !clock.deadlines.contains(where: { $0.offset == .seconds(10) }) { await Task.yield() }
            clock.advance(to: TestClock.Instant(offset: .seconds(10)))
            #expect(try await news.next()?.message.text == "alice is over")
        }
        #expect(seen.values == ["alice leaves a.*", "local leaves own", "alice is over"])
    }

    @Test func whoDoesNotAskIsNotAsked() async throws {
        let broker = MemoryBroker(handler: Deaf())
        let local = try await broker.connect(name: "local")
        let inbox = try await local.subscribe(to: "a")
        try await local.publish(Message("x"), to: "a")
        #expect(try await inbox.next()?.message.text == "x")
    }

    /// What clients are known by.
    private struct Names: BrokerHandler {
        let seen: Recorder<BrokerClient>

        func connects(_ client: BrokerClient, actions: inout BrokerActions) -> BrokerRuling<Void> {
            seen.record(client)
            return .accept
        }
    }

    @Test func clientsAreKnownByTheirCertificatesAndVersions() async throws {
        let certificates = try await TestCertificates.shared
        let tls = Listener.TLS(
            certificateChain: certificates.server.certificate,
            privateKey: certificates.server.key,
            clientAuthorities: certificates.authority
        )
        let seen = Recorder<BrokerClient>()
        let broker = MemoryBroker(handler: Names(seen: seen))
        _ = try await broker.connect(name: "local")
        let listeners: [Listener] = [.mqtts(port: 0, tls), .mqtt(port: 0)]
        try await withServer(broker, listeners: listeners, authenticator: .certificates) { server, port in
            try await Program.run(
                Program.find("mosquitto_pub", package: "mosquitto-clients"),
                [
                    "-h", "localhost", "-p", "\(port)", "--cafile", certificates.authority, "--cert",
                    certificates.client.certificate, "--key", certificates.client.key, "-V", "mqttv31", "-i", "press",
                    "-t", "a", "-m", "x",
                ]
            )
            // Without TLS there is no certificate.
            let other = try await server.addresses[1].port
            #expect(try await WireClient(other).connect("x").reason == .badUserNameOrPassword)
        }
        let (local, client) = (seen.values[0], seen.values[1])
        #expect(local.certificateSubject == nil && local.protocolVersion == nil)
        #expect(client.name == "press")
        #expect(client.protocolVersion == "MQTT 3.1")
        #expect(client.listener == "mqtts" && client.address == "127.0.0.1")
        #expect(client.certificateSubject == client.user.map { "CN=\($0)" })
    }
}
