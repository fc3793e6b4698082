import MartletMQTTWire
import Testing

@testable import Martlet
@testable import MartletServer

/// What MQTT says of PUBLISH and of what is kept.
@Suite struct PublishStatementTests {
    // MQTT 5: 3.3.1-5, 3.3.1-6, 3.3.1-7, 3.3.1-8. MQTT 3.1.1: 3.3.1-5, 3.3.1-7, 3.3.1-10, 3.3.1-11, 3.3.1-12.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func theLastOneIsKept(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let peer = try bench.client("a", version)
        var readers = 0
        func kept() throws -> [Publish] {
            readers += 1
            let reader = try bench.client("r\(readers)", version)
            reader.subscribe(.init("t", qos: .exactlyOnce))
            return reader.messages()
        }
        peer.publish("t", "1", .atLeastOnce, id: 1, retain: true)
        #expect(try kept().map(\.qos) == [.atLeastOnce])
        peer.publish("t", "2")
        #expect(try kept().map(\.payload) == [Array("1".utf8)])
        peer.publish("t", "3", retain: true)
        #expect(try kept().map(\.payload) == [Array("3".utf8)])
        let live = try bench.client("live", version)
        live.subscribe(.init("t"))
        #expect(live.texts() == ["3"])
        peer.publish("t", "", retain: true)
        #expect(live.texts() == [""])
        #expect(try kept().isEmpty)
        #expect(bench.hub.broker.keptCount == 0)
    }

    // MQTT 3.1.1: 3.1.2-7.
    @Test func whatIsKeptOutlivesSessions() throws {
        let bench = Bench()
        let peer = try bench.client("a", .v311)
        peer.publish("t", "1", retain: true)
        peer.leave()
        #expect(bench.hub.statistics.sessions == 0)
        let reader = try bench.client("r")
        reader.subscribe(.init("t"))
        #expect(reader.texts() == ["1"])
    }

    // MQTT 5: 3.3.1-9, 3.3.1-10, 3.3.1-11, 3.8.4-4. MQTT 3.1.1: 3.3.1-6, 3.3.1-8, 3.8.4-3.
    @Test func whatIsKeptIsSentAsTheSubscriptionSays() throws {
        let bench = Bench()
        try bench.client("a").publish("t", "1", retain: true)
        let reader = try bench.client("r")
        _ = reader.take()
        func sent(_ handling: SubscribeRequest.RetainHandling) -> [Bool] {
            reader.subscribe(.init("t", retainHandling: handling))
            return reader.messages().map(\.retain)
        }
        #expect(sent(.never) == [])
        #expect(sent(.ifNew) == [])
        #expect(sent(.always) == [true])
        #expect(sent(.always) == [true])
        reader.say(.unsubscribe(UnsubscribeRequest(1, ["t"])))
        _ = reader.take()
        #expect(sent(.ifNew) == [true])
        let older = try bench.client("o", .v311)
        for _ in 0..<2 {
            older.subscribe(.init("t"))
            #expect(older.messages().map(\.retain) == [true])
        }
    }

    // MQTT 5: 3.3.1-12, 3.3.1-13. MQTT 3.1.1: 3.3.1-9.
    @Test func retainFlagsGoOnWhereTheyAreWanted() throws {
        let bench = Bench()
        let (plain, exact) = (try bench.client("p"), try bench.client("e"))
        let older = try bench.client("o", .v311)
        plain.subscribe(.init("t"))
        exact.subscribe(.init("t", retainAsPublished: true))
        older.subscribe(.init("t"))
        let peer = try bench.client("a")
        for retain in [true, false] { peer.publish("t", retain: retain) }
        #expect(plain.messages().map(\.retain) == [false, false])
        #expect(exact.messages().map(\.retain) == [true, false])
        #expect(older.messages().map(\.retain) == [false, false])
    }

    // MQTT 5: 3.3.1-1, 3.3.1-2, 3.3.1-3, 2.2.1-2, 4.3.1-1, 4.3.2-2, 4.3.3-2.
    // MQTT 3.1.1: 3.3.1-1, 3.3.1-2, 3.3.1-3, 2.3.1-5, 4.3.1-1.
    @Test(arguments: [ProtocolVersion.v311, .v5], QoS.allCases) func theMarkOfADuplicateIsOfOneConnection(
        _ version: ProtocolVersion,
        _ qos: QoS
    ) throws {
        let bench = Bench()
        func reader(cleanStart: Bool) throws -> Peer {
            let expiry: UInt32? = version == .v5 ? 60 : nil
            return try bench.client("r", version, cleanStart: cleanStart, expiry: expiry)
        }
        let first = try reader(cleanStart: false)
        first.subscribe(.init("t", qos: .exactlyOnce))
        let peer = try bench.client("a", version)
        peer.publish("t", "1", qos, id: qos == .atMostOnce ? 0 : 9, isDuplicate: qos > .atMostOnce)
        let message = first.messages().first
        #expect(message?.isDuplicate == false && message?.qos == qos)
        #expect((message?.packetID == 0) == (qos == .atMostOnce))
        first.leave()
        #expect(try reader(cleanStart: false).messages().map(\.isDuplicate) == (qos == .atMostOnce ? [] : [true]))
    }

    // MQTT 5: 3.3.2-4, 3.3.2-15, 3.3.2-16, 3.3.2-17, 3.3.2-18, 3.3.2-20, 3.3.2-3. MQTT 3.1.1: 3.3.2-3.
    @Test func whatGoesWithAMessageGoesOn() throws {
        let bench = Bench()
        let reader = try bench.client("r")
        reader.subscribe(.init("t/+"))
        var properties = PropertyList()
        properties.add(.payloadFormatIndicator, 1)
        properties.add(.contentType, "text/plain")
        properties.add(.responseTopic, "answers/\u{FEFF}here")
        properties.add(.correlationData, [0, 255, 7])
        for name in ["z", "a", "z", ""] { properties.add(name, value: "\(name)v") }
        try bench.client("a").publish("t/x", "1", with: properties)
        let message = reader.messages().first
        #expect(message?.topic == "t/x")
        #expect(message?.properties == properties)
    }

    // MQTT 5: 1.5.4-3, 4.7.3-4, 3.10.4-1. MQTT 3.1.1: 1.5.3-3, 4.7.3-4, 3.10.4-1.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func topicsAreBytes(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let reader = try bench.client("r", version)
        let topics = ["caf\u{E9}", "cafe\u{301}", "\u{FEFF}cafe", "cafe", "Cafe", "cafe/"]
        for topic in topics {
            reader.subscribe(.init(topic))
            let peer = try bench.client("a", version)
            for other in topics { peer.publish(other, other) }
            #expect(reader.messages().map { Array($0.topic.utf8) } == [Array(topic.utf8)])
            // Removed is what is the same byte for byte.
            reader.say(.unsubscribe(UnsubscribeRequest(1, topics.filter { !$0.utf8.elementsEqual(topic.utf8) })))
            _ = reader.take()
            peer.publish(topic)
            #expect(reader.messages().count == 1)
            reader.say(.unsubscribe(UnsubscribeRequest(1, [topic])))
            _ = reader.take()
            peer.publish(topic)
            #expect(reader.messages().isEmpty)
        }
    }

    // MQTT 5: 3.3.4-1, 4.3.2-4, 4.3.3-8, 4.3.3-11, 2.2.1-5, 3.4.2-1, 3.5.2-1, 3.6.2-1, 3.7.2-1, 4.6.0-2, 4.6.0-3.
    // MQTT 3.1.1: 3.3.4-1, 2.3.1-6, 4.3.2-2, 4.6.0-2, 4.6.0-3.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func messagesAreAnsweredInOrder(_ version: ProtocolVersion) throws {
        let bench = Bench()
        let peer = try bench.client("a", version)
        try bench.client("r").subscribe(.init("t"))
        _ = peer.take()
        peer.publish("t")
        for id in [UInt16(7), 3, 65_535] {
            peer.publish("t", "1", .atLeastOnce, id: id)
            peer.publish("t", "2", .exactlyOnce, id: id - 1)
        }
        #expect(
            peer.take()
                == [7, 3, 65_535].flatMap { (id: UInt16) -> [Packet] in
                    [.puback(Acknowledgement(id)), .pubrec(Acknowledgement(id - 1))]
                }
        )
        for id in [UInt16(6), 2, 65_534] { peer.say(.pubrel(Acknowledgement(id))) }
        #expect(peer.take() == [6, 2, 65_534].map { .pubcomp(Acknowledgement($0)) })
    }

    // MQTT 5: 3.3.2-5, 3.3.2-6.
    @Test func whatIsLeftOfALifeIsTold() throws {
        let bench = Bench()
        var reader = try bench.client("r", expiry: 100)
        reader.subscribe(.init("t", qos: .atLeastOnce))
        reader.leave()
        let peer = try bench.client("a")
        for (id, seconds) in [(UInt16(1), UInt32(10)), (2, 3)] {
            var properties = PropertyList()
            properties.add(.messageExpiryInterval, seconds)
            peer.publish("t", "\(id)", .atLeastOnce, id: id, with: properties)
        }
        bench.pass(.seconds(4))
        reader = try bench.client("r", cleanStart: false, expiry: 100)
        #expect(reader.messages().map { $0.properties.number(.messageExpiryInterval) } == [6])
    }

    // MQTT 5: 3.3.2-7, 3.3.2-9, 3.3.2-12.
    @Test func aliasesAreOfOneConnectionAndNoneIsTooGreat() throws {
        let bench = Bench()
        let reader = try bench.client("r")
        reader.subscribe(.init("#"))
        func alias(_ number: UInt32) -> PropertyList {
            var properties = PropertyList()
            properties.add(.topicAlias, number)
            return properties
        }
        let peer = try bench.client("a")
        let most = try #require(peer.take().connack?.properties.number(.topicAliasMaximum))
        for number in 1...most { peer.publish("t/\(number)", with: alias(number)) }
        for number in 1...most { peer.publish("", with: alias(number)) }
        #expect(reader.messages().map(\.topic) == [1, 2].flatMap { _ in (1...most).map { "t/\($0)" } })
        let next = try bench.client("a")
        next.publish("", with: alias(1))
        #expect(next.take().reason == .protocolError)
        let greedy = try bench.client("a")
        greedy.publish("t", with: alias(most + 1))
        #expect(greedy.take().reason == .topicAliasInvalid)
    }

    // MQTT 5: 3.3.4-7, 4.9.0-3.
    @Test func whoHasTooMuchUnderWayIsCutOff() throws {
        var limits = ServerLimits()
        limits.receiveMaximum = 2
        let bench = Bench(limits)
        let peer = try bench.client("a")
        #expect(peer.take().connack?.properties.number(.receiveMaximum) == 2)
        for id in UInt16(1)...2 { peer.publish("t", "x", .exactlyOnce, id: id) }
        peer.say(.pingreq)
        #expect(peer.take().kinds == [.pubrec, .pubrec, .pingresp])
        peer.publish("t", "x", .exactlyOnce, id: 3)
        #expect(peer.take().reason == .receiveMaximumExceeded)
        // Others know of no maximum.
        let older = try bench.client("o", .v311)
        _ = older.take()
        for id in UInt16(1)...10 { older.publish("t", "x", .exactlyOnce, id: id) }
        #expect(older.take().kinds == Array(repeating: .pubrec, count: 10))
    }

    // MQTT 3.1.1: 3.3.5-2. MQTT 5: 4.3.3-9.
    @Test func aRefusedMessageIsAnsweredAndForgotten() throws {
        let bench = Bench()
        let older = try bench.client("o", .v311)
        _ = older.take()
        older.publish("$SYS/x", "1", .atLeastOnce, id: 1)
        #expect(older.take() == [.puback(Acknowledgement(1))])
        let newer = try bench.client("n")
        let reader = try bench.client("r")
        reader.subscribe(.init("t"))
        _ = newer.take()
        newer.publish("$SYS/x", "1", .exactlyOnce, id: 1)
        #expect(newer.take() == [.pubrec(Acknowledgement(1, .topicNameInvalid))])
        newer.publish("t", "2", .exactlyOnce, id: 1)
        #expect(newer.take() == [.pubrec(Acknowledgement(1))])
        #expect(reader.texts() == ["2"])
    }
}
