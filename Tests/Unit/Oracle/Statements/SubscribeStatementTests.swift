import MartletMQTTWire
import Testing

@testable import Martlet
@testable import MartletServer

/// What MQTT says of subscriptions, and of what comes by them.
@Suite struct SubscribeStatementTests {
    // MQTT 5: 3.8.4-1, 3.8.4-2, 3.8.4-5, 3.8.4-6, 3.8.4-7, 3.9.3-1, 3.9.3-2, 2.2.1-6.
    // MQTT 3.1.1: 3.8.4-1, 3.8.4-2, 3.8.4-4, 3.8.4-5, 3.9.3-1, 3.9.3-2, 2.3.1-7.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func subackAnswersEachFilterInOrder(_ version: ProtocolVersion) throws
    {
        var limits = ServerLimits()
        limits.subscriptions = 3
        let bench = Bench(limits)
        let peer = try bench.client("a", version)
        _ = peer.take()
        let entries: [SubscribeRequest.Entry] = [
            .init("a", qos: .exactlyOnce), .init("b"), .init("c", qos: .atLeastOnce), .init("d"), .init("a"),
        ]
        peer.say(.subscribe(SubscribeRequest(77, entries)))
        let failed: ReasonCode = version == .v5 ? .quotaExceeded : .unspecifiedError
        let granted = [QoS.exactlyOnce, .atMostOnce, .atLeastOnce].map { ReasonCode(granted: $0) }
        #expect(peer.take() == [.suback(Suback(77, granted + [failed, .success]))])
    }

