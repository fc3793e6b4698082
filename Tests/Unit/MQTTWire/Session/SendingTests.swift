import MartletMQTTWire
import Testing

/// How messages get to a client, as far as it takes them.
@Suite struct SendingTests {
    // MQTT 5: 3.3.4-9, 4.4.0-2, 4.9.0-2, 4.9.0-3.
    @Test func theWindowIsTheClients() {
        var client = Harness(.v5, [(.receiveMaximum, 2)])
        #expect(client.deliver("1", .atLeastOnce) == [.message("1", .atLeastOnce, id: 1)])
        #expect(client.deliver("2", .exactlyOnce) == [.message("2", .exactlyOnce, id: 2)])
        #expect(client.deliver("3", .atLeastOnce) == [])
        // One without a guarantee needs no place in it.
        #expect(client.deliver("0") == [.message("0")])
        // A message of QoS 2 has its place until it is completed.
        #expect(client.receive(.pubrec(Acknowledgement(2))) == [.pubrel(2)])
        #expect(client.deliver("4", .atLeastOnce) == [])
        #expect(client.receive(.pubcomp(Acknowledgement(2))) == [.message("3", .atLeastOnce, id: 3)])
        #expect(client.receive(.puback(Acknowledgement(1))) == [.message("4", .atLeastOnce, id: 4)])
        // One that the client does not want is done with.
        var other = Harness(.v5, [(.receiveMaximum, 1)])
        other.deliver("1", .exactlyOnce)
        other.deliver("2", .exactlyOnce)
        #expect(other.receive(.pubrec(Acknowledgement(1, .quotaExceeded))) == [.message("2", .exactlyOnce, id: 2)])
    }

