import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// What a broker's store keeps is there when the broker is started again, whether it ended in order or was killed.
@Suite(.timeLimit(.minutes(10))) struct RestartTests {
    enum End: CaseIterable {
        case inOrder
        case killed
    }

    /// Runs a server, ends it, and runs another with what it has left.
    private static func restart<Result: Sendable>(
        _ store: StoreFixture,
        _ end: End,
        _ first: (Int) async throws -> Void,
        then second: (StoreFixture, Int) async throws -> Result
    ) async throws -> Result {
        var left = store
        try await store.withServer { _, port in
            try await first(port)
            if end == .killed { left = try store.killed() }
        }
        let next = left
        return try await next.withServer { _, port in try await second(next, port) }
    }

    @Test(arguments: ProtocolVersion.allCases, End.allCases) func sessionsAndWhatWaitsForThem(
        _ version: ProtocolVersion,
        _ end: End
    ) async throws {
        let store = try StoreFixture()
        try await Self.restart(store, end) { port in
            let (reader, isPresent) = try await WireClient.kept(port, "reader", version)
            #expect(!isPresent)
            try await reader.subscribe(.init("a/+", qos: .exactlyOnce), .init("b", qos: .atLeastOnce))
            try await reader.send(.disconnect(Disconnect()))
            _ = try await reader.socket.receiveEnd()
            let writer = try await WireClient.connected(port, "writer", version)
            try await writer.publishSurely("one", to: "a/x", .exactlyOnce)
            try await writer.publishSurely("two", to: "b", .exactlyOnce)
            try await writer.publishSurely("none", to: "c", .exactlyOnce)
        } then: { _, port in
            // What comes after the restart and before the client is there waits behind what was there.
            let writer = try await WireClient.connected(port, "writer", version)
            try await writer.publishSurely("three", to: "a/y", .atLeastOnce)
            let (reader, isPresent) = try await WireClient.kept(port, "reader", version)
            #expect(isPresent == (version > .v31))
            var texts: [String] = []
            while texts.count < 3 {
                guard case .publish(let message) = try await reader.receive() else { continue }
                #expect(!message.isDuplicate)
                let answer = Acknowledgement(message.packetID)
                try await reader.send(message.qos == .exactlyOnce ? .pubrec(answer) : .puback(answer))
                texts.append("\(String(decoding: message.payload, as: UTF8.self)) \(message.qos.rawValue)")
            }
            #expect(texts == ["one 2", "two 1", "three 1"])
        }
    }

    /// Several at once that the client did not acknowledge: they come again, all of them, in their order, to whom they are for.
    @Test(arguments: End.allCases) func whatIsOnItsWay(_ end: End) async throws {
        let store = try StoreFixture()
        var ids: [UInt16] = []
        try await store.withServer { _, port in
            let (reader, _) = try await WireClient.kept(port, "reader")
            try await reader.subscribe(.init("a", qos: .exactlyOnce), identifier: 7)
            let (writer, _) = try await WireClient.kept(port, "writer")
            for (number, qos) in [QoS.atLeastOnce, .exactlyOnce, .exactlyOnce, .atLeastOnce].enumerated() {
                try await writer.publishSurely("\(number)", to: "a", qos)
            }
            for _ in 0..<4 {
                guard case .publish(let publish) = try await reader.receive() else { continue }
                ids.append(publish.packetID)
            }
            // The client has one of them, and says so.
            try await reader.send(.pubrec(Acknowledgement(ids[2])))
            #expect(try await reader.receive() == .pubrel(Acknowledgement(ids[2])))
            if end == .killed {
                let left = try store.killed()
                try await left.withServer { _, port in try await Self.expectAgain(port, ids) }
            }
        }
        if end == .inOrder { try await store.withServer { _, port in try await Self.expectAgain(port, ids) } }
    }

    private static func expectAgain(_ port: Int, _ ids: [UInt16]) async throws {
        let (writer, _) = try await WireClient.kept(port, "writer")
        try await writer.send(.pingreq)
        #expect(try await writer.receive() == .pingresp, "nothing of it is for who published it")
        let (reader, isPresent) = try await WireClient.kept(port, "reader")
        #expect(isPresent)
        #expect(try await reader.receive() == .pubrel(Acknowledgement(ids[2])))
        for number in [0, 1, 3] {
            let message = try await reader.message()
            #expect(message.payload == Array("\(number)".utf8))
            #expect(message.packetID == ids[number])
            #expect(message.isDuplicate)
            #expect(message.properties.subscriptionIdentifiers == [7])
        }
        // No identifier is given to another message before it is free.
        try await writer.publishSurely("new", to: "a", .atLeastOnce)
        let new = try await reader.message()
        #expect(new.payload == Array("new".utf8))
        #expect(!new.isDuplicate)
        #expect(!ids.contains(new.packetID))
    }

    /// A message of QoS 2 that its client sends again after the restart, since PUBREC did not reach it, is not published twice.
    @Test(arguments: End.allCases) func whatComesAgainIsNotDoubled(_ end: End) async throws {
        let store = try StoreFixture()
        try await Self.restart(store, end) { port in
            let (reader, _) = try await WireClient.kept(port, "reader")
            try await reader.subscribe(.init("a", qos: .exactlyOnce))
            try await reader.send(.disconnect(Disconnect()))
            let (writer, _) = try await WireClient.kept(port, "writer")
            try await writer.publish("once", to: "a", .exactlyOnce, id: 9)
            #expect(try await writer.receive() == .pubrec(Acknowledgement(9)))
            try await writer.publishSurely("done with", to: "a", .exactlyOnce, id: 10)
        } then: { _, port in
            let (writer, isPresent) = try await WireClient.kept(port, "writer")
            #expect(isPresent)
            try await writer.publish("once", to: "a", .exactlyOnce, id: 9)
            #expect(try await writer.receive() == .pubrec(Acknowledgement(9)))
            // The identifier of one that was completed is free: this is another message.
            try await writer.publish("another", to: "a", .exactlyOnce, id: 10)
            #expect(try await writer.receive() == .pubrec(Acknowledgement(10)))
            let (reader, _) = try await WireClient.kept(port, "reader")
            #expect(try await reader.textsUntilMark() == ["once", "done with", "another"])
        }
    }

    @Test(arguments: End.allCases) func keptMessages(_ end: End) async throws {
        let store = try StoreFixture()
        let bytes = String(decoding: (0..<200).map { UInt8($0 % 128) }, as: UTF8.self)
        let pairs = PropertyList([
            .init(.payloadFormatIndicator, .number(1)), .init(.contentType, .text("text/plain")),
            .init(.correlationData, .data([0, 255, 1])), .init(.userProperty, .pair("a", "1")),
            .init(.userProperty, .pair("a", "2")),
        ])
        try await Self.restart(store, end) { port in
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("old", to: "kept/1", retain: true)
            try await writer.publishSurely(bytes, to: "kept/1", retain: true, properties: pairs)
            try await writer.publishSurely("gone", to: "kept/2", retain: true)
            try await writer.publishSurely("", to: "kept/2", retain: true)
            // Also what nobody acknowledges, when something after it was.
            try await writer.publish("unasked", to: "kept/3", retain: true)
            try await writer.publishSurely("mark", to: "other")
        } then: { store, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("kept/+", qos: .atLeastOnce))
            let messages = [try await reader.message(), try await reader.message()].sorted { $0.topic < $1.topic }
            #expect(messages.map(\.topic) == ["kept/1", "kept/3"])
            #expect(messages.allSatisfy { $0.retain })
            #expect(messages[0].payload == Array(bytes.utf8))
            #expect(messages[0].properties == pairs)
            #expect(try await reader.textsUntilMark() == [])
            // They can be deleted, and then they are gone for good.
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("", to: "kept/1", retain: true)
        }
        if end == .inOrder {
            try await store.withServer { _, port in
                let reader = try await WireClient.connected(port, "reader")
                try await reader.subscribe(.init("kept/+"))
                #expect(try await reader.textsUntilMark() == ["unasked"])
            }
        }
    }

    /// Connections in the broker's process keep messages, too; those of this process are newer than the store's.
    @Test func keptMessagesOfTheProcess() async throws {
        let store = try StoreFixture()
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await local.publish(Message("before", headers: ["n": 7]), to: "a", options: PublishOptions(retain: true))
        try await store.withServer(broker) { _, _ in
            try await local.publish(Message("with", headers: ["n": 7]), to: "b", options: PublishOptions(retain: true))
            try await local.publish(Message("x"), to: "c", options: PublishOptions(retain: true))
        }
        let next = MemoryBroker()
        let other = try await next.connect(name: "local")
        try await other.publish(Message("newer"), to: "c", options: PublishOptions(retain: true))
        try await store.withServer(next) { _, _ in
            for (topic, text, number) in [("a", "before", 7), ("b", "with", 7), ("c", "newer", nil)]
                as [(String, String, Int?)]
            {
                let inbox = try await other.subscribe(to: TopicPattern(topic))
                let delivery = try #require(try await inbox.next())
                #expect(delivery.message.text == text)
                #expect(delivery.message.headers["n"] == number.map { .integer(Int64($0)) })
            }
        }
        try await store.withServer { _, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("c"))
            #expect(try await reader.text() == "newer")
        }
    }

    /// A will is published by the broker that is there when it is due: also of a client that was there when the other was killed.
    @Test(arguments: [UInt32(0), 1_000]) func willsOfClientsThatWereThere(_ expiry: UInt32) async throws {
        let store = try StoreFixture()
        let will = WillMessage(topic: "gone", payload: Array("x".utf8), qos: .atLeastOnce, retain: true)
        try await Self.restart(store, .killed) { port in
            let client = try WireClient(port)
            try await client.connect("mortal", cleanStart: false, expiry: expiry, will: will)
            let polite = try WireClient(port)
            try await polite.connect(
                "polite",
                cleanStart: false,
                expiry: expiry,
                will: WillMessage(topic: "no", payload: [])
            )
            try await polite.send(.disconnect(Disconnect()))
            _ = try await polite.socket.receiveEnd()
            let reader = try await WireClient.kept(port, "reader").0
            try await reader.subscribe(.init("gone", qos: .atLeastOnce), .init("no", qos: .atLeastOnce))
            try await reader.send(.disconnect(Disconnect()))
            _ = try await reader.socket.receiveEnd()
        } then: { next, port in
            let reader = try await WireClient.kept(port, "reader").0
            #expect(try await reader.textsUntilMark() == ["x"])
            let other = try await WireClient.connected(port, "other")
            try await other.subscribe(.init("gone"))
            #expect(try await other.text() == "x")
            // It is published once, whatever comes.
            let later = try next.killed()
            try await later.withServer { server, port in
                let reader = try await WireClient.kept(port, "reader").0
                #expect(try await reader.textsUntilMark() == [])
                let (_, isPresent) = try await WireClient.kept(port, "mortal")
                #expect(isPresent == (expiry > 0))
            }
        }
    }

    @Test func willsThatAreToWait() async throws {
        var store = try StoreFixture()
        var will = WillMessage(topic: "gone", payload: Array("x".utf8), qos: .atLeastOnce)
        will.properties.add(.willDelayInterval, 500)
        let delayed = will
        try await store.withServer { _, port in
            let (client, _) = try await WireClient.kept(port, "mortal", will: delayed)
            client.socket.end()
            let reader = try await WireClient.kept(port, "reader").0
            try await reader.subscribe(.init("gone", qos: .atLeastOnce))
            try await reader.send(.disconnect(Disconnect()))
            _ = try await reader.socket.receiveEnd()
        }
        store.settings.wall = { WallClock.nanoseconds + 700_000_000_000 }
        try await store.withServer { _, port in
            let reader = try await WireClient.kept(port, "reader").0
            #expect(try await reader.text() == "x")
            #expect(try await reader.textsUntilMark() == [])
        }
        // One whose client is back in time is not.
        try await store.withServer { _, port in
            let (client, _) = try await WireClient.kept(port, "mortal", will: delayed)
            client.socket.end()
        }
        try await store.withServer { _, port in
            let (_, isPresent) = try await WireClient.kept(port, "mortal")
            #expect(isPresent)
        }
        store.settings.wall = { WallClock.nanoseconds + 1_400_000_000_000 }
        try await store.withServer { _, port in
            let reader = try await WireClient.kept(port, "reader").0
            #expect(try await reader.textsUntilMark() == [])
        }
    }

    /// Members of a group are members after a restart, and share what comes while they are away.
    @Test func sharedSubscriptions() async throws {
        let store = try StoreFixture()
        try await Self.restart(store, .killed) { port in
            for member in ["one", "two"] {
                let (client, _) = try await WireClient.kept(port, member)
                try await client.subscribe(.init("$share/group/a/#", qos: .atLeastOnce))
                try await client.send(.disconnect(Disconnect()))
                _ = try await client.socket.receiveEnd()
            }
        } then: { _, port in
            let writer = try await WireClient.connected(port, "writer")
            for number in 0..<6 { try await writer.publishSurely("\(number)", to: "a/\(number)") }
            var texts: [String] = []
            for member in ["one", "two"] {
                let (client, _) = try await WireClient.kept(port, member)
                texts += try await client.textsUntilMark()
            }
            #expect(texts.sorted() == ["0", "1", "2", "3", "4", "5"])
        }
    }

    /// What a member did not acknowledge before its session ended another one gets, though the broker was started again in between.
    @Test(arguments: End.allCases) func whatAMemberLeavesBehindOthersGet(_ end: End) async throws {
        let store = try StoreFixture()
        try await Self.restart(store, end) { port in
            let (first, _) = try await WireClient.kept(port, "first")
            try await first.subscribe(.init("$share/g/a/+", qos: .atLeastOnce))
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("sent", to: "a/b")
            guard case .publish = try await first.receive() else { throw ServerError("No message") }
            first.socket.end()
            try await writer.publishSurely("waits", to: "a/c")
        } then: { _, port in
            let second = try await WireClient.connected(port, "second")
            try await second.subscribe(.init("$share/g/a/+", qos: .atLeastOnce))
            #expect(try await second.textsUntilMark() == [])
            _ = try await WireClient.connected(port, "first", cleanStart: true)
            #expect(try await second.textsUntilMark() == ["sent", "waits"])
        }
    }

    /// A client that takes two messages at a time, and whose session is kept.
    private static func slowClient(_ port: Int) async throws -> WireClient {
        let client = try WireClient(port)
        var connect = Connect(version: .v5, clientID: "slow", cleanStart: false, keepAlive: 0)
        connect.properties.add(.receiveMaximum, 2)
        connect.properties.add(.sessionExpiryInterval, 1_000)
        try await client.send(.connect(connect))
        _ = try await client.receive()
        return client
    }

    /// A shutdown waits for no acknowledgement. What a client has not taken by then is the store's, however much it is.
    @Test func moreThanAClientTakesAtATimeOutlivesAShutdown() async throws {
        let store = try StoreFixture()
        let texts = (0..<20).map { "\($0)" }
        var slow: WireClient?
        try await store.withServer { _, port in
            let client = try await Self.slowClient(port)
            try await client.subscribe(.init("a", qos: .atLeastOnce))
            let writer = try await WireClient.connected(port, "writer")
            for text in texts { try await writer.publishSurely(text, to: "a") }
            slow = client
        }
        // It has what was on its way, and knows why there is no more.
        let client = try #require(slow)
        for text in texts[..<2] {
            guard case .publish(let message) = try await client.receive() else { throw ServerError("No message") }
            #expect(String(decoding: message.payload, as: UTF8.self) == text)
        }
        #expect(try await client.disconnectReason() == .serverShuttingDown)
        try await store.withServer { _, port in
            let client = try await Self.slowClient(port)
            for text in texts { #expect(try await client.text() == text) }
        }
    }

    /// A new subscription gets all that is kept for its topics, over however many restarts that takes.
    @Test(arguments: End.allCases) func keptMessagesThatWereNotSentYet(_ end: End) async throws {
        var store = try StoreFixture()
        let all = Set((0..<20).map { "kept/\($0)" })
        var seen: Set<String> = []
        for round in 0..<3 {
            var left = store
            try await store.withServer { _, port in
                let client = try await Self.slowClient(port)
                if round == 0 {
                    let writer = try await WireClient.connected(port, "writer")
                    for topic in all {
                        try await writer.publishSurely("x", to: topic, retain: true)
                        try await writer.publishSurely("x", to: "other/" + topic, retain: true)
                    }
                    try await client.subscribe(
                        .init("kept/+", qos: .atLeastOnce),
                        .init("other/+/+", qos: .atLeastOnce)
                    )
                    // What is not guaranteed is not owed, nor what is not wanted any more.
                    try await client.subscribe(.init("+/#"))
                    try await client.send(.unsubscribe(UnsubscribeRequest(2, ["other/+/+"])))
                }
                while seen.count < (round == 0 ? 5 : round == 1 ? 12 : 20) {
                    guard case .publish(let message) = try await client.receive() else { continue }
                    if message.topic.hasPrefix("kept/") { seen.insert(message.topic) }
                    guard message.qos == .atLeastOnce else { continue }
                    try await client.send(.puback(Acknowledgement(message.packetID)))
                }
                if end == .killed { left = try store.killed() }
            }
            store = left
            guard round < 2 else { break }
            let session = try #require(try StoreDump(folder: store.path).sessions.first)
            #expect(session.subscriptions.filter(\.isOwed).map(\.filter) == ["kept/+"])
        }
        #expect(seen == all)
        try await store.withServer { _, port in
            let client = try await Self.slowClient(port)
            // The answer to a ping may overtake messages, so the store says when all are acknowledged.
            func isDone() throws -> Bool {
                try StoreDump(folder: store.path).sessions.allSatisfy {
                    $0.queued.isEmpty && $0.inFlight.isEmpty && !$0.subscriptions.contains(where: \.isOwed)
                }
            }
            repeat {
                try await client.send(.pingreq)
                while case let packet = try await client.receive(), packet != .pingresp {
                    guard case .publish(let message) = packet else { continue }
                    try await client.send(.puback(Acknowledgement(message.packetID)))
                }
            } while try !isDone()
        }
        try await store.withServer { _, port in
            let client = try await Self.slowClient(port)
            #expect(try await client.textsUntilMark() == [])
        }
    }

    /// A session that reads how the broker stands is one like others; what the broker says of itself is not kept.
    @Test func sessionsThatReadSystemTopics() async throws {
        let store = try StoreFixture()
        try await Self.restart(store, .inOrder) { port in
            let (client, _) = try await WireClient.kept(port, "watcher")
            try await client.subscribe(.init("$SYS/broker/#", qos: .exactlyOnce))
            _ = try await client.message()
        } then: { store, port in
            let (client, isPresent) = try await WireClient.kept(port, "watcher")
            #expect(isPresent)
            #expect(try await client.message().topic.hasPrefix("$SYS/broker/"))
            #expect(try StoreDump(folder: store.path).retained.isEmpty)
        }
    }

    /// Unsubscribed is unsubscribed, ended is ended, and what one session had the next of its name has not.
    @Test func whatWasGivenUp() async throws {
        let store = try StoreFixture()
        try await Self.restart(store, .killed) { port in
            let (client, _) = try await WireClient.kept(port, "client")
            try await client.subscribe(.init("a", qos: .atLeastOnce), .init("b", qos: .atLeastOnce))
            try await client.send(.unsubscribe(UnsubscribeRequest(2, ["a"])))
            _ = try await client.receive()
            let (other, _) = try await WireClient.kept(port, "other")
            try await other.subscribe(.init("a", qos: .atLeastOnce))
            try await other.send(
                .disconnect(Disconnect(properties: .init([.init(.sessionExpiryInterval, .number(0))])))
            )
            _ = try await other.socket.receiveEnd()
            let (third, _) = try await WireClient.kept(port, "third")
            try await third.subscribe(.init("a", qos: .atLeastOnce))
            let again = try WireClient(port)
            try await again.connect("third", cleanStart: true, expiry: 1_000)
        } then: { _, port in
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("a", to: "a")
            try await writer.publishSurely("b", to: "b")
            let (client, _) = try await WireClient.kept(port, "client")
            #expect(try await client.textsUntilMark() == ["b"])
            let (other, isPresent) = try await WireClient.kept(port, "other")
            #expect(!isPresent)
            #expect(try await other.textsUntilMark() == [])
            let (third, thirdIsPresent) = try await WireClient.kept(port, "third")
            #expect(thirdIsPresent)
            #expect(try await third.textsUntilMark() == [])
        }
    }

    /// Rules that have become stricter hold for what waits.
    @Test func rulesThatHaveChanged() async throws {
        let store = try StoreFixture()
        try await store.withServer { _, port in
            let (reader, _) = try await WireClient.kept(port, "reader")
            try await reader.subscribe(.init("#", qos: .atLeastOnce))
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("secret", to: "secret/sent")
            // It is not acknowledged.
            guard case .publish = try await reader.receive() else { throw ServerError("No message") }
            try await reader.send(.disconnect(Disconnect()))
            _ = try await reader.socket.receiveEnd()
            try await writer.publishSurely("secret", to: "secret/waits")
        }
        let rules = try AccessRules(text: "topic read public/#\ntopic write #\ntopic read mark/#", name: "rules")
        try await store.withServer(rules: rules) { _, port in
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("secret", to: "secret/a")
            try await writer.publishSurely("public", to: "public/a")
            let (reader, isPresent) = try await WireClient.kept(port, "reader")
            #expect(isPresent)
            #expect(try await reader.textsUntilMark().contains("secret") == false)
        }
    }

    @Test func aFolderThatIsInUse() async throws {
        let store = try StoreFixture()
        try await store.withServer { _, _ in
            let error = await #expect(throws: MessagingError.self) { try await store.withServer { _, _ in } }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message == "somebody else uses the store in \(store.path)")
        }
        // It is free when the server has ended.
        try await store.withServer { _, _ in }
    }
}
