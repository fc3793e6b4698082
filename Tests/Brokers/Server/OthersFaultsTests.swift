import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// What other brokers were reported to get wrong.
@Suite(.timeLimit(.minutes(5))) struct OthersFaultsTests {
    private static func list(_ numbers: (PropertyID, UInt32)...) -> PropertyList {
        var list = PropertyList()
        for (id, number) in numbers { list.add(id, number) }
        return list
    }

    /// A client that has been let in, with properties of its own.
    private static func client(
        _ port: Int,
        _ id: String,
        cleanStart: Bool = true,
        will: WillMessage? = nil,
        _ properties: (PropertyID, UInt32)...
    ) async throws -> (WireClient, Connack) {
        let client = try WireClient(port)
        var connect = Connect(version: .v5, clientID: id, cleanStart: cleanStart, keepAlive: 0, will: will)
        for (id, number) in properties { connect.properties.add(id, number) }
        try await client.send(.connect(connect))
        guard case .connack(let connack) = try await client.receive() else { throw ServerError("No CONNACK") }
        return (client, connack)
    }

    /// vernemq/vernemq#2551: what waits for an absent client is told to be kept if it asked for that.
    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce]) func theRetainFlagWaitsWithItsMessage(_ qos: QoS) async throws {
        try await withServer { _, port in
            let (away, _) = try await WireClient.kept(port, "away")
            try await away.subscribe(.init("a", qos: qos, retainAsPublished: true), .init("b", qos: qos))
            try await away.send(.disconnect(Disconnect()))
            _ = try await away.socket.receiveEnd()
            let writer = try await WireClient.connected(port, "writer")
            for topic in ["a", "b"] {
                for retain in [true, false] { try await writer.publishSurely("x", to: topic, qos, retain: retain) }
            }
            let (back, _) = try await WireClient.kept(port, "away")
            for (topic, retain) in [("a", true), ("a", false), ("b", false), ("b", false)] {
                let message = try await back.message()
                #expect(message.topic == topic && message.retain == retain && message.qos == qos)
            }
            // And what is sent again says it again.
            guard qos == .exactlyOnce else { return }
            back.socket.end()
            let (again, _) = try await WireClient.kept(port, "away")
            let message = try await again.message()
            #expect(message.retain && message.isDuplicate)
        }
    }

    /// nanomq/nanomq#2442, absmach/fluxmq#635: a DISCONNECT that breaks the protocol is none, and the will is published.
    @Test(
        arguments: [
            ([0xE0, 2, 0xFF, 0], ReasonCode.protocolError), ([0xE0, 2, 0x85, 0], .protocolError),
            ([0xE1, 0], .malformedPacket), ([0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9], .protocolError),
            ([0xE0, 3, 0, 5, 0x11], .malformedPacket),
        ] as [([UInt8], ReasonCode)]
    )
    func aWrongDisconnectIsNone(_ bytes: [UInt8], _ reason: ReasonCode) async throws {
        try await withServer { server, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("gone"))
            let will = WillMessage(topic: "gone", payload: Array("lost".utf8))
            let client = try await WireClient.connected(port, "client", will: will)
            try await client.socket.sendAll(bytes)
            #expect(try await client.disconnectReason() == reason)
            #expect(try await reader.text() == "lost")
            try await until { server.statistics.sessions == 1 }
        }
    }

    /// dotnet/MQTTnet#2264: how long a session is kept is what the latest CONNECT says, or the DISCONNECT that ends its connection.
    @Test func theLatestExpiryHolds() async throws {
        try await withServer { server, port in
            _ = try await WireClient.kept(port, "client", expiry: 1_000)
            let (second, isPresent) = try await WireClient.kept(port, "client", expiry: 1_000)
            #expect(isPresent)
            try await second.send(.disconnect(Disconnect(properties: Self.list((.sessionExpiryInterval, 0)))))
            _ = try await second.socket.receiveEnd()
            #expect(server.statistics.sessions == 0)
            _ = try await WireClient.kept(port, "client", expiry: 1_000)
            // One that says nothing of it has it end with its connection.
            let last = try WireClient(port)
            #expect(try await last.connect("client", cleanStart: false).sessionPresent)
            last.socket.end()
            try await until { server.statistics.sessions == 0 }
        }
    }

    /// emqx/emqx#3614, #18797: a number for the topic takes the place of no property, and is for those who take one.
    @Test func propertiesStayBesideAnAlias() async throws {
        try await withServer { _, port in
            let (reader, _) = try await Self.client(port, "reader", (.topicAliasMaximum, 1))
            let (plain, _) = try await Self.client(port, "plain")
            let topic = "house/kitchen/temperature"
            for client in [reader, plain] { try await client.subscribe(.init(topic)) }
            let writer = try await WireClient.connected(port, "writer")
            var properties = PropertyList()
            properties.add(.contentType, "text/plain")
            properties.add(.responseTopic, "answers/here")
            properties.add(.correlationData, [0, 255])
            properties.add("b", value: "1")
            var sent = properties
            sent.add(.topicAlias, 7)
            for number in 0..<3 {
                try await writer.publish("\(number)", to: number == 0 ? topic : "", properties: sent)
                var message = try await plain.message()
                #expect(message.topic == topic && message.properties == properties)
                message = try await reader.message()
                #expect(message.topic == (number == 0 ? topic : "") && message.properties.number(.topicAlias) == 1)
                message.properties.remove(.topicAlias)
                #expect(message.properties == properties)
            }
        }
    }

    /// vernemq/vernemq#1287, #1294: what is kept, and what is shared, has the identifier of its subscription.
    @Test func subscriptionsAreNamedToWhomeverIsServed() async throws {
        try await withServer { _, port in
            let client = try await WireClient.connected(port, "client")
            try await client.publish("x", to: "a/b", retain: true)
            try await client.subscribe(.init("a/#"), identifier: 7)
            #expect(try await client.message().properties.subscriptionIdentifiers == [7])
            // The other one that matches as well is not what it is sent for.
            try await client.subscribe(.init("a/+"), identifier: 8)
            #expect(try await client.message().properties.subscriptionIdentifiers == [8])
            try await client.subscribe(.init("$share/g/s"), identifier: 268_435_455)
            try await client.publish("x", to: "s")
            #expect(try await client.message().properties.subscriptionIdentifiers == [268_435_455])
            // One that is made anew without one has none.
            try await client.subscribe(.init("$share/g/s"))
            try await client.publish("x", to: "s")
            #expect(try await client.message().properties.subscriptionIdentifiers == [])
        }
    }

    /// moquette-io/moquette#411, #653: what is kept is of the lesser quality of two, and is acknowledged as any other message.
    @Test func whatIsKeptIsSentAsAnyOther() async throws {
        try await withServer { _, port in
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("x", to: "kept", .exactlyOnce, retain: true)
            for version in ProtocolVersion.allCases {
                let client = try await WireClient.connected(port, "client", version)
                try await client.subscribe(.init("kept", qos: .atMostOnce))
                #expect(try await client.message().qos == .atMostOnce)
                // A filter that is there is replaced, and what is kept comes once more (emqx/emqx#1314).
                try await client.subscribe(.init("kept", qos: .exactlyOnce))
                let message = try await client.message()
                #expect(message.qos == .exactlyOnce && message.retain)
                try await client.send(.pubrec(Acknowledgement(message.packetID)))
                #expect(try await client.receive() == .pubrel(Acknowledgement(message.packetID)))
                try await client.send(.pubcomp(Acknowledgement(message.packetID)), .pingreq)
                #expect(try await client.receive() == .pingresp)
            }
        }
    }

    /// An alias stands for its topic though the message that named it was refused, and may not read more than that.
    @Test func anAliasOutlivesARefusal() async throws {
        let rules = try AccessRules(text: "topic read #\ntopic write open\n", name: "rules")
        try await withServer(rules: rules) { _, port in
            let client = try await WireClient.connected(port, "client")
            try await client.subscribe(.init("#"))
            let alias = Self.list((.topicAlias, 1))
            try await client.publish("1", to: "secret", .atLeastOnce, id: 1, properties: alias)
            #expect(try await client.receive() == .puback(Acknowledgement(1, .notAuthorized)))
            try await client.publish("2", to: "", .atLeastOnce, id: 2, properties: alias)
            #expect(try await client.receive() == .puback(Acknowledgement(2, .notAuthorized)))
            try await client.publish("3", to: "open", properties: alias)
            #expect(try await client.text() == "3")
            try await client.publish("4", to: "", properties: alias)
            #expect(try await client.message().topic == "open")
        }
    }

    /// A filter that one SUBSCRIBE has twice is one subscription, as the last says.
    @Test func aFilterTwiceIsOneSubscription() async throws {
        try await withServer { server, port in
            let client = try await WireClient.connected(port, "client")
            let reasons = try await client.subscribe(.init("a", qos: .exactlyOnce), .init("a", qos: .atLeastOnce))
            #expect(reasons == [QoS.exactlyOnce, .atLeastOnce].map(ReasonCode.init(granted:)))
            #expect(server.statistics.subscriptions == 1)
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("x", to: "a", .exactlyOnce)
            let message = try await client.message()
            #expect(message.qos == .atLeastOnce)
            #expect(try await client.textsUntilMark() == [])
        }
    }

    /// A will of nothing that is to be kept takes away what was kept, as any such message; and the life of a will begins when it is
    /// published.
    @Test func willsAreMessagesLikeOthers() async throws {
        try await withServer { server, port in
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("here", to: "state", retain: true)
            let client = try await WireClient.connected(
                port,
                "client",
                will: WillMessage(topic: "state", payload: [], retain: true)
            )
            #expect(server.statistics.retained == 1)
            client.socket.end()
            try await until { server.statistics.retained == 0 }
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("gone"))
            let will = WillMessage(topic: "gone", payload: [1], properties: Self.list((.messageExpiryInterval, 1)))
            let second = try await WireClient.connected(port, "second", will: will)
            try await Task.sleep(for: .milliseconds(1_200))
            second.socket.end()
            #expect(try await reader.message().properties.number(.messageExpiryInterval) == 1)
        }
    }

    /// eclipse-mosquitto/mosquitto#3542: however much waits for a client, what it asks is answered.
    @Test func answersAreNotDroppedForMessages() async throws {
        var limits = ServerLimits()
        limits.queuedMessages = 5
        try await withServer(limits: limits) { server, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("a"))
            let writer = try await WireClient.connected(port, "writer")
            let text = String(repeating: "x", count: 100_000)
            // Until its socket is full, and its queue as well.
            while server.statistics.dropped == 0 { try await writer.publishSurely(text, to: "a", .exactlyOnce) }
            try await reader.send(.unsubscribe(UnsubscribeRequest(9, ["a"])), .pingreq)
            var kinds: [PacketKind] = []
            while kinds.last != .pingresp {
                let packet = try await reader.receive()
                if packet.kind != .publish { kinds.append(packet.kind) }
            }
            #expect(kinds == [.unsuback, .pingresp])
        }
    }

    /// rmqtt/rmqtt#513, emqx/emqx#18425: what is longer than a client takes keeps nothing else from it, and one that is as long as
    /// it takes is not too long.
    @Test func whatIsTooLongHoldsUpNothing() async throws {
        try await withServer { server, port in
            let (away, _) = try await WireClient.kept(port, "away")
            try await away.subscribe(.init("a", qos: .atLeastOnce))
            try await away.send(.disconnect(Disconnect()))
            _ = try await away.socket.receiveEnd()
            let writer = try await WireClient.connected(port, "writer")
            // A packet of 100 bytes has two for its kind and length, three for the topic, two for its identifier, and one for the
            // properties that it has not.
            for count in [1, 93, 92, 500, 2] {
                try await writer.publishSurely(String(repeating: "x", count: count), to: "a")
            }
            let (back, connack) = try await Self.client(
                port,
                "away",
                cleanStart: false,
                (.sessionExpiryInterval, 1_000),
                (.maximumPacketSize, 100)
            )
            #expect(connack.sessionPresent)
            for count in [1, 92, 2] { #expect(try await back.message().payload.count == count) }
            try await back.send(.pingreq)
            #expect(try await back.receive() == .pingresp)
            #expect(server.statistics.dropped == 2 && server.statistics.queued == 0)
        }
    }

    /// eclipse-mosquitto/mosquitto#1752: a client whose will is to wait, and that comes again and again, gets what it has subscribed to.
    @Test func aWillThatWaitsIsInNobodysWay() async throws {
        try await withServer { _, port in
            let writer = try await WireClient.connected(port, "writer")
            let will = WillMessage(topic: "a", payload: [1], properties: Self.list((.willDelayInterval, 10)))
            for number in 0..<10 {
                let (client, _) = try await WireClient.kept(port, "client", will: will)
                try await client.subscribe(.init("#", qos: .exactlyOnce))
                try await writer.publishSurely("\(number)", to: "a")
                #expect(try await client.text() == "\(number)")
                // By then the broker knows that it has arrived.
                try await client.send(.pingreq)
                #expect(try await client.receive() == .pingresp)
                if number % 2 == 0 {
                    try await client.send(.disconnect(Disconnect()))
                    _ = try await client.socket.receiveEnd()
                } else {
                    client.socket.end()
                }
            }
        }
    }
}
