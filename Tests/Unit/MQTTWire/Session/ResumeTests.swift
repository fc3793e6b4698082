import MartletMQTTWire
import Testing

/// What goes on when a client is back.
@Suite struct ResumeTests {
    // MQTT 5: 4.3.2-3, 4.3.3-3, 4.3.3-5, 4.3.3-6, 4.4.0-1, 4.6.0-1.
    // MQTT 3.1.1: 2.3.1-4, 4.3.2-1, 4.3.3-1, 4.4.0-1, 4.6.0-1.
    @Test(arguments: [ProtocolVersion.v311, .v5]) func whatWasNotAcknowledgedIsSentAgain(_ version: ProtocolVersion) {
        var client = Harness(version, cleanStart: false, expiry: version == .v5 ? 60 : nil)
        #expect(client.deliver("a", .atLeastOnce) == [.message("a", .atLeastOnce, id: 1)])
        #expect(client.deliver("b", .exactlyOnce) == [.message("b", .exactlyOnce, id: 2)])
        #expect(client.deliver("c", .exactlyOnce) == [.message("c", .exactlyOnce, id: 3)])
        #expect(client.receive(.pubrec(Acknowledgement(2))) == [.pubrel(2)])
        client.lose()
        #expect(client.deliver("d", .atLeastOnce) == [])
        let seen = client.connect(version, cleanStart: false, expiry: version == .v5 ? 60 : nil, isResumed: true)
        #expect(seen.connack?.sessionPresent == true)
        // What was released is not published again.
        #expect(
            seen.dropFirst() == [
                .pubrel(2), .message("a", .atLeastOnce, id: 1, isDuplicate: true),
                .message("c", .exactlyOnce, id: 3, isDuplicate: true), .message("d", .atLeastOnce, id: 4),
            ]
        )
        #expect(client.receive(.puback(Acknowledgement(1))) == [])
        #expect(client.receive(.pubcomp(Acknowledgement(2))) == [])
        #expect(client.receive(.pubrec(Acknowledgement(3))) == [.pubrel(3)])
        // Said again it is answered again.
        #expect(client.receive(.pubrec(Acknowledgement(3))) == [.pubrel(3)])
        #expect(client.receive(.pubcomp(Acknowledgement(3))) == [])
        #expect(client.receive(.puback(Acknowledgement(4))) == [])
        #expect(client.session.messagesInFlight == 0)
    }

    @Test func aReleaseThatIsSaidAgainSucceeds() {
        var client = Harness(.v5, expiry: 60)
        client.receive(.publish(Publish(topic: "t", payload: [], qos: .exactlyOnce, packetID: 7)))
        #expect(client.receive(.pubrel(Acknowledgement(7))) == [.pubcomp(7)])
        client.lose()
        client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true)
        #expect(client.receive(.pubrel(Acknowledgement(7))) == [.pubcomp(7)])
        // Later it is a mistake.
        client.receive(.publish(Publish(topic: "t", payload: [], qos: .exactlyOnce, packetID: 8)))
        #expect(client.receive(.pubrel(Acknowledgement(7))) == [.pubcomp(7, .packetIdentifierNotFound)])
    }

    // MQTT 3.1.1: 4.3.3-2.
    @Test func aMessageOfTheClientIsPublishedOnceAcrossLinks() {
        var client = Harness(.v311, cleanStart: false)
        let publish = Publish(topic: "t", payload: [], qos: .exactlyOnce, packetID: 7)
        #expect(client.receive(.publish(publish)) == [.published("t"), .pubrec(7)])
        client.lose()
        client.connect(.v311, cleanStart: false, isResumed: true)
        var again = publish
        again.isDuplicate = true
        #expect(client.receive(.publish(again)) == [.pubrec(7)])
        #expect(client.receive(.pubrel(Acknowledgement(7))) == [.pubcomp(7)])
    }

    /// What the client has begun to receive does not expire.
    // MQTT 5: 4.3.3-7, 4.3.3-13.
    @Test func nothingExpiresThatWasReceived() {
        var client = Harness(.v5, expiry: 600)
        client.deliver("a", .exactlyOnce, expiry: .seconds(5))
        client.receive(.pubrec(Acknowledgement(1)))
        client.lose()
        client.pass(.seconds(100))
        #expect(client.connect(.v5, cleanStart: false, expiry: 600, isResumed: true).dropFirst() == [.pubrel(1)])
    }

    // MQTT 5: 3.3.2-5, 3.3.2-6.
    @Test func whatExpiredMeanwhileIsNeverSent() {
        var client = Harness(.v5, expiry: 600)
        client.lose()
        client.deliver("a", .atLeastOnce, expiry: .seconds(5))
        client.deliver("b", .atLeastOnce, expiry: .seconds(50))
        client.deliver("c", .atMostOnce)
        #expect(client.session.queuedMessages == 2)
        client.pass(.seconds(6))
        // It is not kept either.
        #expect(client.session.queuedMessages == 1)
        client.pass(.milliseconds(3_500))
        var left = PropertyList()
        left.add(.messageExpiryInterval, 41)
        let seen = client.connect(.v5, cleanStart: false, expiry: 600, isResumed: true)
        #expect(seen.dropFirst() == [.message("b", .atLeastOnce, id: 1, properties: left)])
        #expect(client.session.counts.expired == 1)
        #expect(client.session.counts.dropped == 1)
    }

    // MQTT 5: 3.1.2-23, 4.1.0-2.
    @Test func aSessionIsKeptAsLongAsWasGranted() {
        var limits = SessionLimits()
        limits.sessionExpiry = .seconds(100)
        var client = Harness(limits)
        let seen = client.connect(.v5, expiry: 1_000)
        #expect(seen.connack?.properties.number(.sessionExpiryInterval) == 100)
        client.lose()
        #expect(client.pass(.milliseconds(99_999)) == [])
        #expect(client.pass(.milliseconds(1)) == [.ended])
    }

    @Test func disconnectMayChangeHowLongItIsKept() {
        func properties(_ seconds: UInt32) -> PropertyList {
            var list = PropertyList()
            list.add(.sessionExpiryInterval, seconds)
            return list
        }
        var client = Harness(.v5, expiry: 10)
        client.receive(.disconnect(Disconnect(properties: properties(0))))
        #expect(client.session.nextDeadline == nil)
        var longer = Harness(.v5, expiry: 10)
        longer.receive(.disconnect(Disconnect(properties: properties(20))))
        #expect(longer.pass(.seconds(19)) == [])
        #expect(longer.pass(.seconds(1)) == [.ended])
        // One that was to end with the link can't be kept after all.
        var none = Harness(.v5)
        #expect(none.receive(.disconnect(Disconnect(properties: properties(20)))).reason == .protocolError)
    }

    /// What is sent again has its identifier: that none is left does not hold it up.
    @Test func allIdentifiersMayBeInUse() {
        var limits = SessionLimits()
        limits.inFlight = 65_535
        var client = Harness(.v311, cleanStart: false, limits: limits)
        for _ in 0..<65_535 { client.deliver("x", .atLeastOnce) }
        client.lose()
        client.deliver("y", .atLeastOnce)
        let seen = client.connect(.v311, cleanStart: false, isResumed: true)
        #expect(seen.count == 65_536)
        #expect(client.receive(.puback(Acknowledgement(300))) == [.message("y", .atLeastOnce, id: 300)])
    }

    /// What the client is not to get any more is sent neither again nor for the first time. What it was sent on this link it has.
    @Test func whatIsUnwantedIsForgotten() {
        var client = Harness(.v5, expiry: 60, [(.receiveMaximum, 4)])
        client.deliver("1", .atLeastOnce)
        client.deliver("2", .exactlyOnce, delivery: 20)
        client.deliver("3", .exactlyOnce)
        client.receive(.pubrec(Acknowledgement(3)))
        client.deliver("4", .atLeastOnce)
        client.lose()
        client.deliver("5", .atLeastOnce)
        client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true, [(.receiveMaximum, 1)])
        let seen = client.step { session, _, actions in
            session.dropUnsent(&actions) { publication in !publication.payload.elementsEqual("4".utf8) }
        }
        // The first one was sent again before.
        #expect(seen == [.settled(20, .rejected)])
        #expect(client.session.messagesInFlight == 3 && client.session.queuedMessages == 0)
        #expect(
            client.receive(.puback(Acknowledgement(1))) == [.message("4", .atLeastOnce, id: 4, isDuplicate: true)]
        )
        #expect(client.receive(.puback(Acknowledgement(4))) == [])
        #expect(client.receive(.pubcomp(Acknowledgement(3))) == [])
        #expect(client.deliver("6", .atLeastOnce) == [.message("6", .atLeastOnce, id: 5)])
    }

    /// What a queue has given to a client, and was not sent to it, is for others.
    @Test func anUnwantedDeliveryGoesBack() {
        var client = Harness(.v5)
        #expect(client.setWritable(false) == [])
        #expect(client.deliver("1", .atLeastOnce, delivery: 10) == [])
        #expect(client.deliver("2", .atMostOnce, delivery: 20) == [])
        let seen = client.step { session, _, actions in session.dropUnsent(&actions) { _ in true } }
        #expect(seen == [.settled(20, .returned), .settled(10, .returned)])
        #expect(client.setWritable(true) == [])
    }

    /// A client that takes less at a time than before gets what waits bit by bit.
    @Test func aSmallerWindowHolds() {
        var client = Harness(.v5, expiry: 60)
        for number in 1...5 { client.deliver("\(number)", .atLeastOnce) }
        client.lose()
        let seen = client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true, [(.receiveMaximum, 2)])
        #expect(
            seen.dropFirst() == [
                .message("1", .atLeastOnce, id: 1, isDuplicate: true),
                .message("2", .atLeastOnce, id: 2, isDuplicate: true),
            ]
        )
        #expect(client.deliver("6", .atLeastOnce) == [])
        #expect(client.receive(.puback(Acknowledgement(1))) == [.message("3", .atLeastOnce, id: 3, isDuplicate: true)])
        #expect(client.receive(.puback(Acknowledgement(2))) == [.message("4", .atLeastOnce, id: 4, isDuplicate: true)])
        #expect(client.receive(.puback(Acknowledgement(4))) == [.message("5", .atLeastOnce, id: 5, isDuplicate: true)])
        #expect(client.receive(.puback(Acknowledgement(3))) == [.message("6", .atLeastOnce, id: 6)])
    }
}
