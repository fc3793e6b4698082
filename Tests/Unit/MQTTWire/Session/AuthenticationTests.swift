import MartletMQTTWire
import Testing

/// Clients that authenticate themselves anew by AUTH, and clients that may stay for a time.
@Suite struct AuthenticationTests {
    private static let method = "SCRAM-SHA-256"

    private static func auth(_ reason: ReasonCode, _ data: [UInt8] = [], method: String? = method) -> Packet {
        var properties = PropertyList()
        if let method { properties.add(.authenticationMethod, method) }
        if !data.isEmpty { properties.add(.authenticationData, data) }
        return .auth(Auth(reason, properties: properties))
    }

    /// A client whose CONNECT has named a method.
    private static func client(
        _ properties: [(PropertyID, UInt32)] = [],
        data: [UInt8] = [9],
        for time: Duration? = nil
    ) -> (client: Harness, seen: [Harness.Seen]) {
        let will = WillMessage(topic: "w", payload: [])
        var connect = Connect(version: .v5, clientID: "client", keepAlive: 0, will: will)
        connect.properties.add(.authenticationMethod, method)
        for (id, number) in properties { connect.properties.add(id, number) }
        var client = Harness()
        let seen = client.step {
            $0.connect(connect, isResumed: false, authenticationData: data, for: time, now: $1, &$2)
        }
        return (client, seen)
    }

    // MQTT 5: 4.12.0-5.
    @Test func connackNamesTheMethodAndHasTheLastData() {
        let connack = Self.client().seen.connack
        #expect(connack?.reason == .success)
        #expect(connack?.properties.text(.authenticationMethod) == Self.method)
        #expect(connack?.properties.data(.authenticationData) == [9])
        #expect(Self.client(data: []).seen.connack?.properties.has(.authenticationData) == false)
    }

    /// A client that has the server prove who it is could make nothing of a CONNACK without the proof.
    @Test func connackIsNotSentWithoutItsData() {
        let (client, seen) = Self.client([(.maximumPacketSize, 60)], data: [UInt8](repeating: 1, count: 60))
        #expect(seen.connack?.reason == .packetTooLarge)
        #expect(seen.dropFirst() == [.closed, .ended])
        #expect(!client.session.isConnected)
    }

    // MQTT 5: 4.12.0-2, 4.12.0-5, 4.12.1-1.
    @Test func itIsDoneAnewByTurns() {
        var (client, _) = Self.client()
        #expect(client.receive(Self.auth(.reauthenticate, [1])) == [])
        #expect(client.session.takeAuthenticationData() == [1])
        #expect(client.session.takeAuthenticationData() == nil)
        // Meanwhile all else goes on.
        #expect(client.receive(.pingreq) == [.sent(.pingresp)])
        #expect(
            client.step { $0.authenticated(.proceed([2]), now: $1, &$2) }
                == [.sent(Self.auth(.continueAuthentication, [2]))]
        )
        #expect(client.receive(Self.auth(.continueAuthentication, [3])) == [])
        #expect(client.session.takeAuthenticationData() == [3])
        #expect(
            client.step { $0.authenticated(.succeeded([4], for: nil), now: $1, &$2) }
                == [.sent(Self.auth(.success, [4]))]
        )
        // It may be done any number of times, and takes no longer than it takes.
        #expect(client.pass(.seconds(60)) == [])
        #expect(client.receive(Self.auth(.reauthenticate)) == [])
        #expect(client.session.takeAuthenticationData() == [])
    }

    // MQTT 5: 4.12.0-4, 4.12.1-2.
    @Test func oneThatFailsEndsTheConnection() {
        var (client, _) = Self.client()
        client.receive(Self.auth(.reauthenticate, [1]))
        let seen = client.step { $0.authenticated(.failed, now: $1, &$2) }
        #expect(seen.reason == .notAuthorized)
        #expect(seen.suffix(3) == [.closed, .will("w"), .ended])
    }

    /// What was decided about a client that has gone is not said to the one that has come instead.
    @Test func anOutcomeThatNobodyWaitsForIsDropped() {
        var (client, _) = Self.client()
        for outcome: AuthenticationOutcome in [.proceed([1]), .succeeded([], for: .seconds(1)), .failed] {
            #expect(client.step { $0.authenticated(outcome, now: $1, &$2) } == [])
        }
        #expect(client.pass(.seconds(2)) == [])
    }

    // MQTT 5: 4.12.0-3.
    @Test(
        arguments: [
            [auth(.continueAuthentication)], [auth(.success)],
            [auth(.reauthenticate, method: "SCRAM-SHA-1")], [auth(.reauthenticate, method: nil)],
            [auth(.reauthenticate), auth(.reauthenticate)],
            // The server has not answered yet.
            [auth(.reauthenticate), auth(.continueAuthentication)],
        ] as [[Packet]]
    ) func whatIsNoTurnOfTheClientsBreaksTheProtocol(_ packets: [Packet]) {
        var (client, _) = Self.client()
        for packet in packets.dropLast() { #expect(client.receive(packet) == []) }
        #expect(client.receive(packets[packets.count - 1]).reason == .protocolError)
    }

    @Test func itIsToBeDoneInTime() {
        var (client, _) = Self.client()
        client.receive(Self.auth(.reauthenticate, [1]))
        _ = client.session.takeAuthenticationData()
        client.step { $0.authenticated(.proceed([2]), now: $1, &$2) }
        #expect(client.pass(.milliseconds(9_999)) == [])
        // Not even by one message after the other.
        client.receive(Self.auth(.continueAuthentication))
        #expect(client.pass(.milliseconds(1)).reason == .notAuthorized)
    }

    @Test func whatTheClientDoesNotTakeIsNotSent() {
        var (client, _) = Self.client([(.maximumPacketSize, 120)])
        client.receive(Self.auth(.reauthenticate, [1]))
        let seen = client.step { $0.authenticated(.proceed([UInt8](repeating: 1, count: 120)), now: $1, &$2) }
        #expect(seen.first == .sent(.disconnect(Disconnect(.packetTooLarge))))
    }

    @Test func aClientStaysForTheTimeThatItWasGiven() {
        var (client, _) = Self.client(for: .seconds(60))
        #expect(client.pass(.milliseconds(59_999)) == [])
        #expect(client.pass(.milliseconds(1)).reason == .maximumConnectTime)
        // Authenticated anew, it has the time that it was given then, or no end.
        for (time, isOver) in [(Duration.seconds(120), true), (nil, false)] {
            var (client, _) = Self.client(for: .seconds(60))
            client.receive(Self.auth(.reauthenticate))
            client.step { $0.authenticated(.succeeded([], for: time), now: $1, &$2) }
            #expect(client.pass(.milliseconds(119_999)) == [])
            #expect(client.pass(.milliseconds(1)).reason == (isOver ? .maximumConnectTime : nil))
        }
    }

    /// Before MQTT 5 nothing can be said.
    @Test func aClientOfAnOldVersionIsClosed() {
        var client = Harness()
        client.step {
            $0.connect(Connect(version: .v311, clientID: "client"), isResumed: false, for: .seconds(1), now: $1, &$2)
        }
        #expect(client.pass(.seconds(1)) == [.closed, .ended])
    }
}
