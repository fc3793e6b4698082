import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// Subscriptions that clients share by groups, of which each message goes to one member.
@Suite(.timeLimit(.minutes(5))) struct SharedTests {
    private static let half = SubscribeRequest.Entry("$share/g/a/+", qos: .atLeastOnce)

    /// Returns when a broker knows that so many clients are there.
    private static func wait(for count: Int, _ broker: MemoryBroker) async {
        while broker.presence.clients.count != count { await Task.yield() }
    }

    /// Whoever subscribes alone gets everything, beside the groups, whatever else he shares.
    @Test func groupsTakeNothingFromOthers() async throws {
        try await withServer { _, port in
            let alone = try await WireClient.connected(port, "alone")
            try await alone.subscribe(.init("#"))
            let first = try await WireClient.connected(port, "first")
            try await first.subscribe(.init("$share/g/a"), .init("$share/h/a"))
            let second = try await WireClient.connected(port, "second")
            try await second.subscribe(.init("$share/g/a"), .init("a"))
            for text in ["1", "2"] { try await alone.publish(text, to: "a") }
            #expect(try await alone.textsUntilMark() == ["1", "2"])
            // Of each group one copy, and one for what is not shared.
            let (theirs, ours) = (try await first.textsUntilMark(), try await second.textsUntilMark())
            #expect((theirs + ours).sorted() == ["1", "1", "1", "2", "2", "2"])
            #expect(ours.count == 3)
            // The shared one ends, and the other stays.
            try await second.send(.unsubscribe(UnsubscribeRequest(7, ["$share/g/a"])))
            #expect(try await second.receive() == .unsuback(Unsuback(7, [.success])))
            for text in ["3", "4"] { try await alone.publish(text, to: "a") }
            // It hears the others' marks as well.
            #expect(try await alone.textsUntilMark().filter { !$0.isEmpty } == ["3", "4"])
            #expect(try await second.textsUntilMark() == ["3", "4"])
            #expect(try await first.textsUntilMark() == ["3", "3", "4", "4"])
        }
    }

    /// What a member did not acknowledge before its session ended, another one gets.
    @Test(arguments: [UInt32(0), 1_000]) func whatAMemberLeavesBehindOthersGet(_ expiry: UInt32) async throws {
        let broker = MemoryBroker()
        try await withServer(broker) { _, port in
            let first = try await WireClient.connected(port, "first", expiry: expiry)
            try await first.subscribe(Self.half)
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publish("1", to: "a/b", .atLeastOnce, id: 1)
            guard case .publish = try await first.receive() else { throw ServerError("No message") }
            let second = try await WireClient.connected(port, "second")
            try await second.subscribe(Self.half)
            first.socket.end()
            await Self.wait(for: 2, broker)
            if expiry > 0 {
                // It may be back; only when it says that its session is nothing to it do others get its messages.
                #expect(try await second.textsUntilMark() == [])
                _ = try await WireClient.connected(port, "first")
            }
            #expect(try await second.textsUntilMark() == ["1"])
        }
    }

    /// While no member is there, the session of one keeps what comes; if that ends, the next one who is there gets it.
    @Test func whatWaitsForAMemberGoesToOthers() async throws {
        let broker = MemoryBroker()
        try await withServer(broker) { _, port in
            let first = try await WireClient.connected(port, "first", expiry: 1_000)
            try await first.subscribe(Self.half, .init("a/b", qos: .atLeastOnce))
            let second = try await WireClient.connected(port, "second", expiry: 1_000)
            try await second.subscribe(Self.half)
            for client in [first, second] { client.socket.end() }
            await Self.wait(for: 0, broker)
            let writer = try await WireClient.connected(port, "writer")
            for number in 1...4 { try await writer.publish("\(number)", to: "a/b", .atLeastOnce, id: UInt16(number)) }
            for _ in 1...4 { _ = try await writer.receive() }
            let back = try await WireClient.connected(port, "second", cleanStart: false, expiry: 1_000)
            var seen = try await back.textsUntilMark()
            #expect(seen.count == 2)
            // The first starts anew: what waited for it alone is gone, and what it shared is not.
            _ = try await WireClient.connected(port, "first")
            seen += try await back.textsUntilMark()
            #expect(seen.sorted() == ["1", "2", "3", "4"])
        }
    }

    /// What may not be read is not shared either, whatever the group's filter says.
    @Test func refusedSubscriptionsAreNone() async throws {
        let rules = try AccessRules(text: "topic read open/#\ntopic write #\n", name: "rules")
        let broker = MemoryBroker()
        try await withServer(broker, rules: rules) { _, port in
            let client = try await WireClient.connected(port, "client")
            #expect(
                try await client.subscribe(
                    .init("$share/g/secret"),
                    .init("$share/martlet/secret"),
                    .init("$share/g/open/+"),
                    .init("$share/g/#")
                ) == [.notAuthorized, .notAuthorized, .success, .success]
            )
            #expect(broker.presence.clients[0].queues.isEmpty)
            for topic in ["secret", "open/a", "secret/open"] { try await client.publish(topic, to: topic) }
            try await client.send(.pingreq)
            var seen: [String] = []
            while case .publish(let message) = try await client.receive() { seen.append(message.topic) }
            #expect(seen == ["open/a", "open/a"])
        }
    }

    private static let partly = """
        topic readwrite #
        user all
        topic read #
        user some
        topic read open/#
        """

    /// A member that is there by the rules of a user.
    private static func member(
        _ port: Int,
        _ id: String,
        _ user: String,
        expiry: UInt32? = nil
    ) async throws -> WireClient {
        let client = try WireClient(port)
        try await client.connect(id, expiry: expiry, user: user)
        try await client.subscribe(.init("$share/g/#", qos: .atLeastOnce))
        return client
    }

    /// What one member may not read another gets who may, wherever it stands in the order.
    @Test(arguments: [["all", "some", "some", "some"], ["some", "all", "some"], ["some", "some", "all"], ["some"]])
    func whatOneMayNotReadAnotherGets(_ users: [String]) async throws {
        let broker = MemoryBroker()
        // Rules don't hold in this process: where no client may read it, it is here.
        let inbox =
            users.contains("all")
            ? nil : try await broker.connect(name: "local").subscribe(to: "#", options: SubscribeOptions(group: "g"))
        let rules = try AccessRules(text: Self.partly, name: "rules")
        try await withServer(broker, authenticator: Named(), rules: rules) { _, port in
            var members: [WireClient] = []
            for (number, user) in users.enumerated() {
                members.append(try await Self.member(port, "\(number)", user))
            }
            let writer = try await WireClient.connected(port, "writer")
            let texts = (0..<12).map { "\($0)" }
            for text in texts { try await writer.publishSurely(text, to: "secret") }
            for (user, member) in zip(users, members) where user == "all" {
                for text in texts { #expect(try await member.text() == text) }
            }
            if let inbox {
                for text in texts { #expect(try await inbox.next()?.message.text == text) }
            }
            // What all may read goes on to be shared, and the others have got nothing else.
            for _ in 0..<12 { try await writer.publishSurely("open", to: "open/a") }
            for member in members {
                try await member.send(.pingreq)
                var count = 0
                while case .publish(let message) = try await member.receive() {
                    #expect(message.topic == "open/a")
                    count += 1
                }
                #expect(count >= 2, "\(users)")
            }
        }
    }

    /// Also one that is absent, while none that is there may.
    @Test func whatNobodyThereMayReadWaitsForOneWhoMay() async throws {
        let broker = MemoryBroker()
        let rules = try AccessRules(text: Self.partly, name: "rules")
        try await withServer(broker, authenticator: Named(), rules: rules) { _, port in
            let away = try await Self.member(port, "away", "all", expiry: 1_000)
            try await away.send(.disconnect(Disconnect()))
            _ = try await away.socket.receiveEnd()
            await Self.wait(for: 0, broker)
            let members = [try await Self.member(port, "0", "some"), try await Self.member(port, "1", "some")]
            let writer = try await WireClient.connected(port, "writer")
            for text in ["1", "2", "3"] { try await writer.publishSurely(text, to: "secret") }
            for member in members {
                try await member.send(.pingreq)
                #expect(try await member.receive() == .pingresp)
            }
            let back = try WireClient(port)
            try await back.connect("away", cleanStart: false, expiry: 1_000, user: "all")
            for text in ["1", "2", "3"] { #expect(try await back.text() == text) }
        }
    }

    /// Members for whom one message may be on its way, and one may wait.
    private static func withNarrowMembers(
        _ overflow: ServerLimits.Overflow = .dropNewest,
        _ ids: [String],
        _ body: (BrokerServer, Int, [WireClient], _ writer: WireClient) async throws -> Void
    ) async throws {
        var limits = ServerLimits()
        (limits.inFlight, limits.queuedMessages, limits.overflow) = (1, 1, overflow)
        try await withServer(limits: limits) { server, port in
            var members: [WireClient] = []
            for id in ids {
                let member = try await WireClient.connected(port, id, expiry: 1_000)
                try await member.subscribe(half)
                members.append(member)
            }
            try await body(server, port, members, try await WireClient.connected(port, "writer"))
        }
    }

    /// What one has no room for goes to another who has: first to one who is there.
    @Test(arguments: [ServerLimits.Overflow.dropNewest, .dropOldest, .disconnect])
    func whatOneHasNoRoomForAnotherGets(_ overflow: ServerLimits.Overflow) async throws {
        try await Self.withNarrowMembers(overflow, ["slow", "away", "fast"]) { server, port, members, writer in
            try await members[1].send(.disconnect(Disconnect()))
            _ = try await members[1].socket.receiveEnd()
            // The slow one acknowledges nothing: one message is on its way to it, and one waits.
            var fast: [String] = []
            for number in 0..<10 {
                try await writer.publishSurely("\(number)", to: "a/b")
                fast += try await members[2].textsUntilMark()
            }
            #expect(fast.count == 8)
            // Now that both who are there acknowledge nothing, there is room for two with the one, and for one who is away.
            for number in 10..<13 { try await writer.publishSurely("\(number)", to: "a/b") }
            #expect(server.statistics.dropped == 0)
            let (back, _) = try await WireClient.kept(port, "away")
            #expect(try await back.textsUntilMark() == ["12"])
            let slow = [try await members[0].text(), try await members[0].text()]
            #expect((fast + slow).sorted() == (0..<10).map { "\($0)" })
            for text in ["10", "11"] { #expect(try await members[2].text() == text) }
        }
    }

    /// Where nobody has room, it is as if the one whose turn it was were alone.
    @Test(arguments: [ServerLimits.Overflow.dropNewest, .dropOldest])
    func whatNobodyHasRoomForIsCountedOnce(_ overflow: ServerLimits.Overflow) async throws {
        try await Self.withNarrowMembers(overflow, ["0", "1"]) { server, _, members, writer in
            for number in 0..<6 { try await writer.publishSurely("\(number)", to: "a/b") }
            #expect(server.statistics.dropped == 2)
            var texts: [String] = []
            for member in members { texts += [try await member.text(), try await member.text()] }
            #expect(texts.sorted() == (overflow == .dropNewest ? ["0", "1", "2", "3"] : ["0", "1", "4", "5"]))
        }
    }

    /// Where nobody may read it, it is dropped, as where nobody is there.
    @Test func whatNobodyMayReadIsDropped() async throws {
        let rules = try AccessRules(text: Self.partly, name: "rules")
        try await withServer(authenticator: Named(), rules: rules) { server, port in
            let members = [try await Self.member(port, "0", "some"), try await Self.member(port, "1", "some")]
            let writer = try await WireClient.connected(port, "writer")
            for _ in 0..<10 { try await writer.publishSurely("x", to: "secret") }
            for member in members {
                try await member.send(.pingreq)
                #expect(try await member.receive() == .pingresp)
            }
            #expect(server.statistics.queued == 0)
        }
    }

    /// What waits for a member that may not read it any more goes to another one.
    @Test func whatOneMayNoLongerReadAnotherGets() async throws {
        try await withServer(authenticator: Named()) { server, port in
            let first = try await Self.member(port, "first", "some", expiry: 1_000)
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("0", to: "secret")
            // It is not acknowledged.
            guard case .publish = try await first.receive() else { throw ServerError("No message") }
            try await first.send(.disconnect(Disconnect()))
            _ = try await first.socket.receiveEnd()
            for text in ["1", "2"] { try await writer.publishSurely(text, to: "secret") }
            let second = try await Self.member(port, "second", "all")
            server.setRules(try AccessRules(text: Self.partly, name: "rules"))
            for text in ["0", "1", "2"] { #expect(try await second.text() == text) }
            #expect(server.statistics.queued == 0)
        }
    }

    /// Wildcards at the start match nothing of the broker's own, also in groups; who asks for both gets both.
    @Test func theBrokersOwnTopicsAreForThoseWhoNameThem() async throws {
        try await withServer { _, port in
            for filter in ["#", "+/#", "+/broker/uptime", "$share/g/#", "$share/martlet/+/+/+"] {
                let client = try await WireClient.connected(port, "client")
                try await client.subscribe(.init(filter))
                #expect(try await client.textsUntilMark() == [], "\(filter)")
            }
            let client = try await WireClient.connected(port, "client")
            try await client.subscribe(.init("#"), .init("$SYS/broker/uptime"))
            #expect(try await client.message().topic == "$SYS/broker/uptime")
        }
    }
}
