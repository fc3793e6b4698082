import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// What a broker keeps outlives the process: another one, of another version of the program, goes on with it.
@Suite(.timeLimit(.minutes(10))) struct KeptSessionTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)
    private static let guaranteed = SubscribeOptions(guarantee: .atLeastOnce)

    private func options(
        _ port: Int,
        _ version: MQTTVersion,
        _ name: String,
        _ configure: (inout MQTTOptions) -> Void = { _ in }
    ) -> MQTTOptions {
        .local(port, version, name: "\(name)-\(version.rawValue)") { options in
            options.session = .persistent(expiry: .seconds(600))
            configure(&options)
        }
    }

    private func publish(_ texts: [String], _ topic: TopicName, _ port: Int) async throws {
        try await MQTTConnection.withConnection(.local(port)) { publisher in
            for text in texts { try await publisher.publish(Message(text), to: topic, options: Self.promise) }
        }
    }

    // MARK: Another process

    @Test(arguments: MQTTVersion.allCases)
    func aNewSubscriptionGetsNothingOfAnOldOne(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let base = "foreign-\(version.rawValue.first ?? "x")"
        let held = try await MQTTConnection.withConnection(options(server.port, version, "foreign")) { connection in
            try await connection.subscribe(to: TopicPattern("\(base).old.temperature"), options: Self.guaranteed)
        }
        try await MQTTConnection.withConnection(options(server.port, version, "foreign")) { connection in
            let door = try await connection.subscribe(to: TopicPattern("\(base).new.door"), options: Self.guaranteed)
            try await publish(["99 degrees"], TopicName("\(base).old.temperature"), server.port)
            try await publish(["open"], TopicName("\(base).new.door"), server.port)
            #expect(try await door.next()?.message.text == "open")
            let old = try await connection.subscribe(
                to: TopicPattern("\(base).old.temperature"),
                options: Self.guaranteed
            )
            #expect(try await old.next()?.message.text == "99 degrees", "it has waited for its reader")
        }
        withExtendedLifetime(held) {}
    }

    @Test(arguments: MQTTVersion.allCases)
    func theOrderInWhichAProgramSubscribesDoesNotMatter(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let base = "order-\(version.rawValue.first ?? "x")"
        let topics = ["\(base).a", "\(base).b", "\(base).c"].map { TopicName($0) }
        func options() -> MQTTOptions { self.options(server.port, version, "order") { $0.receiveMaximum = 1 } }
        try await MQTTConnection.withConnection(options()) { connection in
            for topic in topics {
                _ = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
            }
        }
        for number in 0..<100 {
            for topic in topics { try await publish(["\(topic) \(number)"], topic, server.port) }
        }
        try await MQTTConnection.withConnection(options()) { connection in
            for topic in topics.reversed() {
                let subscription = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
                for number in 0..<100 { #expect(try await subscription.next()?.message.text == "\(topic) \(number)") }
            }
            #expect(connection.statistics.undelivered == 0)
        }
    }

    /// Each process would otherwise leave one behind for ever.
    @Test(arguments: MQTTVersion.allCases)
    func callersOfOneNameHaveOneReplyAddress(_ version: MQTTVersion) async throws {
        let filters = Shared<[[UInt8]]>([])
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            let packet = try await peer.receive(kind: 8)
            filters.withLock { $0.append(packet.filter(version)) }
            try await peer.grant(packet, version)
            try await peer.behave(version)
        } _: { broker in
            for name in ["caller", "caller", "other"] {
                try await MQTTConnection.withConnection(options(broker.port, version, name)) { connection in
                    _ = await errorCode {
                        _ = try await connection.call(RPC<Int, Int>("nobody"), 1, timeout: .milliseconds(50))
                    }
                }
            }
        }
        #expect(filters.value.count == 3)
        #expect(filters.value[0] == filters.value[1])
        #expect(filters.value[0] != filters.value[2])
    }

    // MARK: Stopping

    enum End: CaseIterable {
        case heldToTheEnd, dropped, leftTheLoop, finished, node, queue
    }

    @Test(arguments: MQTTVersion.allCases, End.allCases)
    func whatIsStoppedMissesNothing(_ version: MQTTVersion, _ end: End) async throws {
        let server = try await MosquittoServer.shared()
        let base = "stopped-\(version.rawValue.first ?? "x")-\(end)"
        let topic = TopicName("\(base).x")
        func read(_ connection: MQTTConnection, _ count: Int) async throws -> [String] {
            let subscription: Subscription
            if end == .queue {
                subscription = try await connection.consume(from: QueueName("\(base).x"))
            } else {
                subscription = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
            }
            try await publish(["now"], topic, server.port)
            var texts: [String] = []
            for try await delivery in subscription {
                texts.append(delivery.message.text ?? "?")
                try delivery.ack()
                if texts.count == count { break }
            }
            return texts
        }
        let held = Shared<[Subscription]>([])
        try await MQTTConnection.withConnection(options(server.port, version, base)) { connection in
            switch end {
            case .heldToTheEnd:
                let subscription = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
                held.withLock { $0.append(subscription) }
            case .dropped: _ = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
            case .leftTheLoop, .queue:
                let texts = try await read(connection, 1)
                #expect(texts == ["now"])
            case .finished:
                let subscription = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
                subscription.finish()
                for try await _ in subscription {}
            case .node:
                let node = Node(base, on: connection) {
                    Subscribe(to: TopicPattern(topic), options: Self.guaranteed) { _ in }
                }
                try await node.whileRunning {}
            }
        }
        let expected = (0..<5).map { "while away \($0)" }
        try await publish(expected, topic, server.port)
        try await MQTTConnection.withConnection(options(server.port, version, base)) { connection in
            let texts = try await read(connection, 6)
            #expect(texts == expected + ["now"])
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func whatTheUserUnsubscribesFromIsNotKept(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let base = "ended-\(version.rawValue.first ?? "x")"
        try await MQTTConnection.withConnection(options(server.port, version, "ended")) { connection in
            let first = try await connection.subscribe(to: TopicPattern("\(base).a"), options: Self.guaranteed)
            first.unsubscribe()
            #expect(try await first.next()?.message == nil)
            let second = try await connection.subscribe(to: TopicPattern("\(base).b"), options: Self.guaranteed)
            second.finish()
            #expect(try await second.next()?.message == nil)
            second.unsubscribe()
        }
        try await publish(["a"], TopicName("\(base).a"), server.port)
        try await publish(["b"], TopicName("\(base).b"), server.port)
        try await MQTTConnection.withConnection(options(server.port, version, "ended")) { connection in
            let all = try await connection.subscribe(to: TopicPattern("\(base).#"), options: Self.guaranteed)
            try await publish(["end"], TopicName("\(base).c"), server.port)
            #expect(try await all.next()?.message.text == "end")
        }
    }

    /// Whatever is read is acknowledged. So a reader that stops takes all that was read, and the rest stays with the broker.
    @Test(arguments: MQTTVersion.allCases)
    func aReaderThatStopsUnderLoadLosesNothing(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("load-\(version.rawValue.first ?? "x")")
        let count = 3_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            let begun = Shared(false)
            group.addTask {
                try await until { begun.value }
                try await MQTTConnection.withConnection(.local(server.port)) { publisher in
                    let messages = (0..<count).map { Message("\($0)") }
                    try await publisher.publish(contentsOf: messages, to: topic, options: Self.promise)
                }
            }
            var missing = Set((0..<count).map(String.init))
            while !missing.isEmpty {
                try await MQTTConnection.withConnection(options(server.port, version, "load")) { connection in
                    let subscription = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
                    begun.withLock { $0 = true }
                    let enough = max(0, missing.count - 200)
                    for try await delivery in subscription {
                        missing.remove(delivery.message.text ?? "?")
                        if missing.count <= enough { subscription.finish() }
                    }
                    #expect(connection.statistics.undelivered == 0)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func whatComesByAFilterThatWasLeftIsCountedAndNobodysElse(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let base = "left-\(version.rawValue.first ?? "x")"
        try await MQTTConnection.withConnection(options(server.port, version, "left")) { connection in
            let other = try await connection.subscribe(to: TopicPattern("\(base).other"), options: Self.guaranteed)
            let left = try await connection.subscribe(to: TopicPattern("\(base).x"), options: Self.guaranteed)
            left.finish()
            for try await _ in left {}
            try await publish(["1", "2"], TopicName("\(base).x"), server.port)
            try await publish(["later"], TopicName("\(base).other"), server.port)
            #expect(try await other.next()?.message.text == "later")
            #expect(connection.statistics.undelivered == 2)
            let next = try await connection.subscribe(to: TopicPattern("\(base).*"), options: Self.guaranteed)
            try await publish(["3"], TopicName("\(base).x"), server.port)
            #expect(try await next.next()?.message.text == "3")
        }
    }

    // MARK: Another link

    /// It replaces what is there, and brings back what is not.
    @Test(arguments: MQTTVersion.allCases)
    func everySubscriptionIsStatedAnewOnEachLink(_ version: MQTTVersion) async throws {
        let stated = Shared<[RawPeer.Packet]>([])
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            try await peer.send(RawPeer.welcome(version, sessionPresent: number > 0))
            for _ in 0..<3 {
                let packet = try await peer.receive(kind: 8)
                if number > 0 { stated.withLock { $0.append(packet) } }
                try await peer.grant(packet, version, quality: 1)
            }
            if number > 0 { try await peer.behave(version) }
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port, version, "stated")) { connection in
                var fresh = Self.guaranteed
                fresh.retained = false
                let subscriptions = [
                    try await connection.subscribe(to: "stated.promised", options: Self.guaranteed),
                    try await connection.subscribe(to: "stated.fresh", options: fresh),
                    try await connection.subscribe(to: "stated.plain"),
                ]
                try await until { stated.value.count == 3 && connection.state == .connected }
                withExtendedLifetime(subscriptions) {}
            }
        }
        let packets = stated.value
        let filters = packets.map { String(decoding: $0.filter(version), as: UTF8.self) }
        #expect(filters == ["stated/promised", "stated/fresh", "stated/plain"])
        guard version == .v5 else { return }
        #expect(packets.map { ($0.body.last ?? 0) >> 4 & 3 } == [1, 2, 0], "whether kept messages are to come again")
        #expect(packets.map { ($0.body.last ?? 0) & 3 } == [1, 1, 0])
    }

    /// The broker has saved the session, and not the subscription.
    @Test(arguments: MQTTVersion.allCases)
    func aSubscriptionThatTheBrokerHasLostComesBack(_ version: MQTTVersion) async throws {
        var options = MosquittoOptions()
        options.savesAtEnd = true
        try await MosquittoServer.withServer(options) { server in
            let kept = self.options(server.port, version, "lost")
            try await MQTTConnection.withConnection(kept) { _ in }
            _ = try await server.terminate()
            try await server.start()
            try await MQTTConnection.withConnection(kept) { connection in
                let subscription = try await connection.subscribe(to: "lost.x", options: Self.guaranteed)
                try await publish(["before"], "lost.x", server.port)
                #expect(try await subscription.next()?.message.text == "before")
                server.kill()
                try await until { connection.state == .disconnected }
                try await server.start()
                try await until { connection.state == .connected }
                try await publish(["after"], "lost.x", server.port)
                #expect(try await subscription.next()?.message.text == "after")
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func aKeptValueThatChangedMeanwhileComes(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("changed-\(version.rawValue.first ?? "x")")
        func retain(_ text: String) async throws {
            try await MQTTConnection.withConnection(.local(server.port)) { publisher in
                try await publisher.publish(
                    Message(text),
                    to: topic,
                    options: PublishOptions(guarantee: .atLeastOnce, retain: true)
                )
            }
        }
        try await retain("old")
        try await TCPProxy.withProxy(to: server.port) { proxy in
            try await MQTTConnection.withConnection(options(proxy.port, version, "changed")) { connection in
                let subscription = try await connection.subscribe(to: TopicPattern(topic))
                #expect(try await subscription.next()?.message.text == "old")
                try await proxy.refuseConnections()
                try await proxy.cut()
                try await until { connection.state == .disconnected }
                try await retain("new")
                try await proxy.acceptConnections()
                let delivery = try await subscription.next()
                #expect(delivery?.message.text == "new")
                #expect(delivery?.isRetained == true)
            }
        }
        try await retain("")
    }

    @Test(arguments: MQTTVersion.allCases)
    func whatIsUnsubscribedWithoutALinkIsSaidFirstOnTheNext(_ version: MQTTVersion) async throws {
        let packets = Shared<[RawPeer.Packet]>([])
        let hasLeft = Shared(false)
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            guard number > 0 else {
                try await peer.send(RawPeer.welcome(version))
                for _ in 0..<2 { try await peer.grant(try await peer.receive(kind: 8), version, quality: 1) }
                return
            }
            try await until { hasLeft.value }
            try await peer.send(RawPeer.welcome(version, sessionPresent: true))
            for _ in 0..<2 {
                let packet = try await peer.receive()
                packets.withLock { $0.append(packet) }
                if packet.kind == 8 { try await peer.grant(packet, version, quality: 1) }
            }
            try await peer.behave(version)
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port, version, "owed")) { connection in
                let gone = try await connection.subscribe(to: "owed.gone", options: Self.guaranteed)
                let stays = try await connection.subscribe(to: "owed.stays", options: Self.guaranteed)
                try await until { connection.state == .disconnected }
                gone.unsubscribe()
                #expect(try await gone.next()?.message == nil)
                hasLeft.withLock { $0 = true }
                try await until { packets.value.count == 2 }
                withExtendedLifetime(stays) {}
            }
        }
        #expect(packets.value.map(\.kind) == [10, 8])
        #expect(
            packets.value.map { String(decoding: $0.filter(version), as: UTF8.self) } == ["owed/gone", "owed/stays"]
        )
    }

    @Test(arguments: MQTTVersion.allCases)
    func whatTheBrokerHasConfirmedToBeEndedIsNotEndedAgain(_ version: MQTTVersion) async throws {
        let packets = Shared<[RawPeer.Packet]>([])
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            try await peer.send(RawPeer.welcome(version, sessionPresent: number > 0))
            for _ in 0..<(number == 0 ? 3 : 1) {
                let packet = try await peer.receive()
                packets.withLock { $0.append(packet) }
                if packet.kind == 8 {
                    try await peer.grant(packet, version, quality: 1)
                } else {
                    let answer = packet.body[..<2] + (version == .v5 ? [0, 0] : [])
                    try await peer.send(RawPeer.Packet(head: 0xb0, body: Array(answer)))
                }
            }
            if number > 0 { try await peer.behave(version) }
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port, version, "said")) { connection in
                let stays = try await connection.subscribe(to: "said.stays", options: Self.guaranteed)
                let gone = try await connection.subscribe(to: "said.gone", options: Self.guaranteed)
                gone.unsubscribe()
                try await until { packets.value.count == 4 && connection.state == .connected }
                withExtendedLifetime(stays) {}
            }
        }
        #expect(packets.value.map(\.kind) == [8, 8, 10, 8])
    }

    /// The caller got an error; the broker may have agreed.
    @Test(arguments: MQTTVersion.allCases)
    func aSubscribeThatFailedAfterItWasWrittenIsTakenBack(_ version: MQTTVersion) async throws {
        let packet = Shared<RawPeer.Packet?>(nil)
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            try await peer.send(RawPeer.welcome(version, sessionPresent: number > 0))
            let first = try await peer.receive()
            // The first one is not answered.
            guard number > 0 else { return }
            packet.withLock { $0 = $0 ?? first }
            try await peer.behave(version)
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port, version, "failed")) { connection in
                let code = await errorCode {
                    _ = try await connection.subscribe(to: "failed.x", options: Self.guaranteed)
                }
                #expect(code == .connectionLost)
                try await until { packet.value != nil }
            }
        }
        #expect(packet.value?.kind == 10)
        #expect(packet.value.map { String(decoding: $0.filter(version), as: UTF8.self) } == "failed/x")
    }

    /// Each keeps a session of its own, and is told what was done while another was in use.
    @Test(arguments: MQTTVersion.allCases)
    func eachOfTwoServersIsToldWhatWasDoneAtTheOther(_ version: MQTTVersion) async throws {
        try await MosquittoServer.withServer { first in
            try await MosquittoServer.withServer { second in
                try await TCPProxy.withProxy(to: first.port) { toFirst in
                    try await TCPProxy.withProxy(to: second.port) { toSecond in
                        try await failOver(version, first, toFirst, second, toSecond)
                    }
                }
            }
        }
    }

    private func failOver(
        _ version: MQTTVersion,
        _ first: MosquittoServer,
        _ toFirst: TCPProxy,
        _ second: MosquittoServer,
        _ toSecond: TCPProxy
    ) async throws {
        let options = options(toFirst.port, version, "servers") {
            $0.servers.append(.init(host: "127.0.0.1", port: toSecond.port))
        }
        try await MQTTConnection.withConnection(options) { connection in
            let one = try await connection.subscribe(to: "fo.one", options: Self.guaranteed)
            let gone = try await connection.subscribe(to: "fo.gone", options: Self.guaranteed)
            try await move(connection, from: toFirst, to: toSecond)
            try await publish(["at the second"], "fo.one", second.port)
            #expect(try await one.next()?.message.text == "at the second")
            let two = try await connection.subscribe(to: "fo.two", options: Self.guaranteed)
            gone.unsubscribe()
            #expect(try await gone.next()?.message == nil)
            try await toFirst.acceptConnections()
            try await move(connection, from: toSecond, to: toFirst)
            try await publish(["nobody's"], "fo.gone", first.port)
            try await publish(["back"], "fo.two", first.port)
            #expect(try await two.next()?.message.text == "back")
            #expect(connection.statistics.undelivered == 0)
        }
    }

    private func move(_ connection: MQTTConnection, from old: TCPProxy, to new: TCPProxy) async throws {
        let before = new.counts.connections
        try await old.refuseConnections()
        try await old.cut()
        try await until { new.counts.connections > before && connection.state == .connected }
    }
}

extension RawPeer {
    /// The broker's answer to CONNECT.
    fileprivate static func welcome(_ version: MQTTVersion, sessionPresent: Bool) -> Packet {
        Packet(head: 0x20, body: [sessionPresent ? 1 : 0, 0] + (version == .v5 ? [0] : []))
    }

    fileprivate func grant(_ packet: Packet, _ version: MQTTVersion, quality: UInt8) async throws {
        try await send(Packet(head: 0x90, body: packet.body[..<2] + (version == .v5 ? [0, quality] : [quality])))
    }
}

extension RawPeer.Packet {
    /// The filter of a SUBSCRIBE or UNSUBSCRIBE.
    fileprivate func filter(_ version: MQTTVersion) -> [UInt8] {
        var rest = body[2...]
        if version == .v5 { rest = rest.dropFirst(1 + Int(rest.first ?? 0)) }
        let count = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
        return Array(rest.dropFirst(2).prefix(count))
    }
}