    // MQTT 5: 3.8.4-3, 3.8.4-8, 3.3.2-3. MQTT 3.1.1: 3.8.4-3, 3.8.4-6, 3.3.2-3.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func aFilterOnceMoreReplacesTheSubscription(
        _ version: ProtocolVersion
    ) throws {
        let bench = Bench()
        let (reader, peer) = (try bench.client("r", version), try bench.client("a"))
        for granted in QoS.allCases + [.atMostOnce] {
            reader.subscribe(.init("t", qos: granted))
            for (id, qos) in zip(UInt16(0)..., QoS.allCases) {
                peer.publish("t", "x", qos, id: id)
                if qos == .exactlyOnce { peer.say(.pubrel(Acknowledgement(id))) }
                #expect(reader.messages().map(\.qos) == [min(granted, qos)])
            }
        }
    }

    // MQTT 5: 3.3.4-2, 3.3.4-3, 3.3.4-4. MQTT 3.1.1: 3.3.5-1.
    @Test func overlappingSubscriptionsGetOneCopyOfTheGreatestQoS() throws {
        let bench = Bench()
        let reader = try bench.client("r")
        reader.subscribe(.init("t/#", qos: .atLeastOnce), identifier: 7)
        reader.subscribe(.init("t/+", qos: .atMostOnce), identifier: 8)
        reader.subscribe(.init("t/x", qos: .exactlyOnce))
        try bench.client("a").publish("t/x", "x", .exactlyOnce, id: 1)
        let messages = reader.messages()
        #expect(messages.map(\.qos) == [.exactlyOnce])
        #expect(messages.first?.properties.subscriptionIdentifiers.sorted() == [7, 8])
    }

    // MQTT 5: 3.3.4-5, 4.8.2-3.
    @Test func aSharedSubscriptionHasACopyOfItsOwn() throws {
        let bench = Bench()
        let reader = try bench.client("r")
        reader.subscribe(.init("t", qos: .exactlyOnce), identifier: 1)
        reader.subscribe(.init("$share/g/t", qos: .atLeastOnce), identifier: 2)
        try bench.client("a").publish("t", "x", .exactlyOnce, id: 1)
        let copies = reader.messages().sorted { $0.qos > $1.qos }
        #expect(copies.map(\.qos) == [.exactlyOnce, .atLeastOnce])
        #expect(copies.map(\.properties.subscriptionIdentifiers) == [[1], [2]])
    }

    // MQTT 5: 3.8.3-3.
    @Test func onesOwnMessagesAreLeftOut() throws {
        let bench = Bench()
        let (own, other) = (try bench.client("a"), try bench.client("b"))
        own.subscribe(.init("t", noLocal: true))
        own.publish("t", "own")
        other.publish("t", "other")
        #expect(own.texts() == ["other"])
    }

    // MQTT 5: 3.10.4-2, 3.10.4-4, 3.10.4-5, 3.10.4-6, 3.11.3-1, 3.11.3-2, 2.2.1-6.
    // MQTT 3.1.1: 3.10.4-2, 3.10.4-4, 3.10.4-5, 3.10.4-6, 2.3.1-7.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func unsubackAnswersEachFilterInOrder(_ version: ProtocolVersion)
        throws
    {
        let bench = Bench()
        let peer = try bench.client("a", version)
        peer.subscribe(.init("a"), .init("b"))
        _ = peer.take()
        peer.say(.unsubscribe(UnsubscribeRequest(78, ["c", "b", "a", "a"])))
        let reasons: [ReasonCode] = [.noSubscriptionExisted, .success, .success, .noSubscriptionExisted]
        #expect(peer.take() == [.unsuback(Unsuback(78, version == .v5 ? reasons : []))])
        for topic in ["a", "b"] { peer.publish(topic) }
        #expect(peer.messages().isEmpty)
        peer.say(.unsubscribe(UnsubscribeRequest(79, ["a"])))
        #expect(peer.take().kinds == [.unsuback])
    }

    // MQTT 5: 3.10.4-3. MQTT 3.1.1: 3.10.4-3.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func whatHasBegunIsCompleted(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let expiry: UInt32? = version == .v5 ? 60 : nil
        var reader = try bench.client("r", version, cleanStart: false, expiry: expiry)
        reader.subscribe(.init("t", qos: .exactlyOnce))
        try bench.client("a").publish("t", "1", .exactlyOnce, id: 1)
        let id = try #require(reader.messages().first?.packetID)
        reader.say(.unsubscribe(UnsubscribeRequest(5, ["t"])))
        reader.leave()
        reader = try bench.client("r", version, cleanStart: false, expiry: expiry)
        #expect(reader.texts() == ["1"])
        reader.say(.pubrec(Acknowledgement(id)))
        #expect(reader.take() == [.pubrel(Acknowledgement(id))])
        reader.say(.pubcomp(Acknowledgement(id)))
        #expect(reader.take().isEmpty)
    }

    // MQTT 5: 4.7.2-1. MQTT 3.1.1: 4.7.2-1.
    @Test func wildcardsDoNotReachTopicsOfTheServer() throws {
        let bench = Bench()
        let reader = try bench.client("r")
        reader.subscribe(.init("#"), .init("+/x"))
        let peer = try bench.client("a")
        peer.publish("$own/x")
        #expect(reader.texts().isEmpty)
        reader.subscribe(.init("$own/#"), .init("$own/+"))
        peer.publish("$own/x", "seen")
        #expect(reader.texts() == ["seen"])
    }

    // MQTT 5: 4.7.1-1, 4.7.1-2, 4.7.3-1. MQTT 3.1.1: 4.7.1-2, 4.7.1-3, 4.7.3-1.
    @Test(arguments: [
        ("sport/#", ["sport", "sport/", "sport/a", "sport/a/b"]),
        ("#", ["sport", "sport/", "sport/a", "sport/a/b", "/sport", "/"]),
        ("+", ["sport"]), ("sport/+", ["sport/", "sport/a"]), ("+/+", ["sport/", "sport/a", "/sport", "/"]),
        ("/+", ["/sport", "/"]), ("+/a/#", ["sport/a", "sport/a/b"]),
    ]) func wildcardsAreWholeLevels(_ filter: String, _ matching: [String]) throws {
        let bench = Bench()
        let (reader, peer) = (try bench.client("r"), try bench.client("a"))
        reader.subscribe(.init(filter))
        for topic in ["sport", "sport/", "sport/a", "sport/a/b", "/sport", "/"] { peer.publish(topic) }
        #expect(reader.messages().map(\.topic) == matching)
    }

    // MQTT 5: 4.7.3-3. MQTT 3.1.1: 4.7.3-3.
    @Test func theLongestTopicIsATopic() throws {
        let bench = Bench()
        let (reader, peer) = (try bench.client("r"), try bench.client("a"))
        let topic = String(repeating: "x", count: 65_535)
        reader.subscribe(.init(topic))
        peer.publish(topic, "1")
        #expect(reader.texts() == ["1"])
    }

    // MQTT 5: 4.8.2-4, 4.8.2-5, 4.8.2-6.
    @Test func aSharedMessageIsOfOneMember() throws {
        let bench = Bench()
        let peer = try bench.client("a")
        func member(_ id: String, cleanStart: Bool = false) throws -> Peer {
            let member = try bench.client(id, cleanStart: cleanStart, expiry: 60)
            member.subscribe(.init("$share/g/t", qos: .exactlyOnce))
            return member
        }
        let members = [try member("m0"), try member("m1")]
        peer.publish("t", "1", .exactlyOnce, id: 1)
        let got = members.map { $0.messages() }
        let holder = try #require(got.firstIndex { !$0.isEmpty })
        let other = members[1 - holder]
        #expect(got.joined().count == 1)
        members[holder].leave()
        #expect(other.texts().isEmpty)
        let back = try bench.client("m\(holder)", cleanStart: false, expiry: 60)
        #expect(back.texts() == ["1"])
        back.leave()
        // Its session ends.
        bench.pass(.seconds(61))
        #expect(other.texts().isEmpty)
        // What one refuses nobody else gets.
        peer.publish("t", "2", .exactlyOnce, id: 2)
        let id = try #require(other.messages().first?.packetID)
        let third = try member("m2")
        other.say(.pubrec(Acknowledgement(id, .quotaExceeded)))
        #expect(other.take().isEmpty && third.texts().isEmpty)
    }

    // MQTT 5: 3.3.4-9, 3.3.4-10, 4.9.0-1, 4.9.0-2, 4.9.0-3.
    @Test func theClientsMaximumHolds() throws {
        let bench = Bench()
        let reader = try bench.client("r", terms: [(.receiveMaximum, 2)])
        reader.subscribe(.init("t", qos: .atLeastOnce))
        _ = reader.take()
        let peer = try bench.client("a")
        for id in UInt16(1)...4 { peer.publish("t", "\(id)", .atLeastOnce, id: id) }
        peer.publish("t", "0")
        reader.say(.pingreq)
        let packets = reader.take()
        #expect(packets.kinds == [.publish, .publish, .publish, .pingresp])
        guard case .publish(let first) = packets[0] else { return }
        reader.say(.puback(Acknowledgement(first.packetID)))
        #expect(reader.texts() == ["3"])
    }

    // MQTT 5: 3.1.2-25.
    @Test func whatIsTooLongCountsAsSent() throws {
        let bench = Bench()
        let reader = try bench.client("r", terms: [(.maximumPacketSize, 60), (.receiveMaximum, 1)])
        reader.subscribe(.init("t", qos: .atLeastOnce))
        let peer = try bench.client("a")
        for (id, count) in [(UInt16(1), 100), (2, 5), (3, 100)] {
            peer.publish("t", String(repeating: "x", count: count), .atLeastOnce, id: id)
        }
        let message = try #require(reader.messages().first)
        #expect(message.payload.count == 5)
        reader.say(.puback(Acknowledgement(message.packetID)))
        #expect(reader.messages().isEmpty && bench.hub.statistics.queued == 0)
    }

    // MQTT 5: 3.1.2-26, 3.1.2-27, 3.3.2-8, 3.3.2-11.
    @Test func theServersAliasesAreAsTheClientTakesThem() throws {
        let bench = Bench()
        let peer = try bench.client("a")
        for most: UInt32 in [0, 2] {
            let reader = try bench.client("r\(most)", terms: most == 0 ? [] : [(.topicAliasMaximum, most)])
            reader.subscribe(.init("topic/#"))
            for topic in 0..<5 { for _ in 0..<2 { peer.publish("topic/\(topic)") } }
            let aliases = reader.messages().compactMap { $0.properties.number(.topicAlias) }
            #expect(aliases.allSatisfy { (1...max(most, 1)).contains($0) } && aliases.isEmpty == (most == 0))
        }
    }

    // MQTT 5: 3.12.4-1, 4.2-1. MQTT 3.1.1: 3.12.4-1, 4.2.0-1, 7.1.1-1, 7.0.0-2.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func aPingIsAnswered(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let peer = try bench.client("a", version)
        _ = peer.take()
        // Byte for byte, as a stream brings them.
        for byte in Encoder(version).bytes(of: .pingreq) { peer.send([byte]) }
        #expect(peer.take() == [.pingresp])
    }
}
