import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import MartletTesting
import Testing

/// What the server says of itself.
@Suite(.timeLimit(.minutes(5))) struct SystemTopicTests {
    /// Refuses whatever it is asked about: it is not asked about the broker's own word.
    private struct Strict: BrokerHandler {
        func dispatches(
            _ dispatch: BrokerDispatch,
            from client: BrokerClient,
            actions: inout BrokerActions
        ) -> BrokerRuling<BrokerDispatch> {
            .refuse("no")
        }
    }

    @Test func itsFiguresAreTopics() async throws {
        let clock = TestClock()
        let broker = MemoryBroker(options: MemoryBroker.Options(clock: clock), handler: Strict())
        let all = try await broker.connect(name: "local").subscribe(to: "#")
        let server = BrokerServer(broker, listeners: [.mqtt(port: 0)], systemTopics: .seconds(10))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try await server.addresses[0].port
            let client = try await WireClient.connected(port, "one")
            try await client.subscribe(.init("$SYS/broker/#"))
            var figures: [String: String] = [:]
            func read(until name: String, is text: String) async throws {
                while figures[name] != text {
                    let message = try await client.message()
                    figures[message.topic] = String(decoding: message.payload, as: UTF8.self)
                }
            }
            try await read(until: "$SYS/broker/uptime", is: "0 seconds")
            _ = try await WireClient.connected(port, "two", expiry: 100)
            while !clock.deadlines.contains(where: { $0.offset == .seconds(10) }) { await Task.yield() }
            clock.advance(to: TestClock.Instant(offset: .seconds(10)))
            try await read(until: "$SYS/broker/uptime", is: "10 seconds")
            try await read(until: "$SYS/broker/clients/maximum", is: "2")
            try await read(until: "$SYS/broker/subscriptions/count", is: "1")
            #expect(figures["$SYS/broker/version"]?.hasPrefix("martlet version ") == true)
            #expect(all.waiting == 0)
            group.cancelAll()
        }
    }

    /// As mosquitto counts: its own topics are retained, and what is retained is stored. What it says of itself is no message of
    /// anybody's, and none on a screen.
    @Test func itsOwnAreCountedAsByMosquitto() async throws {
        let clock = TestClock()
        let broker = MemoryBroker(options: MemoryBroker.Options(clock: clock))
        try await withServer(broker, systemTopics: .seconds(10)) { server, port in
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("1", to: "kept", retain: true)
            let (away, _) = try await WireClient.kept(port, "away")
            try await away.subscribe(.init("waiting", qos: .atLeastOnce))
            try await away.send(.disconnect(Disconnect()))
            _ = try await away.socket.receiveEnd()
            for _ in 0..<2 { try await writer.publishSurely("1", to: "waiting") }
            while !clock.deadlines.contains(where: { $0.offset == .seconds(10) }) { await Task.yield() }
            clock.advance(to: TestClock.Instant(offset: .seconds(10)))
            while !clock.deadlines.contains(where: { $0.offset == .seconds(20) }) { await Task.yield() }
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("$SYS/broker/#"))
            var figures: [String: Int] = [:]
            while figures.count < 17 {
                let message = try await reader.message()
                guard let number = Int(String(decoding: message.payload, as: UTF8.self)) else { continue }
                figures[String(message.topic.dropFirst("$SYS/broker/".count))] = number
            }
            let kept = broker.keptCount
            #expect(kept > 10)
            #expect(figures["retained messages/count"] == kept)
            #expect(figures["messages/stored"] == kept + 2)
            #expect(figures["store/messages/count"] == kept + 2)
            #expect(figures["publish/messages/received"] == 3)
            #expect(figures["martlet/messages/published"] == 3)
            #expect(server.statistics.published == 3)
            #expect(server.statistics.retained == 1)
        }
    }

    /// Nor when one server has followed another.
    @Test func whatAServerSaidIsNoMessageOfTheNextOne() async throws {
        let broker = MemoryBroker()
        for number in 1...2 {
            try await withServer(broker) { server, port in
                let client = try await WireClient.connected(port, "client")
                try await client.subscribe(.init("$SYS/broker/clients/connected"))
                _ = try await client.message()
                try await client.publishSurely("1", to: "a")
                #expect(server.statistics.published == number)
            }
        }
        #expect(broker.statistics.published == 2)
    }

    @Test func clientsCantSayThem() async throws {
        try await withServer { _, port in
            let client = try await WireClient.connected(port, "one")
            try await client.publish("1", to: "$SYS/broker/uptime", .atLeastOnce, id: 1, retain: true)
            #expect(try await client.receive() == .puback(Acknowledgement(1, .topicNameInvalid)))
            // Swift takes the last slash and what follows for one character.
            try await client.publish("1", to: "$SYS/\u{301}", .atLeastOnce, id: 2)
            #expect(try await client.receive() == .puback(Acknowledgement(2, .topicNameInvalid)))
        }
    }
}
