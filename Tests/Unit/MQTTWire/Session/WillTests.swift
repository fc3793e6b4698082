import MartletMQTTWire
import Testing

/// When a will is published: when the connection has gone for as long as the client said, or its session ends, whichever
/// comes first (MQTT 5, 3.1.2.5 and 3.1.3.2.2).
@Suite struct WillTests {
    private static func will(after delay: UInt32 = 0) -> WillMessage {
        var properties = PropertyList()
        if delay > 0 { properties.add(.willDelayInterval, delay) }
        return WillMessage(topic: "gone", payload: [1], properties: properties)
    }

    @Test(arguments: ProtocolVersion.allCases) func isPublishedWhenTheLinkIsLost(_ version: ProtocolVersion) {
        var client = Harness(version, will: Self.will())
        #expect(client.lose() == [.will("gone"), .ended])
        #expect(client.session.nextDeadline == nil)
    }

    @Test func isNotPublishedAfterDisconnect() {
        var client = Harness(.v5, expiry: 60, will: Self.will())
        #expect(client.receive(.disconnect(Disconnect())) == [.closed])
        #expect(client.pass(.seconds(60)) == [.ended])
    }

    @Test func isPublishedAfterDisconnectThatAsksForIt() {
        var client = Harness(.v5, expiry: 60, will: Self.will())
        #expect(client.receive(.disconnect(Disconnect(.disconnectWithWill))) == [.closed, .will("gone")])
    }

    // MQTT 5: 3.1.2-8.
    @Test func isPublishedAfterItsDelay() {
        var client = Harness(.v5, expiry: 60, will: Self.will(after: 10))
        #expect(client.lose() == [])
        #expect(client.pass(.milliseconds(9_999)) == [])
        #expect(client.pass(.milliseconds(1)) == [.will("gone")])
        #expect(client.pass(.seconds(50)) == [.ended])
    }

    @Test func isPublishedWhenTheSessionEndsBeforeItsDelay() {
        var client = Harness(.v5, expiry: 5, will: Self.will(after: 100))
        #expect(client.lose() == [])
        #expect(client.pass(.seconds(5)) == [.will("gone"), .ended])
    }

    @Test func isPublishedAtOnceWhereTheSessionEndsWithTheLink() {
        var client = Harness(.v5, will: Self.will(after: 100))
        #expect(client.lose() == [.will("gone"), .ended])
    }

    // MQTT 5: 3.1.3-9.
    @Test func isNotPublishedIfTheClientIsBackBeforeItsDelay() {
        var client = Harness(.v5, expiry: 60, will: Self.will(after: 10))
        client.lose()
        client.pass(.seconds(9))
        #expect(client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true).count == 1)
        #expect(client.pass(.seconds(100)) == [])
    }

    @Test func isPublishedOnATakeoverUnlessItHasADelay() {
        var client = Harness(.v5, expiry: 60, will: Self.will())
        let seen = client.step { $0.takeOver(now: $1, &$2) }
        #expect(seen == [.sent(.disconnect(Disconnect(.sessionTakenOver))), .closed, .will("gone")])
        var patient = Harness(.v5, expiry: 60, will: Self.will(after: 10))
        #expect(
            patient.step { $0.takeOver(now: $1, &$2) } == [.sent(.disconnect(Disconnect(.sessionTakenOver))), .closed]
        )
        patient.connect(.v5, cleanStart: false, expiry: 60, isResumed: true)
        #expect(patient.pass(.seconds(100)) == [])
    }

    @Test func isPublishedWhenAnotherStartsClean() {
        var client = Harness(.v5, expiry: 60, will: Self.will(after: 10))
        client.lose()
        #expect(client.step { $0.end(now: $1, &$2) } == [.will("gone"), .ended])
        var connected = Harness(.v5, expiry: 60, will: Self.will(after: 10))
        let seen = connected.step { $0.end(now: $1, &$2) }
        #expect(seen == [.sent(.disconnect(Disconnect(.sessionTakenOver))), .closed, .will("gone"), .ended])
    }

    @Test func isPublishedWhenTheClientIsSilent() {
        var client = Harness()
        client.connect(.v311, keepAlive: 10, will: Self.will())
        client.pass(.seconds(14))
        client.receive(.pingreq)
        #expect(client.pass(.milliseconds(14_999)) == [])
        #expect(client.pass(.milliseconds(1)) == [.closed, .will("gone"), .ended])
    }

    @Test func isPublishedWhenTheClientBreaksTheProtocol() {
        var client = Harness(.v5, will: Self.will())
        let seen = client.receive(.auth(Auth(.reauthenticate)))
        #expect(seen.reason == .protocolError)
        #expect(seen.suffix(3) == [.closed, .will("gone"), .ended])
    }

    /// The longest times that a client can name overflow nothing.
    @Test func timesAreAsLongAsTheyCanBe() {
        var client = Harness(.v5, expiry: .max, will: Self.will(after: .max))
        client.lose()
        #expect(client.pass(.seconds(30 * 86_400 - 1)) == [])
        #expect(client.pass(.seconds(1)) == [.will("gone"), .ended])
    }
}
