import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// Clients on sockets, packet by packet.
@Suite(.timeLimit(.minutes(5))) struct ClientTests {
    @Test(arguments: ProtocolVersion.allCases, QoS.allCases) func messagesArrive(
        _ version: ProtocolVersion,
        _ qos: QoS
    ) async throws {
        try await withServer { _, port in
            let reader = try await WireClient.connected(port, "reader", version)
            #expect(try await reader.subscribe(.init("a/+", qos: qos)) == [ReasonCode(granted: qos)])
            let writer = try await WireClient.connected(port, "writer", version)
            try await writer.publish("hello", to: "a/b", qos, id: qos == .atMostOnce ? 0 : 7)
            switch qos {
            case .atMostOnce: break
            case .atLeastOnce: #expect(try await writer.receive() == .puback(Acknowledgement(7)))
            case .exactlyOnce:
                #expect(try await writer.receive() == .pubrec(Acknowledgement(7)))
                try await writer.send(.pubrel(Acknowledgement(7)))
                #expect(try await writer.receive() == .pubcomp(Acknowledgement(7)))
            }
            let message = try await reader.message()
            #expect(message.topic == "a/b")
            #expect(message.payload == Array("hello".utf8))
            #expect(message.qos == qos)
            if qos == .exactlyOnce {
                try await reader.send(.pubrec(Acknowledgement(message.packetID)))
                #expect(try await reader.receive() == .pubrel(Acknowledgement(message.packetID)))
                try await reader.send(.pubcomp(Acknowledgement(message.packetID)))
            }
            try await reader.send(.pingreq)
            #expect(try await reader.receive() == .pingresp)
        }
    }

    @Test func whatIsKeptIsSent() async throws {
        try await withServer { _, port in
            let writer = try await WireClient.connected(port, "writer")
            for number in 0..<3 {
                try await writer.publish("\(number)", to: "kept/\(number)", .atLeastOnce, id: 1, retain: true)
            }
            for _ in 0..<3 { _ = try await writer.receive() }
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("kept/#"))
            var topics: Set<String> = []
            for _ in 0..<3 {
                let message = try await reader.message()
                #expect(message.retain)
                topics.insert(message.topic)
            }
            #expect(topics == ["kept/0", "kept/1", "kept/2"])
            // A new one is told to be kept only to those who asked for that.
            try await reader.subscribe(.init("kept/#", retainAsPublished: true, retainHandling: .ifNew))
            try await writer.publish("new", to: "kept/0", retain: true)
            #expect(try await reader.message().retain)
            // That one is not new: nothing that is kept is sent again.
            try await reader.subscribe(.init("kept/#", retainHandling: .ifNew))
            try await writer.publish("newer", to: "kept/0", retain: true)
            #expect(try await reader.message().retain == false)
            // Of nothing nothing is kept.
            try await writer.publish("", to: "kept/1", retain: true)
            #expect(try await reader.message().payload == [])
            let other = try await WireClient.connected(port, "other")
            try await other.subscribe(.init("kept/#"))
            #expect(try await other.textsUntilMark().sorted() == ["2", "newer"])
            try await other.subscribe(.init("kept/#", retainHandling: .never))
            #expect(try await other.textsUntilMark() == [])
        }
    }

    /// As many as there are, to a client that reads slowly: none is lost.
    @Test func manyKeptMessagesFlowAsTheClientTakesThem() async throws {
        var limits = ServerLimits()
        limits.queuedMessages = 10
        try await withServer(limits: limits) { _, port in
            let writer = try await WireClient.connected(port, "writer")
            let text = String(repeating: "x", count: 1_000)
            for number in 0..<3_000 { try await writer.publish(text, to: "kept/\(number)", retain: true) }
            try await writer.send(.pingreq)
            _ = try await writer.receive()
            for qos in [QoS.atMostOnce, .atLeastOnce] {
                let reader = try await WireClient.connected(port, "reader-\(qos)")
                try await reader.send(.subscribe(SubscribeRequest(1, [.init("kept/#", qos: qos)])))
                try await Task.sleep(for: .milliseconds(50))
                guard case .suback = try await reader.receive() else { throw ServerError("No SUBACK") }
                var topics: Set<String> = []
                for _ in 0..<3_000 { topics.insert(try await reader.message().topic) }
                #expect(topics.count == 3_000)
            }
        }
    }

    @Test func aSessionOutlivesItsConnection() async throws {
        try await withServer { _, port in
            let first = try await WireClient.connected(port, "kept", expiry: 100)
            try await first.subscribe(.init("a", qos: .atLeastOnce))
            first.socket.end()
            let writer = try await WireClient.connected(port, "writer")
            for number in 0..<5 {
                try await writer.publish("\(number)", to: "a", .atLeastOnce, id: 1)
                _ = try await writer.receive()
            }
            let again = try WireClient(port)
            #expect(try await again.connect("kept", cleanStart: false, expiry: 100).sessionPresent)
            for number in 0..<5 { #expect(try await again.text() == "\(number)") }
            // By then the broker knows what has arrived.
            try await again.send(.pingreq)
            _ = try await again.receive()
            // Another one of the name takes it over.
            let third = try WireClient(port)
            #expect(try await third.connect("kept", cleanStart: false, expiry: 100).sessionPresent)
            #expect(try await again.disconnectReason() == .sessionTakenOver)
            #expect(try await third.textsUntilMark() == [])
            // Or throws it away.
            let clean = try WireClient(port)
            #expect(try await clean.connect("kept").sessionPresent == false)
            try await writer.publish("x", to: "a")
            #expect(try await clean.textsUntilMark() == [])
        }
    }

    @Test func aWillIsPublished() async throws {
        try await withServer { _, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("gone/#"))
            let will = WillMessage(topic: "gone/a", payload: Array("lost".utf8), retain: true)
            let lost = try await WireClient.connected(port, "lost", .v311, will: will)
            lost.socket.end()
            #expect(try await reader.text() == "lost")
            let orderly = try await WireClient.connected(port, "orderly", .v311, will: will)
            try await orderly.send(.disconnect(Disconnect()))
            _ = try await orderly.socket.receiveEnd()
            #expect(try await reader.textsUntilMark() == [])
            var delayed = will
            delayed.properties.add(.willDelayInterval, 1)
            let later = try await WireClient.connected(port, "later", expiry: 100, will: delayed)
            later.socket.end()
            #expect(try await reader.text() == "lost")
        }
    }

    @Test func silenceIsNoticed() async throws {
        try await withServer { _, port in
            let start = ContinuousClock.now
            let client = try await WireClient.connected(port, "silent", keepAlive: 1)
            #expect(try await client.disconnectReason() == .keepAliveTimeout)
            #expect(ContinuousClock.now - start >= .milliseconds(1_500))
        }
    }

    /// One copy, however many subscriptions match, with all their identifiers.
    @Test func overlappingSubscriptionsGetOneCopy() async throws {
        try await withServer { _, port in
            let client = try await WireClient.connected(port, "client")
            try await client.subscribe(.init("a/#", qos: .atMostOnce), identifier: 1)
            try await client.subscribe(.init("a/+", qos: .atLeastOnce), identifier: 2)
            try await client.publish("x", to: "a/b", .exactlyOnce, id: 9)
            var message: Publish?
            for _ in 0..<2 { if case .publish(let publish) = try await client.receive() { message = publish } }
            #expect(message?.qos == .atLeastOnce)
            #expect(message?.properties.subscriptionIdentifiers.sorted() == [1, 2])
        }
    }

    @Test func onesOwnMessagesAreLeftOut() async throws {
        try await withServer { _, port in
            let client = try await WireClient.connected(port, "client")
            try await client.subscribe(.init("a", noLocal: true))
            try await client.publish("own", to: "a")
            let other = try await WireClient.connected(port, "other")
            try await other.publish("foreign", to: "a")
            #expect(try await client.text() == "foreign")
        }
    }

    @Test func membersOfAGroupShare() async throws {
        try await withServer { server, port in
            let members = [
                try await WireClient.connected(port, "one"), try await WireClient.connected(port, "two", .v311),
            ]
            for member in members { try await member.subscribe(.init("$share/g/a/#")) }
            // The same filter, not shared, is another subscription.
            try await members[0].subscribe(.init("a/#"))
            let writer = try await WireClient.connected(port, "writer")
            for number in 0..<10 { try await writer.publish("\(number)", to: "a/b") }
            try await writer.send(.pingreq)
            _ = try await writer.receive()
            let one = try await members[0].textsUntilMark()
            let two = try await members[1].textsUntilMark()
            #expect(one.count == 15 && two.count == 5)
            // Those who are there get all.
            members[0].socket.end()
            while server.statistics.clients > 2 { await Task.yield() }
            for number in 0..<4 { try await writer.publish("\(number)", to: "a/b") }
            for number in 0..<4 { #expect(try await members[1].text() == "\(number)") }
        }
    }

    @Test func propertiesGoOnUnchanged() async throws {
        try await withServer { _, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("a"))
            let older = try await WireClient.connected(port, "older", .v311)
            try await older.subscribe(.init("a"))
            let writer = try await WireClient.connected(port, "writer")
            var properties = PropertyList()
            properties.add("b", value: "1")
            properties.add("a;bytes", value: "no base64")
            properties.add("b", value: "2")
            properties.add(.payloadFormatIndicator, 1)
            properties.add(.contentType, "text/plain")
            properties.add(.responseTopic, "answers/here")
            properties.add(.correlationData, [0, 255])
            var sent = properties
            sent.add(.messageExpiryInterval, 100)
            sent.add(.topicAlias, 3)
            try await writer.publish("x", to: "a", properties: sent)
            let message = try await reader.message()
            var expected = properties
            expected.add(.messageExpiryInterval, 100)
            #expect(message.properties == expected)
            #expect(try await older.message().properties.isEmpty)
        }
    }

    @Test func identifiersAreGivenToThoseWhoHaveNone() async throws {
        try await withServer { _, port in
            let client = try WireClient(port)
            let answer = try await client.connect("")
            #expect(answer.properties.text(.assignedClientIdentifier)?.isEmpty == false)
            let older = try WireClient(port, .v311)
            #expect(try await older.connect("").reason == .success)
            let refused = try WireClient(port, .v311)
            #expect(try await refused.connect("", cleanStart: false).reason == .clientIdentifierNotValid)
        }
    }

    /// A client need not wait for the answer to its CONNECT.
    @Test func packetsMayFollowConnectAtOnce() async throws {
        try await withServer { _, port in
            let client = try WireClient(port)
            try await client.send(
                .connect(Connect(version: .v5, clientID: "hasty")),
                .subscribe(SubscribeRequest(1, [.init("a")])),
                .publish(Publish(topic: "a", payload: [1])),
                .disconnect(Disconnect())
            )
            var kinds: [PacketKind] = []
            for _ in 0..<3 { kinds.append(try await client.receive().kind) }
            #expect(kinds == [.connack, .suback, .publish])
            #expect(try await client.socket.receiveEnd())
        }
    }

    @Test func whenTheServerEndsClientsAreTold() async throws {
        let server = BrokerServer(MemoryBroker(), listeners: [.mqtt(port: 0)])
        try await withThrowingTaskGroup { group in
            group.addTask { try await server.run() }
            let port = try await server.addresses[0].port
            let client = try await WireClient.connected(port, "client")
            let silent = try WireClient(port)
            group.cancelAll()
            #expect(try await client.disconnectReason() == .serverShuttingDown)
            _ = try await silent.socket.receiveEnd()
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
    }

    /// A will for which there is no room where it was to be kept reaches those who are there.
    @Test func aWillThatCannotBeKeptIsPublished() async throws {
        var options = MemoryBroker.Options()
        options.retainedTopics = 1
        let broker = MemoryBroker(options: options)
        try await withServer(broker, systemTopics: nil) { _, port in
            let watcher = try await WireClient.connected(port, "watcher")
            try await watcher.publish("full", to: "other", retain: true)
            try await watcher.subscribe(.init("gone/#"))
            let will = WillMessage(topic: "gone/a", payload: Array("lost".utf8), qos: .atLeastOnce, retain: true)
            let lost = try await WireClient.connected(port, "lost", will: will)
            lost.socket.end()
            #expect(try await watcher.text() == "lost")
            #expect(broker.keptCount == 1)
        }
    }
}
