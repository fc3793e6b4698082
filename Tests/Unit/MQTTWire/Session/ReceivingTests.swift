import MartletMQTTWire
import Testing

/// What becomes of a client's packets.
@Suite struct ReceivingTests {
    private func publish(_ qos: QoS, id: UInt16 = 0, topic: String = "t", alias: UInt32? = nil) -> Packet {
        var properties = PropertyList()
        if let alias { properties.add(.topicAlias, alias) }
        return .publish(Publish(topic: topic, payload: [1], qos: qos, packetID: id, properties: properties))
    }

    /// A message of QoS 2 is published once, answered as often as it comes, and takes no memory for it.
    // MQTT 5: 4.3.3-8, 4.3.3-10, 4.3.3-11, 4.3.3-12.
    // MQTT 3.1.1: 4.3.3-2.
    @Test func duplicatesOfQoS2AreAnsweredAndForgotten() {
        var client = Harness(.v5)
        #expect(client.receive(publish(.exactlyOnce, id: 1)) == [.published("t"), .pubrec(1)])
        for _ in 0..<10_000 { #expect(client.receive(publish(.exactlyOnce, id: 1)) == [.pubrec(1)]) }
        #expect(client.receive(.pubrel(Acknowledgement(1))) == [.pubcomp(1)])
        #expect(client.receive(publish(.exactlyOnce, id: 1)) == [.published("t"), .pubrec(1)])
    }

    /// A client that has lost its memory counts anew: what it says under an identifier that it never released is another message.
    @Test func anotherMessageUnderAnIdentifierIsNoDuplicate() {
        var client = Harness(.v5, expiry: 60)
        func say(_ text: String, _ qos: QoS = .exactlyOnce, to topic: String = "t", isAgain: Bool = false) -> Packet {
            let payload = Array(text.utf8)
            return .publish(Publish(topic: topic, payload: payload, qos: qos, isDuplicate: isAgain, packetID: 1))
        }
        #expect(client.receive(say("a")) == [.published("t"), .pubrec(1)])
        client.lose()
        client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true)
        // Its memory says the same: that is the message of before, whatever it says of that.
        #expect(client.receive(say("a", isAgain: true)) == [.pubrec(1)])
        #expect(client.receive(say("a")) == [.pubrec(1)])
        #expect(client.receive(say("b")) == [.published("t"), .pubrec(1)])
        #expect(client.receive(say("b", isAgain: true)) == [.pubrec(1)])
        #expect(client.receive(say("b", to: "other")) == [.published("other"), .pubrec(1)])
        // Also one that never came may come a second time.
        #expect(client.receive(say("c", isAgain: true)) == [.published("t"), .pubrec(1)])
        // With QoS 1 the answer is that of QoS 1: a client that gets another ends the link, over and over.
        #expect(client.receive(say("c", .atLeastOnce)) == [.published("t"), .puback(1)])
        #expect(client.receive(say("c")) == [.published("t"), .pubrec(1)])
        #expect(client.receive(.pubrel(Acknowledgement(1))) == [.pubcomp(1)])
        #expect(client.receive(say("c")) == [.published("t"), .pubrec(1)])
    }

