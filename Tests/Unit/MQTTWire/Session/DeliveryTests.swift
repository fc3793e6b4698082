import MartletMQTTWire
import Testing

/// Deliveries of queues, and messages that a group shares: what a session says has become of them.
struct DeliveryTests {
    @Test func anAcknowledgementSettlesIt() {
        var session = Harness(.v5)
        #expect(session.deliver("a", .atLeastOnce, delivery: 7) == [.message("a", .atLeastOnce, id: 1)])
        #expect(session.receive(.puback(Acknowledgement(1))) == [.settled(7, .accepted)])
        session.deliver("b", .atLeastOnce, delivery: 8)
        #expect(session.receive(.puback(Acknowledgement(2, .quotaExceeded))) == [.settled(8, .rejected)])
        session.deliver("c", .exactlyOnce, delivery: 9)
        #expect(session.receive(.pubrec(Acknowledgement(3))) == [.settled(9, .accepted), .pubrel(3)])
        #expect(session.receive(.pubrec(Acknowledgement(3))) == [.pubrel(3)], "once")
        session.deliver("d", .exactlyOnce, delivery: 10)
        #expect(session.receive(.pubrec(Acknowledgement(4, .notAuthorized))) == [.settled(10, .rejected)])
        #expect(session.deliver("e", delivery: 11) == [.message("e"), .settled(11, .accepted)])
    }

    /// A client that goes has what has begun with QoS 2; others may have the rest.
    @Test func aLostLinkReturnsIt() {
        var session = Harness(.v5, expiry: 100, [(.receiveMaximum, 2)])
        session.deliver("a", .atLeastOnce, delivery: 1)
        session.deliver("b", .exactlyOnce, delivery: 2)
        session.deliver("c", .atLeastOnce, delivery: 3)
        session.deliver("d", .exactlyOnce, delivery: 4)
        #expect(
            session.lose() == [.settled(1, .returned), .settled(3, .returned), .settled(4, .returned)]
        )
        let back = session.connect(.v5, cleanStart: false, expiry: 100, isResumed: true)
        #expect(back.dropFirst() == [.message("b", .exactlyOnce, id: 2, isDuplicate: true)])
        #expect(session.receive(.pubrec(Acknowledgement(2))) == [.settled(2, .accepted), .pubrel(2)])
    }

    @Test func theEndOfASessionRejectsWhatHasBegun() {
        var session = Harness(.v5, expiry: 100)
        session.deliver("a", .exactlyOnce, delivery: 1)
        session.deliver("b", .exactlyOnce, delivery: 2)
        session.receive(.pubrec(Acknowledgement(1)))
        #expect(session.lose() == [])
        #expect(session.pass(.seconds(100)) == [.settled(2, .rejected), .ended])
    }

    /// What can't be sent is nobody's; what there is no room for goes back.
    @Test func whatIsNotSentIsSettledAsWell() {
        var session = Harness(.v5, [(.maximumPacketSize, 100)])
        let long = String(repeating: "x", count: 200)
        #expect(session.deliver(long, .atLeastOnce, delivery: 1) == [.settled(1, .rejected)])
        #expect(session.deliver("a", .atLeastOnce, expiry: .zero, delivery: 2) == [.settled(2, .rejected)])
        _ = session.setWritable(false)
        #expect(session.deliver("b", .atLeastOnce, expiry: .seconds(1), delivery: 3) == [])
        #expect(session.pass(.seconds(1)) == [.settled(3, .rejected)])
        #expect(session.deliver("c", delivery: 4) == [])
        #expect(session.setWritable(true) == [.message("c"), .settled(4, .accepted)])
        var limits = SessionLimits()
        (limits.queuedMessages, limits.overflow) = (1, .dropOldest)
        var small = Harness(.v5, limits: limits)
        _ = small.setWritable(false)
        small.deliver("a", .atLeastOnce)
        // Whatever the limit, a queue's deliveries are no more than the client takes.
        #expect(small.deliver("b", .atLeastOnce, delivery: 1) == [])
        #expect(small.deliver("c", .atLeastOnce) == [.settled(1, .returned)])
    }

    @Test func theEndOfASessionPassesOnWhatItShares() {
        var session = Harness(.v5, expiry: 100, [(.receiveMaximum, 2)])
        session.deliver("a", .atLeastOnce, share: 5)
        session.deliver("own", .atLeastOnce)
        session.deliver("b", .exactlyOnce, share: 5)
        session.deliver("c", .atLeastOnce, share: 6)
        #expect(session.lose() == [])
        #expect(
            session.pass(.seconds(100))
                == [
                    .passedOn("a", subscription: 5), .passedOn("b", subscription: 5), .passedOn("c", subscription: 6),
                    .ended,
                ]
        )
    }
}