    /// A message of QoS 2 is completed when it was received; before, an answer of that kind is none.
    @Test func aMessageIsNotCompletedBeforeItIsReceived() {
        var client = Harness(.v5)
        client.deliver("1", .exactlyOnce)
        let seen = client.receive(.pubcomp(Acknowledgement(1)))
        #expect(seen.contains(.closed))
        #expect(
            seen.contains {
                guard case .sent(.disconnect(let disconnect)) = $0 else { return false }
                return disconnect.reason == .protocolError
            }
        )
    }

    // MQTT 5: 2.2.1-4, 4.3.2-1.
    // MQTT 3.1.1: 2.3.1-4, 4.3.2-1.
    @Test func identifiersAreNotUsedTwiceAtATime() {
        var limits = SessionLimits()
        limits.inFlight = 65_535
        limits.queuedMessages = 10
        var client = Harness(.v311, limits: limits)
        for _ in 0..<65_535 { #expect(client.deliver("x", .atLeastOnce).count == 1) }
        #expect(client.deliver("y", .atLeastOnce) == [])
        #expect(client.receive(.puback(Acknowledgement(300))) == [.message("y", .atLeastOnce, id: 300)])
        #expect(client.session.messagesInFlight == 65_535)
    }

    // MQTT 5: 3.1.2-24, 3.1.2-25.
    @Test func whatIsTooLongIsNotSent() {
        var client = Harness(.v5, [(.maximumPacketSize, 60)])
        #expect(client.deliver(String(repeating: "x", count: 54)) == [.message(String(repeating: "x", count: 54))])
        #expect(client.deliver(String(repeating: "x", count: 55)) == [])
        #expect(client.deliver(String(repeating: "x", count: 53), .atLeastOnce) == [])
        #expect(client.deliver(String(repeating: "x", count: 52), .atLeastOnce).count == 1)
        #expect(client.session.counts.tooLong == 2)
        #expect(client.session.messagesInFlight == 1)
    }

    // MQTT 5: 3.1.2-24.
    @Test func whoDoesNotTakeTheAnswerToConnectIsRefused() throws {
        func answer(_ most: UInt32) -> [Harness.Seen] {
            var client = Harness()
            let seen = client.connect(.v5, [(.maximumPacketSize, most)])
            #expect(client.session.isConnected == (seen.connack?.reason == .success))
            return seen
        }
        let connack = try #require(answer(1_000).connack)
        let count = UInt32(Encoder(.v5).bytes(of: .connack(connack)).count)
        #expect(count > 5)
        #expect(answer(count) == [.sent(.connack(connack))])
        for most in 5..<count { #expect(answer(most) == [.sent(.connack(Connack(.packetTooLarge))), .closed, .ended]) }
        for most in 1..<5 as Range<UInt32> { #expect(answer(most) == [.closed, .ended]) }
    }

    // MQTT 5: 3.1.2-24.
    @Test func whoDoesNotTakeTheAnswerForSoManyFiltersIsCutOff() {
        for (count, isTaken) in [(95, true), (96, false)] {
            let filters = (0..<count).map { "f/\($0)" }
            for isLeaving in [false, true] {
                // Five bytes of it are no reasons.
                var client = Harness(.v5, [(.maximumPacketSize, 100)])
                let packet: Packet =
                    isLeaving
                    ? .unsubscribe(UnsubscribeRequest(1, filters))
                    : .subscribe(SubscribeRequest(1, filters.map { .init($0) }))
                let seen = client.receive(packet)
                #expect(client.session.isConnected == isTaken)
                #expect(seen.reason == (isTaken ? nil : .packetTooLarge))
                #expect(client.session.orderedSubscriptions.isEmpty == (isLeaving || !isTaken))
            }
        }
    }

    @Test func topicsHaveNumbersWhereTheClientTakesThem() {
        var client = Harness(.v5, cleanStart: false, expiry: 60, [(.topicAliasMaximum, 2)])
        #expect(client.deliver("1", to: "house/hall").namings == ["house/hall = 1"])
        #expect(client.deliver("2", .atLeastOnce, to: "house/hall").namings == [" = 1"])
        #expect(client.deliver("3", to: "house/attic").namings == ["house/attic = 2"])
        #expect(client.deliver("4", to: "house/cellar").namings == ["house/cellar"])
        #expect(client.deliver("5", to: "house/hall").namings == [" = 1"])
        // They are of one connection.
        client.lose()
        #expect(client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true).namings == ["house/hall"])
        client.lose()
        let resumed = client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true, [(.topicAliasMaximum, 1)])
        #expect(resumed.namings == ["house/hall = 1"])
        #expect(client.deliver("6", to: "house/hall").namings == [" = 1"])
        // A number is longer than a short name, and what makes a packet too long is left out.
        #expect(client.deliver("7", to: "a").namings == ["a"])
        var other = Harness(.v5, [(.topicAliasMaximum, 9), (.maximumPacketSize, 18)])
        #expect(other.deliver("12", to: "house/hall").namings == ["house/hall"])
        #expect(other.deliver("", to: "house/hall").namings == ["house/hall = 1"])
        #expect(other.deliver("12", to: "house/hall").namings == [" = 1"])
        var older = Harness(.v311)
        #expect(older.deliver("1", to: "house/hall").namings == ["house/hall"])
    }

    @Test func numbersAreForTopicsOfSoManyBytes() {
        var client = Harness(.v5, [(.topicAliasMaximum, 65_535)])
        let long = String(repeating: "x", count: 10_000)
        #expect(client.deliver("", to: long).namings == [long + " = 1"])
        #expect(client.deliver("", to: long + "y").namings == [long + "y"])
        #expect(client.deliver("", to: "é/é").namings == ["é/é = 2"])
        #expect(client.deliver("", to: "e\u{301}/e\u{301}").namings == ["e\u{301}/e\u{301} = 3"])
    }

    /// The whole packet counts, its first byte and length among them.
    // MQTT 5: 3.1.2-29, 3.14.2-3.
    @Test func whatPeopleAreToldIsLeftOutWhereItIsTooLong() {
        var client = Harness(.v5, [(.maximumPacketSize, 20)])
        #expect(client.receive(.auth(Auth(.reauthenticate))).first == .sent(.disconnect(Disconnect(.protocolError))))
        var other = Harness(.v5, [(.requestProblemInformation, 0)])
        guard case .sent(.disconnect(let disconnect)) = other.receive(.auth(Auth(.reauthenticate))).first else {
            Issue.record("it was not cut off")
            return
        }
        // DISCONNECT may have a reason in any case (3.1.2.11.7).
        #expect(disconnect.properties.has(.reasonString))
    }

    @Test func whatTheSocketDoesNotTakeWaits() {
        var client = Harness(.v5)
        #expect(client.setWritable(false) == [])
        #expect(client.deliver("0") == [])
        #expect(client.deliver("1", .atLeastOnce) == [])
        #expect(client.setWritable(true) == [.message("0"), .message("1", .atLeastOnce, id: 1)])
        #expect(client.session.queuedBytes == 0)
        #expect(client.setWritable(false) == [])
        #expect(client.pass(.seconds(59)) == [])
        #expect(client.pass(.seconds(1)).reason == .quotaExceeded)
    }

    @Test(arguments: [SessionLimits.Overflow.dropNewest, .dropOldest]) func theQueueIsBounded(
        _ overflow: SessionLimits.Overflow
    ) {
        var limits = SessionLimits()
        limits.queuedMessages = 3
        limits.overflow = overflow
        var client = Harness(.v5, expiry: 60, limits: limits)
        client.lose()
        for number in 1...5 { client.deliver("\(number)", .atLeastOnce) }
        #expect(client.session.queuedMessages == 3)
        #expect(client.session.counts.dropped == 2)
        let kept = overflow == .dropNewest ? ["1", "2", "3"] : ["3", "4", "5"]
        let seen = client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true)
        #expect(seen.dropFirst() == ArraySlice(zip(kept, UInt16(1)...).map { .message($0, .atLeastOnce, id: $1) }))
    }

    @Test func theQueueIsBoundedInBytes() {
        var limits = SessionLimits()
        limits.queuedBytes = 10_000
        var client = Harness(.v311, cleanStart: false, limits: limits)
        client.lose()
        for _ in 0..<100 { client.deliver(String(repeating: "x", count: 1_000), .atLeastOnce) }
        #expect(client.session.queuedMessages == 9)
        #expect(client.session.queuedBytes <= 10_000)
        // One alone is taken whatever its size.
        var large = Harness(.v311, cleanStart: false, limits: limits)
        large.lose()
        large.deliver(String(repeating: "x", count: 100_000), .atLeastOnce)
        #expect(large.session.queuedMessages == 1)
    }

    @Test func aSlowClientMayBeCutOff() {
        var limits = SessionLimits()
        limits.queuedMessages = 2
        limits.overflow = .disconnect
        var client = Harness(.v5, expiry: 60, limits: limits, [(.receiveMaximum, 1)])
        for number in 1...3 { client.deliver("\(number)", .atLeastOnce) }
        #expect(client.deliver("4", .atLeastOnce).reason == .quotaExceeded)
    }

    /// It would be cut off again and again, before it could acknowledge anything.
    @Test func oneThatComesBackToAFullQueueIsNotCutOffForIt() {
        var limits = SessionLimits()
        limits.queuedMessages = 2
        limits.overflow = .disconnect
        var client = Harness(.v5, expiry: 60, limits: limits, [(.receiveMaximum, 1)])
        client.deliver("1", .atLeastOnce)
        client.lose()
        for number in 2...4 { client.deliver("\(number)", .atLeastOnce) }
        client.connect(.v5, cleanStart: false, expiry: 60, isResumed: true, [(.receiveMaximum, 1)])
        #expect(client.deliver("5", .atLeastOnce).reason == nil)
        #expect(client.session.counts.dropped == 2)
        for id in 1...3 as ClosedRange<UInt16> { client.receive(.puback(Acknowledgement(id))) }
        // From then on it is slow.
        for number in 6...8 { client.deliver("\(number)", .atLeastOnce) }
        #expect(client.deliver("9", .atLeastOnce).reason == .quotaExceeded)
    }

    @Test func subscriptionsAreTold() {
        var client = Harness(.v5)
        var list = PropertyList()
        list.add(.subscriptionIdentifier, 7)
        list.add(.subscriptionIdentifier, 268_435_455)
        #expect(client.deliver("a", identifiers: [7, 268_435_455]) == [.message("a", properties: list)])
    }

    @Test func timeThatHasPassedIsTakenOff() {
        var client = Harness(.v5, [(.receiveMaximum, 1)])
        client.deliver("1", .atLeastOnce)
        client.deliver("2", .atLeastOnce, expiry: .seconds(10))
        client.deliver("3", .atLeastOnce, expiry: .seconds(3))
        client.pass(.milliseconds(4_200))
        var left = PropertyList()
        left.add(.messageExpiryInterval, 6)
        #expect(client.receive(.puback(Acknowledgement(1))) == [.message("2", .atLeastOnce, id: 2, properties: left)])
        #expect(client.receive(.puback(Acknowledgement(2))) == [])
        #expect(client.session.counts.expired == 1)
    }

    @Test func nothingIsKeptForAClientWithoutAGuarantee() {
        var client = Harness(.v5, expiry: 60)
        client.lose()
        client.deliver("0")
        #expect(client.session.queuedMessages == 0)
        #expect(client.session.counts.dropped == 1)
    }

    /// Each of many that are taken out from between others is found without a look at all of these.
    @Test(.timeLimit(.minutes(1))) func manyAreDroppedOutOfOrder() {
        var session = ServerSession(clientID: "client")
        let publication = Publication(topic: "t", payload: [], qos: .atLeastOnce)
        let count: UInt64 = 50_000
        for number in 1...count {
            _ = session.apply(.queued(number, publication, Match(qos: .atLeastOnce), .atLeastOnce))
        }
        let order = stride(from: 2, through: count, by: 2).reversed() + Array(stride(from: 3, through: count, by: 2))
        let areFound = order.allSatisfy { session.apply(.dropped($0)) }
        #expect(areFound && session.queuedMessages == 1)
        // What is not there can't be dropped.
        let isFound = session.apply(.dropped(3)) || session.apply(.dropped(count + 1))
        #expect(!isFound)
        let isSent = session.apply(.sent(1, 1))
        #expect(isSent && session.queuedMessages == 0 && session.queuedBytes == 0)
    }
}
