import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// Queues of the broker, which clients consume as members of a group.
@Suite(.timeLimit(.minutes(5))) struct QueueTests {
    private static func connection(_ broker: MemoryBroker) async throws -> MemoryConnection {
        try await broker.connect(name: "local")
    }

    @Test(arguments: ProtocolVersion.allCases) func workIsSharedByClientsAndConnections(
        _ version: ProtocolVersion
    ) async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        try await withServer(broker) { _, port in
            let client = try await WireClient.connected(port, "worker", version)
            #expect(
                try await client.subscribe(.init("$share/martlet/jobs/a", qos: .atLeastOnce)) == [.init(rawValue: 1)]
            )
            let worker = try await local.consume(from: "jobs.a", options: ConsumeOptions(prefetch: 1))
            // They take turns.
            for _ in 0..<3 {
                for number in 1...2 { try await local.send(Message("\(number)"), to: "jobs.a") }
                let delivery = try #require(try await worker.next())
                try delivery.ack()
                #expect(try await Set([client.text(), delivery.message.text]) == ["1", "2"])
            }
        }
    }

    /// What is published to a topic goes to its subscribers, and to the queue of its name if there is one.
    @Test func aTopicAndItsQueueAreOneForClients() async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        try await withServer(broker) { _, port in
            let client = try await WireClient.connected(port, "client")
            try await client.publish("nobody", to: "jobs", .atLeastOnce, id: 1)
            #expect(try await client.receive() == .puback(Acknowledgement(1, .noMatchingSubscribers)))
            let topic = try await local.subscribe(to: "jobs")
            let queue = try await local.consume(from: "jobs")
            try await client.subscribe(.init("jobs", qos: .atLeastOnce))
            try await client.publish("both", to: "jobs", .atLeastOnce, id: 2)
            #expect(try await client.text() == "both")
            #expect(try await client.receive() == .puback(Acknowledgement(2)))
            #expect(try await topic.next()?.message.text == "both")
            let delivery = try #require(try await queue.next())
            #expect(delivery.message.text == "both")
            try delivery.ack()
            // Of this process's messages the two are apart, but for clients.
            try await local.publish(Message("topic"), to: "jobs")
            try await local.send(Message("queue"), to: "jobs")
            #expect(try await topic.next()?.message.text == "topic")
            #expect(try await queue.next()?.message.text == "queue")
            #expect(try await [client.text(), client.text()] == ["topic", "queue"])
            #expect(topic.waiting == 0)
        }
    }

    @Test func workWaitsWhileNobodyIsThere() async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        try broker.declareQueue("declared", options: QueueOptions())
        try await withServer(broker) { _, port in
            let publisher = try await WireClient.connected(port, "publisher")
            try await publisher.publish("1", to: "declared", .atLeastOnce, id: 1)
            #expect(try await publisher.receive() == .puback(Acknowledgement(1)))
            try await local.send(Message("2"), to: "declared")
            let worker = try await WireClient.connected(port, "worker", expiry: 1_000)
            try await worker.subscribe(.init("$share/martlet/declared", qos: .atLeastOnce))
            #expect(try await [worker.text(), worker.text()] == ["1", "2"])
            try await worker.subscribe(.init("$share/martlet/kept", qos: .atLeastOnce))
            try await worker.send(.pingreq)
            _ = try await worker.receive()
            try await worker.send(.disconnect(Disconnect()))
            _ = try await worker.socket.receiveEnd()
            // The worker has a session: its queue is there, whether it is or not.
            try await publisher.publish("3", to: "kept", .atLeastOnce, id: 2)
            #expect(try await publisher.receive() == .puback(Acknowledgement(2)))
            #expect(broker.presence.queues.first { $0.name == "kept" }?.waiting == 1)
            let again = try await WireClient.connected(port, "worker", cleanStart: false, expiry: 1_000)
            #expect(try await again.text() == "3")
            try await again.send(.unsubscribe(UnsubscribeRequest(5, ["$share/martlet/kept"])))
            #expect(try await again.receive() == .unsuback(Unsuback(5, [.success])))
            #expect(!broker.presence.queues.contains { $0.name == "kept" })
        }
    }

    @Test func aRejectionIsForAll() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions(deadLetters: "dead"))
        let local = try await Self.connection(broker)
        try await withServer(broker) { _, port in
            let first = try await WireClient.connected(port, "first")
            try await first.subscribe(.init("$share/martlet/jobs", qos: .exactlyOnce))
            let second = try await WireClient.connected(port, "second")
            try await second.subscribe(.init("$share/martlet/jobs", qos: .exactlyOnce))
            try await local.send(Message("bad"), to: "jobs")
            guard case .publish(let message) = try await first.receive() else { throw ServerError("No message") }
            try await first.send(.puback(Acknowledgement(message.packetID, .unspecifiedError)))
            let dead = try await local.consume(from: "dead")
            let letter = try #require(try await dead.next())
            #expect(letter.message.text == "bad")
            #expect(letter.message.headers["death-reason"] == "rejected")
            try letter.ack()
            try await second.publish("bad, too", to: "jobs", .exactlyOnce, id: 1)
            var packets = [try await second.receive(), try await second.receive()]
            #expect(packets.removeFirst() == .pubrec(Acknowledgement(1)))
            guard case .publish(let other) = packets.first else { throw ServerError("No message") }
            try await second.send(.pubrec(Acknowledgement(other.packetID, .notAuthorized)))
            #expect(try await dead.next()?.message.text == "bad, too")
            #expect(try await first.textsUntilMark() == [])
        }
    }

    /// What a client that goes has not acknowledged, others get, and are told so.
    @Test(arguments: [ProtocolVersion.v5, .v311]) func unacknowledgedWorkGoesToOthers(
        _ version: ProtocolVersion
    ) async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        try await withServer(broker) { _, port in
            let first = try await WireClient.connected(port, "first", version, cleanStart: false, expiry: 100)
            try await first.subscribe(.init("$share/martlet/jobs", qos: .atLeastOnce))
            try await local.send(Message("work", headers: ["n": 7]), to: "jobs")
            guard case .publish = try await first.receive() else { throw ServerError("No message") }
            let second = try await WireClient.connected(port, "second", version)
            try await second.subscribe(.init("$share/martlet/jobs", qos: .atLeastOnce))
            first.socket.end()
            guard case .publish(let message) = try await second.receive() else { throw ServerError("No message") }
            #expect(!message.isDuplicate)
            if version == .v5 {
                #expect(message.payload == Array("work".utf8))
                #expect(message.properties.pairs.map(\.name).sorted() == ["n", "redeliveries"])
            }
            // The first gets it no more, nor does anybody once the second has acknowledged it.
            try await second.send(.puback(Acknowledgement(message.packetID)))
            let back = try await WireClient.connected(port, "first", version, cleanStart: false, expiry: 100)
            #expect(try await back.textsUntilMark() == [])
            second.socket.end()
            // Connections of this process are among the others.
            while broker.presence.clients.count > 2 { await Task.yield() }
            try await local.send(Message("again"), to: "jobs")
            guard case .publish = try await back.receive() else { throw ServerError("No message") }
            let ours = try await local.consume(from: "jobs")
            back.socket.end()
            let delivery = try #require(try await ours.next())
            #expect(delivery.message.text == "again")
            #expect(delivery.redeliveries == 1)
            try delivery.ack()
        }
    }

    /// With QoS 2 a client has what has begun to be delivered to it; nobody else gets that.
    @Test func whatHasBegunWithQoS2IsOneClients() async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        let exactly = SendOptions(guarantee: .exactlyOnce)
        try await withServer(broker) { _, port in
            let first = try await WireClient.connected(port, "first", cleanStart: false, expiry: 100)
            try await first.subscribe(.init("$share/martlet/jobs", qos: .exactlyOnce))
            try await local.send(Message("one"), to: "jobs", options: exactly)
            guard case .publish(let message) = try await first.receive() else { throw ServerError("No message") }
            #expect(message.qos == .exactlyOnce)
            let second = try await WireClient.connected(port, "second")
            try await second.subscribe(.init("$share/martlet/jobs", qos: .exactlyOnce))
            first.socket.end()
            while broker.presence.clients.count > 2 { await Task.yield() }
            #expect(try await second.textsUntilMark() == [])
            let back = try await WireClient.connected(port, "first", cleanStart: false, expiry: 0)
            guard case .publish(let resent) = try await back.receive() else { throw ServerError("No message") }
            #expect(resent.isDuplicate && resent.packetID == message.packetID)
            // Its session ends with it: the message is nobody's.
            back.socket.end()
            while broker.presence.clients.count > 2 { await Task.yield() }
            #expect(try await second.textsUntilMark() == [])
            #expect(broker.presence.queues.first { $0.name == "jobs" }?.unsettled == 0)
            #expect(broker.statistics.droppedDeadLetters == 1)
        }
    }

    /// A client has as much in hand as it takes; the rest is for others.
    @Test func aClientGetsAsMuchAsItTakes() async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        try await withServer(broker) { _, port in
            let client = try WireClient(port)
            var connect = Connect(version: .v5, clientID: "worker", keepAlive: 0)
            connect.properties.add(.receiveMaximum, 2)
            try await client.send(.connect(connect))
            _ = try await client.receive()
            try await client.subscribe(.init("$share/martlet/jobs", qos: .atLeastOnce))
            for number in 0..<5 { try await local.send(Message("\(number)"), to: "jobs") }
            var held: [UInt16] = []
            for _ in 0..<2 {
                guard case .publish(let message) = try await client.receive() else { throw ServerError("No message") }
                held.append(message.packetID)
            }
            try await client.send(.pingreq)
            #expect(try await client.receive() == .pingresp)
            let queue = try #require(broker.presence.queues.first { $0.name == "jobs" })
            #expect(queue.waiting == 3 && queue.unsettled == 2)
            let other = try await WireClient.connected(port, "other")
            try await other.subscribe(.init("$share/martlet/jobs"))
            // Without a guarantee each is done with when it is sent.
            #expect(try await [other.text(), other.text(), other.text()] == ["2", "3", "4"])
            while broker.presence.queues.first(where: { $0.name == "jobs" })?.unsettled != 2 { await Task.yield() }
            for id in held { try await client.send(.puback(Acknowledgement(id))) }
            while broker.presence.queues.first(where: { $0.name == "jobs" })?.unsettled != 0 { await Task.yield() }
        }
    }

    /// What a client has in hand counts towards what it takes when it is back, too.
    @Test func whatIsInHandCountsWhenTheClientIsBack() async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        func client(_ port: Int) async throws -> WireClient {
            let client = try WireClient(port)
            var connect = Connect(version: .v5, clientID: "worker", cleanStart: false, keepAlive: 0)
            connect.properties.add(.receiveMaximum, 1)
            connect.properties.add(.sessionExpiryInterval, 100)
            try await client.send(.connect(connect))
            _ = try await client.receive()
            return client
        }
        func unsettled() -> Int? { broker.presence.queues.first { $0.name == "jobs" }?.unsettled }
        try await withServer(broker) { _, port in
            let worker = try await client(port)
            try await worker.subscribe(.init("$share/martlet/jobs", qos: .exactlyOnce))
            for text in ["1", "2", "3"] {
                try await local.send(Message(text), to: "jobs", options: SendOptions(guarantee: .exactlyOnce))
            }
            guard case .publish = try await worker.receive() else { throw ServerError("No message") }
            worker.socket.end()
            while broker.presence.clients.count > 1 { await Task.yield() }
            let back = try await client(port)
            for _ in 0..<3 {
                guard case .publish(let message) = try await back.receive() else { throw ServerError("No message") }
                #expect(unsettled() == 1)
                try await back.send(.pubrec(Acknowledgement(message.packetID)))
                #expect(try await back.receive() == .pubrel(Acknowledgement(message.packetID)))
                try await back.send(.pubcomp(Acknowledgement(message.packetID)))
            }
            #expect(unsettled() == 0)
        }
    }

    /// Of a full queue whose senders wait, a client waits by not being read from.
    @Test func aFullQueueHoldsUpTheClientThatPublishes() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions(limit: 10))
        try broker.declareQueue("strict", options: QueueOptions(limit: 1, overflow: .reject))
        let local = try await Self.connection(broker)
        try await withServer(broker) { _, port in
            let client = try await WireClient.connected(port, "client")
            for (id, reason) in [(1, ReasonCode.success), (2, .quotaExceeded)] {
                try await client.publish("x", to: "strict", .atLeastOnce, id: UInt16(id))
                #expect(try await client.receive() == .puback(Acknowledgement(UInt16(id), reason)))
            }
            for number in 0..<100 { try await client.publish("\(number)", to: "jobs") }
            try await client.send(.pingreq)
            while broker.presence.queues.first(where: { $0.name == "jobs" })?.waiting != 10 { await Task.yield() }
            let worker = try await local.consume(from: "jobs")
            for number in 0..<100 {
                let delivery = try #require(try await worker.next())
                #expect(delivery.message.text == "\(number)")
                try delivery.ack()
            }
            #expect(try await client.receive() == .pingresp)
        }
    }

    private static func rules(_ text: String) throws -> AccessRules { try AccessRules(text: text, name: "rules") }

    /// Who may not read a queue does not consume it: what is in it is for others, and for the same session when it may again.
    @Test func whoMayNotReadAQueueKeepsItFromNobody() async throws {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions())
        let local = try await Self.connection(broker)
        func queue() -> BrokerPresence.Queue? { broker.presence.queues.first { $0.name == "jobs" } }
        func send(_ numbers: Range<Int>) async throws {
            for number in numbers { try await local.send(Message("\(number)"), to: "jobs") }
        }
        let strict = "pattern readwrite mark/%u\nuser carol\ntopic read jobs\n"
        let lenient = try Self.rules(strict + "user alice\ntopic read jobs\n")
        try await withServer(broker, authenticator: Named(), rules: lenient) { server, port in
            func client(_ id: String, user: String) async throws -> WireClient {
                let client = try WireClient(port)
                try await client.connect(id, cleanStart: false, expiry: 1_000, user: user)
                return client
            }
            let first = try await client("worker", user: "alice")
            try await first.subscribe(.init("$share/martlet/jobs", qos: .atLeastOnce))
            try await first.send(.disconnect(Disconnect()))
            _ = try await first.socket.receiveEnd()
            try await send(0..<5)
            // Somebody else takes up the session.
            let bob = try await client("worker", user: "bob")
            #expect(try await bob.textsUntilMarkOf("mark/bob") == [])
            #expect(queue()?.waiting == 5 && queue()?.consumers == 0)
            let alice = try await client("worker", user: "alice")
            for number in 0..<5 { #expect(try await alice.text() == "\(number)") }
            try await until { queue()?.unsettled == 0 }
            // The rules are exchanged while she is there, and back.
            server.setRules(try Self.rules(strict))
            #expect(queue()?.consumers == 0)
            try await send(5..<10)
            #expect(try await alice.textsUntilMarkOf("mark/alice") == [])
            let carol = try await client("other", user: "carol")
            try await carol.subscribe(.init("$share/martlet/jobs", qos: .atLeastOnce))
            for number in 5..<10 { #expect(try await carol.text() == "\(number)") }
            try await carol.send(.unsubscribe(UnsubscribeRequest(5, ["$share/martlet/jobs"])))
            #expect(try await carol.receive() == .unsuback(Unsuback(5, [.success])))
            try await send(10..<12)
            server.setRules(lenient)
            #expect(try await [alice.text(), alice.text()] == ["10", "11"])
            try await alice.send(.unsubscribe(UnsubscribeRequest(5, ["$share/martlet/jobs"])))
            #expect(try await alice.receive() == .unsuback(Unsuback(5, [.success])))
            #expect(queue()?.consumers == 0)
        }
        #expect(broker.statistics.droppedDeadLetters == 0)
    }

    /// Where no group consumes queues, or one whose name has other bytes.
    @Test(arguments: [("martlet", nil), ("cafe\u{301}", "caf\u{E9}")])
    func theGroupCanBeLikeAnyOther(_ own: String, _ queueGroup: String?) async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        let server = BrokerServer(broker, listeners: [.mqtt(port: 0)], queueGroup: queueGroup)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try await server.addresses[0].port
            let client = try await WireClient.connected(port, "client")
            try await client.subscribe(.init("$share/\(own)/jobs", qos: .atLeastOnce))
            try await local.publish(Message("topic"), to: "jobs")
            #expect(try await client.text() == "topic")
            #expect(broker.presence.queues.isEmpty)
            group.cancelAll()
        }
    }

    /// Expiry, headers and envelopes go through a queue as they do through a topic.
    @Test func messagesAreTheSameBehindAQueue() async throws {
        let broker = MemoryBroker()
        let local = try await Self.connection(broker)
        try await withServer(broker) { _, port in
            let new = try await WireClient.connected(port, "new")
            let old = try await WireClient.connected(port, "old", .v311)
            let ours = try await local.consume(from: "ours")
            try await old.publish(#"{"header":{"timestamp":1,"properties":{"n":7}},"data":[1]}"#, to: "ours")
            let delivery = try #require(try await ours.next())
            #expect(delivery.message.text == "[1]")
            #expect(delivery.message.headers["n"] == 7)
            try delivery.ack()
            try await new.subscribe(.init("$share/martlet/theirs", qos: .atLeastOnce))
            let options = SendOptions(expiry: .seconds(100))
            try await local.send(Message("[2]", headers: ["n": 7]), to: "theirs", options: options)
            let message = try await new.message()
            #expect(message.payload == Array("[2]".utf8))
            #expect(message.properties.pairs.map(\.name) == ["n"])
            #expect(message.properties.number(.messageExpiryInterval) == 100)
            // What one client sends another reaches it unchanged.
            var properties = PropertyList()
            properties.add("a", value: "1")
            properties.add("a", value: "2")
            try await old.publish("plain", to: "theirs")
            #expect(try await new.text() == "plain")
            try await new.publish("{}", to: "theirs", .atLeastOnce, id: 9, properties: properties)
            var own = try await new.receive()
            if case .puback = own { own = try await new.receive() }
            guard case .publish(let back) = own else { throw ServerError("No message") }
            #expect(back.properties.pairs.map(\.value) == ["1", "2"])
        }
    }

    /// What is refused is in the queue no more than it is kept or delivered: the client that is told so may send it again.
    @Test func whatIsRefusedIsNowhere() async throws {
        var options = MemoryBroker.Options()
        options.retainedTopics = 1
        let broker = MemoryBroker(options: options)
        for (name, overflow) in [("jobs", QueueOverflow.reject), ("waiting", .suspend), ("free", .reject)] {
            let limit = name == "free" ? 10 : 1
            try broker.declareQueue(QueueName(name), options: QueueOptions(limit: limit, overflow: overflow))
        }
        func waiting(_ name: QueueName) -> Int? { broker.presence.queues.first { $0.name == name }?.waiting }
        try await withServer(broker, systemTopics: nil) { _, port in
            let client = try await WireClient.connected(port, "client")
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("#", qos: .atLeastOnce))
            for (name, qos) in [("jobs", QoS.atLeastOnce), ("waiting", .exactlyOnce)] {
                #expect(try await client.publishSurely("full", to: name, qos) == .success)
            }
            // The queue has no place; the message could be kept.
            #expect(try await client.publishSurely("a", to: "jobs", retain: true) == .quotaExceeded)
            #expect(try await client.publishSurely("b", to: "jobs", .exactlyOnce, retain: true) == .quotaExceeded)
            #expect(broker.keptCount == 0)
            // The queue has a place, or would have its sender wait; the message can't be kept.
            #expect(try await client.publishSurely("kept", to: "other", retain: true) == .success)
            for name in ["free", "waiting"] {
                #expect(try await client.publishSurely("c", to: name, retain: true) == .quotaExceeded)
            }
            #expect(waiting("free") == 0)
            #expect(waiting("waiting") == 1)
            let worker = try await WireClient.connected(port, "worker")
            try await worker.subscribe(.init("$share/martlet/waiting", qos: .atLeastOnce))
            #expect(try await worker.textsUntilMark() == ["full"])
            // What takes no place more is taken.
            #expect(try await client.publishSurely("anew", to: "other", retain: true) == .success)
            #expect(try await client.publishSurely("", to: "free", retain: true) == .success)
            #expect(waiting("free") == 1)
            let all = try await reader.textsUntilMark()
            #expect(all.filter { !$0.isEmpty } == ["full", "full", "kept", "anew"])
        }
    }

    /// What comes again comes as it came before: bare to a client that got it bare.
    @Test(arguments: [ProtocolVersion.v31, .v311]) func whatComesAgainIsAsItWas(_ version: ProtocolVersion) async throws
    {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions())
        let local = try await Self.connection(broker)
        try await withServer(broker) { _, port in
            let old = try await WireClient.connected(port, "old", version)
            let new = try await WireClient.connected(port, "new")
            try await old.publishSurely("bare", to: "jobs")
            var properties = PropertyList()
            properties.add(.contentType, "text/plain")
            properties.add("a", value: "1")
            try await new.publishSurely("beside", to: "jobs", properties: properties)
            try await local.send(Message("ours"), to: "jobs")
            let envelope = #"{"header":{"timestamp":1,"properties":{"n":7}},"data":"theirs"}"#
            try await old.publishSurely(envelope, to: "jobs")
            try await local.send(Message("named", headers: ["n": 7]), to: "jobs")
            for round in 0..<3 {
                let worker = try await WireClient.connected(port, "worker", version)
                try await worker.subscribe(.init("$share/martlet/jobs", qos: .atLeastOnce))
                var payloads: [[UInt8]] = []
                for _ in 0..<5 {
                    guard case .publish(let message) = try await worker.receive() else {
                        throw ServerError("No message")
                    }
                    #expect(!message.isDuplicate)
                    payloads.append(message.payload)
                }
                #expect(payloads[..<3].map { String(decoding: $0, as: UTF8.self) } == ["bare", "beside", "ours"])
                if round == 0 { #expect(payloads[3] == Array(envelope.utf8)) }
                // What is in an envelope is told how often it was delivered before.
                for payload in payloads[3...] {
                    let message = try #require(Envelope.unwrap(payload, from: .publication))
                    #expect(message.headers["n"] == 7)
                    #expect(message.headers["redeliveries"] == (round == 0 ? nil : .integer(Int64(round))))
                }
                worker.socket.end()
                while broker.presence.clients.contains(where: { $0.client.name == "worker" }) { await Task.yield() }
            }
            // A client of MQTT 5 is told of all.
            let last = try await WireClient.connected(port, "last")
            try await last.subscribe(.init("$share/martlet/jobs", qos: .atLeastOnce))
            for _ in 0..<5 {
                let message = try await last.message()
                #expect(message.properties.pairs.contains { $0 == ("redeliveries", "3") })
            }
        }
    }
}