    /// What cuts a client off while it is published, such as its own queue that is full, was published all the same.
    // MQTT 5: 4.3.3-10.
    @Test func whatCutItsClientOffIsNotPublishedAgain() {
        var client = Harness(.v5, expiry: 60)
        let publish = Publish(topic: "t", payload: [1], qos: .exactlyOnce, packetID: 1)
        var actions: [SessionAction] = []
        client.session.receive(.publish(publish), now: client.now, &actions)
        client.session.cut(.quotaExceeded, now: client.now, &actions)
        client.session.published(publish, as: .success, &actions)
        client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true)
        #expect(client.receive(.publish(publish)) == [.pubrec(1)])
    }

    // MQTT 5: 4.3.3-9, 4.3.2-5.
    // MQTT 3.1.1: 3.3.5-2.
    @Test func aRefusalIsTold() {
        var client = Harness(.v5)
        client.outcome = .notAuthorized
        #expect(client.receive(publish(.atMostOnce)) == [.published("t")])
        #expect(client.receive(publish(.atLeastOnce, id: 1)) == [.published("t"), .puback(1, .notAuthorized)])
        #expect(client.receive(publish(.exactlyOnce, id: 2)) == [.published("t"), .pubrec(2, .notAuthorized)])
        // It is over with that: the identifier is free again.
        #expect(client.receive(publish(.exactlyOnce, id: 2)) == [.published("t"), .pubrec(2, .notAuthorized)])
        // Before MQTT 5 there is nothing to tell it by.
        var older = Harness(.v311)
        older.outcome = .notAuthorized
        #expect(older.receive(publish(.atLeastOnce, id: 1)) == [.published("t"), .puback(1)])
        #expect(older.receive(publish(.exactlyOnce, id: 2)) == [.published("t"), .pubrec(2)])
        #expect(older.receive(publish(.exactlyOnce, id: 2)) == [.pubrec(2)])
    }

    /// More messages on their way than the client was told it may have: never answered by a reason in PUBREC.
    // MQTT 5: 3.3.4-7.
    @Test func overrunsAreCountedOrCutOff() {
        var limits = SessionLimits()
        limits.receiveMaximum = 3
        var client = Harness(.v5, limits: limits)
        for id in UInt16(1)...10 {
            #expect(client.receive(publish(.exactlyOnce, id: id)) == [.published("t"), .pubrec(id)])
        }
        #expect(client.session.counts.overrun == 7)
        limits.strictness = .strict
        var strict = Harness(.v5, limits: limits)
        for id in UInt16(1)...3 { strict.receive(publish(.exactlyOnce, id: id)) }
        #expect(strict.receive(publish(.exactlyOnce, id: 3)) == [.pubrec(3)])
        #expect(strict.receive(publish(.exactlyOnce, id: 4)).reason == .receiveMaximumExceeded)
    }

    // MQTT 5: 3.3.2-7, 3.3.2-9.
    @Test func aliasesStandForTopicsOfOneLink() {
        var client = Harness(.v5, expiry: 60)
        #expect(client.receive(publish(.atMostOnce, topic: "long/topic", alias: 3)) == [.published("long/topic")])
        #expect(client.receive(publish(.atMostOnce, topic: "", alias: 3)) == [.published("long/topic")])
        #expect(client.receive(publish(.atMostOnce, topic: "other", alias: 3)) == [.published("other")])
        #expect(client.receive(publish(.atMostOnce, topic: "", alias: 3)) == [.published("other")])
        client.lose()
        client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true)
        #expect(client.receive(publish(.atMostOnce, topic: "", alias: 3)).reason == .protocolError)
        var greedy = Harness(.v5)
        #expect(greedy.receive(publish(.atMostOnce, alias: 33)).reason == .topicAliasInvalid)
    }

    /// A subscriber has not been told what the number stands for.
    @Test func aliasesStayWithTheirPublisher() {
        var client = Harness(.v5)
        var actions: [SessionAction] = []
        client.session.receive(publish(.atMostOnce, topic: "t", alias: 1), now: client.now, &actions)
        guard case .publish(let publish) = actions.first else {
            Issue.record("\(actions)")
            return
        }
        #expect(publish.properties.isEmpty)
    }

    @Test func topicsOfManyLevelsAreRefused() {
        let deep = String(repeating: "/", count: 128)
        var client = Harness(.v5)
        #expect(client.receive(publish(.atLeastOnce, id: 1, topic: deep)) == [.puback(1, .topicNameInvalid)])
        #expect(
            client.receive(publish(.atLeastOnce, id: 1, topic: String(deep.dropLast()))) == [
                .published(String(deep.dropLast())), .puback(1),
            ]
        )
        #expect(client.receive(publish(.atMostOnce, topic: deep)).reason == .topicNameInvalid)
        var older = Harness(.v311)
        #expect(older.receive(publish(.atLeastOnce, id: 1, topic: deep)) == [.closed, .ended])
    }

    @Test func answersOfTheWrongKindBreakTheProtocol() {
        var client = Harness(.v5)
        client.deliver("a", .exactlyOnce)
        #expect(client.receive(.puback(Acknowledgement(1))).reason == .protocolError)
        var other = Harness(.v5)
        other.deliver("a", .atLeastOnce)
        #expect(other.receive(.pubrec(Acknowledgement(1))).reason == .protocolError)
    }

    // MQTT 5: 4.3.3-4, 4.3.3-11.
    @Test func answersToNothingDoNoHarm() {
        var client = Harness(.v5)
        #expect(client.receive(.puback(Acknowledgement(9))) == [])
        #expect(client.receive(.pubcomp(Acknowledgement(9))) == [])
        #expect(client.receive(.pubrec(Acknowledgement(9))) == [.pubrel(9, .packetIdentifierNotFound)])
        #expect(client.receive(.pubrel(Acknowledgement(9))) == [.pubcomp(9, .packetIdentifierNotFound)])
        var older = Harness(.v311)
        #expect(older.receive(.pubrec(Acknowledgement(9))) == [.pubrel(9)])
        #expect(older.receive(.pubrel(Acknowledgement(9))) == [.pubcomp(9)])
    }

    // MQTT 5: 3.14.4-1.
    @Test func nothingIsHeardAfterTheEnd() {
        var client = Harness(.v5, expiry: 60)
        client.receive(.disconnect(Disconnect()))
        #expect(client.receive(publish(.atLeastOnce, id: 1)) == [])
        #expect(client.receive(.pingreq) == [])
    }

    // MQTT 5: 3.10.4-1.
    // MQTT 3.1.1: 3.10.4-1.
    @Test func aFilterAndTheSameOneSharedAreTwo() {
        var client = Harness(.v5)
        let entries = ["a", "$share/g/a", "a"].map { SubscribeRequest.Entry($0, qos: .atLeastOnce) }
        #expect(
            client.receive(.subscribe(SubscribeRequest(1, entries))) == [
                .sent(.suback(Suback(1, Array(repeating: ReasonCode(granted: .atLeastOnce), count: 3))))
            ]
        )
        #expect(client.session.subscriptionCount == 2)
        // Names are bytes: one accent in two forms is two filters.
        client.receive(.subscribe(SubscribeRequest(2, [.init("caf\u{E9}"), .init("cafe\u{301}")])))
        #expect(client.session.subscriptionCount == 4)
        #expect(
            client.receive(.unsubscribe(UnsubscribeRequest(3, ["$share/g/a", "b", "caf\u{E9}"]))) == [
                .sent(.unsuback(Unsuback(3, [.success, .noSubscriptionExisted, .success])))
            ]
        )
        #expect(client.session.subscriptionCount == 2)
        #expect(client.session.remove(filter: "a") != nil)
        #expect(client.session.remove(filter: "cafe\u{301}") != nil)
    }

    @Test func subscriptionsAreBounded() {
        var limits = SessionLimits()
        limits.subscriptions = 2
        var client = Harness(.v5, limits: limits)
        let entries = ["a", "b", "c", "a"].map { SubscribeRequest.Entry($0) }
        #expect(
            client.receive(.subscribe(SubscribeRequest(1, entries))) == [
                .sent(.suback(Suback(1, [.success, .success, .quotaExceeded, .success])))
            ]
        )
    }

    @Test func clientsOfMQTT5AreToldTheirKeepAlive() {
        var limits = SessionLimits()
        limits.keepAlive = 100
        var client = Harness(limits)
        #expect(client.connect(.v5, keepAlive: 0).connack?.properties.number(.serverKeepAlive) == 100)
        #expect(client.pass(.seconds(150)).reason == .keepAliveTimeout)
        var short = Harness(limits)
        #expect(short.connect(.v5, keepAlive: 20).connack?.properties.has(.serverKeepAlive) == false)
        #expect(short.pass(.seconds(30)).reason == .keepAliveTimeout)
        // Others would be cut off for what they can't know.
        var older = Harness(limits)
        older.connect(.v311, keepAlive: 1_000)
        #expect(older.pass(.seconds(1_499)) == [])
        #expect(older.pass(.seconds(1)) == [.closed, .ended])
        var never = Harness()
        never.connect(.v311, keepAlive: 0)
        #expect(never.session.nextDeadline == nil)
    }

    /// A client that is not read from is not to blame for its silence.
    @Test func aClientThatIsHeldUpIsNotCutOff() {
        var client = Harness()
        client.connect(.v5, keepAlive: 10)
        client.session.hold(true, now: client.now)
        client.session.hold(true, now: client.now)
        client.session.hold(false, now: client.now)
        #expect(client.pass(.seconds(100)) == [])
        client.session.hold(false, now: client.now)
        #expect(client.pass(.milliseconds(14_999)) == [])
        #expect(client.pass(.milliseconds(1)).reason == .keepAliveTimeout)
    }
}
