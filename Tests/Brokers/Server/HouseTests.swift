import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import MartletTesting
import Synchronization
import Testing

/// Clients on sockets and connections of this process have one broker.
@Suite(.timeLimit(.minutes(5))) struct HouseTests {
    @Test func messagesPassBothWays() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            let client = try await WireClient.connected(port, "client")
            try await client.subscribe(.init("to/client", qos: .exactlyOnce))
            let inbox = try await local.subscribe(to: TopicPattern("to.local"))
            let headers: Headers = ["content-type": "text/plain", "n": 7, "raw": .bytes([1, 2])]
            try await local.publish(
                Message("hello", headers: headers),
                to: "to.client",
                options: PublishOptions(guarantee: .atLeastOnce, expiry: .seconds(100))
            )
            let message = try await client.message()
            #expect(message.payload == Array("hello".utf8))
            #expect(message.qos == .atLeastOnce)
            #expect(message.properties.text(.contentType) == "text/plain")
            #expect(message.properties.number(.messageExpiryInterval) == 100)
            #expect(message.properties.pairs.map(\.name) == ["n", "raw;bytes"])
            var properties = PropertyList()
            properties.add(.contentType, "text/html")
            properties.add("raw;bytes", value: "AQI=")
            try await client.publish("world", to: "to/local", properties: properties)
            let delivery = try #require(try await inbox.next())
            #expect(delivery.message.text == "world")
            #expect(delivery.message.headers == ["content-type": "text/html", "raw": .bytes([1, 2])])
        }
        await local.close()
    }

    @Test func whatIsKeptIsForAll() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            try await local.publish(Message("1"), to: "kept.a", options: PublishOptions(retain: true))
            let client = try await WireClient.connected(port, "client")
            try await client.publish("2", to: "kept/b", .atLeastOnce, id: 1, retain: true)
            _ = try await client.receive()
            try await client.subscribe(.init("kept/#"))
            #expect(try await Set([client.text(), client.text()]) == ["1", "2"])
            let inbox = try await local.subscribe(to: "kept.#")
            #expect(try await inbox.next()?.message.text == "1")
            #expect(try await inbox.next()?.message.text == "2")
        }
    }

    /// Headers of a program that speaks 3.1.1 are in an envelope, and those for it too.
    @Test func olderClientsGetEnvelopes() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            let client = try await WireClient.connected(port, "client", .v311)
            try await client.subscribe(.init("a"))
            try await local.publish(Message("1", headers: ["n": 7]), to: "a")
            let text = try await client.text()
            #expect(text.contains(#""header""#) && text.contains(#""n":7"#))
            let inbox = try await local.subscribe(to: "a")
            try await client.publish(text, to: "a")
            let delivery = try #require(try await inbox.next())
            #expect(delivery.message.text == "1")
            #expect(delivery.message.headers["n"] == 7)
        }
    }

    /// A reader of this process that is slow holds up the client that publishes, and loses nothing.
    @Test func aFullMailboxHoldsUpThePublisher() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        let inbox = try await local.subscribe(to: "a", options: SubscribeOptions(limit: 10))
        try await withServer(broker) { _, port in
            let count = 20_000
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let client = try await WireClient.connected(port, "client")
                    let text = String(repeating: "x", count: 1_000)
                    for number in 0..<count { try await client.publish("\(number) \(text)", to: "a") }
                    try await client.send(.pingreq)
                    _ = try await client.receive()
                }
                var most = 0
                for number in 0..<count {
                    let text = try await inbox.next()?.message.text ?? ""
                    #expect(text.hasPrefix("\(number) "))
                    most = max(most, inbox.waiting)
                }
                // What one read of its socket brought, at most.
                #expect(most < 3_000)
                try await group.waitForAll()
            }
        }
    }

    private struct House: BrokerHandler {
        let seen: Recorder<String>

        mutating func connects(_ client: BrokerClient, actions: inout BrokerActions) -> BrokerRuling<Void> {
            seen.record("\(client.name) comes from \(client.address ?? "-") by \(client.listener ?? "-")")
            return client.name == "unwanted" ? .refuse("not here") : .accept
        }

        mutating func dispatches(
            _ dispatch: BrokerDispatch,
            from client: BrokerClient,
            actions: inout BrokerActions
        ) -> BrokerRuling<BrokerDispatch> {
            guard case .topic(let topic, _) = dispatch.destination else { return .accept }
            switch topic {
            case "secret": return .refuse("no")
            case "change":
                actions.dispatch(Message("also"), to: .topic("changed", retain: false))
                return .change(BrokerDispatch(Message("changed"), to: .topic("changed", retain: false)))
            default: return .accept
            }
        }

        mutating func subscribes(
            to pattern: TopicPattern,
            _ client: BrokerClient,
            actions: inout BrokerActions
        ) -> BrokerRuling<TopicPattern> {
            pattern == "secret" ? .refuse("no") : .accept
        }

        mutating func disconnects(_ client: BrokerClient, inOrder: Bool, actions: inout BrokerActions) {
            seen.record("\(client.name) goes \(inOrder ? "in order" : "lost")")
        }
    }

    @Test func theHandlerSeesClients() async throws {
        let seen = Recorder<String>()
        let broker = MemoryBroker(handler: House(seen: seen))
        try await withServer(broker) { _, port in
            #expect(try await WireClient(port).connect("unwanted").reason == .notAuthorized)
            let client = try await WireClient.connected(port, "client", expiry: 100)
            #expect(try await client.subscribe(.init("secret"), .init("changed")) == [.notAuthorized, .success])
            try await client.publish("x", to: "secret", .atLeastOnce, id: 1)
            #expect(try await client.receive() == .puback(Acknowledgement(1, .notAuthorized)))
            try await client.publish("x", to: "change")
            #expect(try await [client.text(), client.text()] == ["changed", "also"])
            let again = try await WireClient.connected(port, "client", cleanStart: false, expiry: 100)
            #expect(try await client.disconnectReason() == .sessionTakenOver)
            try await again.send(.disconnect(Disconnect()))
            _ = try await again.socket.receiveEnd()
        }
        #expect(
            seen.values.filter { $0.hasPrefix("client") } == [
                "client comes from 127.0.0.1 by mqtt", "client comes from 127.0.0.1 by mqtt", "client goes lost",
                "client goes in order",
            ]
        )
    }

    /// Clients are told apart in ``MemoryBroker/presence`` like any others.
    @Test func clientsArePresent() async throws {
        let broker = MemoryBroker()
        try await withServer(broker) { _, port in
            let client = try await WireClient.connected(port, "client", expiry: 100)
            try await client.subscribe(.init("a/+"))
            #expect(broker.presence.clients.map(\.client.name) == ["client"])
            #expect(broker.presence.clients[0].subscriptions == ["a.*"])
            try await client.send(.disconnect(Disconnect()))
            _ = try await client.socket.receiveEnd()
            #expect(broker.presence.clients.isEmpty)
        }
    }

    @Test func aBrokerHasOneServer() async throws {
        let broker = MemoryBroker()
        try await withServer(broker) { _, _ in
            let error = await #expect(throws: MessagingError.self) {
                try await BrokerServer(broker, listeners: []).run()
            }
            #expect(error?.code == .alreadyRunning)
        }
    }
}
