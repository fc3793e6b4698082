import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Synchronization
import Testing

/// What waits in queues is there when the broker is started again, and what is settled is not.
@Suite(.timeLimit(.minutes(10))) struct QueueStoreTests {
    enum End: CaseIterable {
        case inOrder
        case killed
    }

    private static let jobs = SubscribeRequest.Entry("$share/martlet/jobs", qos: .atLeastOnce)

    /// A broker with queues.
    private static func broker(_ queues: [QueueName: QueueOptions] = ["jobs": QueueOptions()]) throws -> MemoryBroker {
        let broker = MemoryBroker()
        for (name, options) in queues { try broker.declareQueue(name, options: options) }
        return broker
    }

    /// Runs a server, ends it, and leaves what a server is to go on with.
    private static func run(
        _ store: StoreFixture,
        _ end: End,
        _ broker: MemoryBroker,
        _ body: (Int) async throws -> Void
    ) async throws -> StoreFixture {
        var left = store
        try await store.withServer(broker) { _, port in
            try await body(port)
            if end == .killed { left = try store.killed() }
        }
        return left
    }

    /// All that waits in a store's queues, in order.
    private static func waiting(_ store: StoreFixture) throws -> [String] {
        try StoreDump(folder: store.path).queues.flatMap { queue in
            queue.messages.map { message, deliveries in
                "\(queue.name) \(String(decoding: message.body, as: UTF8.self)) \(deliveries)"
            }
        }
    }

    /// Returns when a store's queues have so many messages.
    private static func wait(for count: Int, in store: StoreFixture) async throws {
        while try StoreDump(folder: store.path).waitingCount != count { try await Task.sleep(for: .milliseconds(5)) }
    }

    // MARK: Rules

    /// A session that may not read its queue any more is no consumer of it, when it is there again.
    @Test func rulesThatHaveChangedHoldForQueues() async throws {
        let store = try StoreFixture()
        try await store.withServer(try Self.broker()) { _, port in
            let (worker, _) = try await WireClient.kept(port, "worker")
            try await worker.subscribe(Self.jobs)
            try await worker.send(.disconnect(Disconnect()))
            _ = try await worker.socket.receiveEnd()
            let writer = try await WireClient.connected(port, "writer")
            for text in ["1", "2"] { try await writer.publishSurely(text, to: "jobs") }
        }
        let broker = try Self.broker()
        let local = try await broker.connect(name: "local")
        let rules = try AccessRules(text: "topic readwrite mark/#", name: "rules")
        try await store.withServer(broker, rules: rules) { server, port in
            let (worker, isPresent) = try await WireClient.kept(port, "worker")
            #expect(isPresent)
            #expect(try await worker.textsUntilMark() == [])
            let inbox = try await local.consume(from: "jobs")
            for text in ["1", "2"] {
                let delivery = try #require(try await inbox.next())
                #expect(delivery.message.text == text)
                try delivery.ack()
            }
            inbox.unsubscribe()
            server.setRules(nil)
            try await local.send(Message("3"), to: "jobs")
            #expect(try await worker.text() == "3")
        }
    }

    // MARK: What waits

    @Test(arguments: ProtocolVersion.allCases, End.allCases) func whatWaitsInAQueue(
        _ version: ProtocolVersion,
        _ end: End
    ) async throws {
        let broker = try Self.broker()
        let local = try await broker.connect(name: "local")
        var properties = PropertyList([
            .init(.contentType, .text("text/plain")), .init(.correlationData, .data([0, 255])),
            .init(.userProperty, .pair("a", "1")), .init(.userProperty, .pair("a", "2")),
        ])
        if version < .v5 { properties = PropertyList() }
        let left = try await Self.run(StoreFixture(), end, broker) { port in
            let writer = try await WireClient.connected(port, "writer", version)
            try await writer.publish("0", to: "jobs")
            try await writer.publishSurely("1", to: "jobs", .atLeastOnce, properties: properties)
            try await writer.publishSurely("2", to: "jobs", .exactlyOnce)
            try await local.send(Message("3", headers: ["n": 7]), to: "jobs")
            // What comes after it is in the store after it.
            try await writer.publishSurely("4", to: "jobs")
        }
        let next = try Self.broker()
        let again = try await Self.run(left, end, next) { port in
            #expect(next.presence.queues.first?.waiting == 5)
            let writer = try await WireClient.connected(port, "writer", version)
            try await writer.publishSurely("5", to: "jobs")
            let worker = try await WireClient.connected(port, "worker", version)
            try await worker.subscribe(Self.jobs)
            var messages: [Publish] = []
            for _ in 0..<6 { messages.append(try await worker.message()) }
            let texts = messages.map { String(decoding: $0.payload, as: UTF8.self) }
            #expect(texts.enumerated().allSatisfy { $1.contains("\($0)") }, "\(texts)")
            #expect(messages.map(\.qos) == [.atMostOnce] + Array(repeating: .atLeastOnce, count: 5))
            #expect(messages.allSatisfy { !$0.isDuplicate })
            if version == .v5 {
                #expect(texts == (0..<6).map { "\($0)" })
                #expect(messages[1].properties == properties)
                #expect(messages[3].properties.pairs.map(\.name) == ["n"])
            }
            try await worker.send(.pingreq)
            #expect(try await worker.receive() == .pingresp)
            try await Self.wait(for: 0, in: left)
        }
        // What is settled does not come back.
        let last = try Self.broker()
        _ = try await Self.run(again, end, last) { _ in #expect(last.presence.queues.first?.waiting == 0) }
    }

    /// A queue that is there only because of a client's session is there again with what it has.
    @Test(arguments: End.allCases) func queuesOfAbsentWorkers(_ end: End) async throws {
        let left = try await Self.run(StoreFixture(), end, MemoryBroker()) { port in
            let (worker, _) = try await WireClient.kept(port, "worker")
            try await worker.subscribe(Self.jobs)
            try await worker.send(.disconnect(Disconnect()))
            _ = try await worker.socket.receiveEnd()
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("1", to: "jobs")
        }
        let broker = MemoryBroker()
        let again = try await Self.run(left, end, broker) { port in
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("2", to: "jobs")
            let (worker, isPresent) = try await WireClient.kept(port, "worker")
            #expect(isPresent)
            #expect(try await worker.textsUntilMark() == ["1", "2"])
            try await worker.send(.unsubscribe(UnsubscribeRequest(5, ["$share/martlet/jobs"])))
            #expect(try await worker.receive() == .unsuback(Unsuback(5, [.success])))
        }
        let last = MemoryBroker()
        _ = try await Self.run(again, end, last) { _ in #expect(last.presence.queues.isEmpty) }
    }

    /// What waits for room is acknowledged, and so it is kept; what was refused or displaced is not.
    @Test func queuesThatAreFull() async throws {
        let all: [QueueName: QueueOptions] = [
            "jobs": QueueOptions(limit: 2), "strict": QueueOptions(limit: 1, overflow: .reject),
            "short": QueueOptions(limit: 2, overflow: .dropOldest),
        ]
        // It stays until the broker is killed: when a client goes, what it has sent by then is heard.
        var staying: WireClient?
        let left = try await Self.run(StoreFixture(), .killed, Self.broker(all)) { port in
            let writer = try await WireClient.connected(port, "writer")
            staying = writer
            for number in 0..<2 { try await writer.publishSurely("\(number)", to: "jobs") }
            for number in 0..<2 {
                let reason = try await writer.publishSurely("\(number)", to: "strict")
                #expect(reason == (number == 0 ? .success : .quotaExceeded))
            }
            for number in 0..<4 { try await writer.publishSurely("\(number)", to: "short") }
            // It finds no room, and is told to be there all the same: from then on its client is not read from.
            try await writer.publishSurely("2", to: "jobs")
            try await writer.publish("3", to: "jobs", .atLeastOnce, id: 9)
        }
        #expect(staying?.version == .v5)
        let waiting = try Self.waiting(left)
        #expect(waiting == ["jobs 0 0", "jobs 1 0", "jobs 2 0", "short 2 0", "short 3 0", "strict 0 0"])
        let broker = try Self.broker(all)
        let local = try await broker.connect(name: "local")
        try await left.withServer(broker) { _, _ in
            let inbox = try await local.consume(from: "jobs")
            for number in 0..<3 {
                let delivery = try #require(try await inbox.next())
                #expect(delivery.message.text == "\(number)")
                try delivery.ack()
            }
        }
    }

    // MARK: Deliveries

    /// What was not acknowledged comes again, in its place, and is told to: by kills in a row the count goes on.
    @Test func whatWasNotAcknowledgedComesAgain() async throws {
        var store = try StoreFixture()
        for round in 0..<3 {
            let broker = try Self.broker()
            store = try await Self.run(store, .killed, broker) { port in
                if round == 0 {
                    let writer = try await WireClient.connected(port, "writer")
                    for number in 0..<3 { try await writer.publishSurely("\(number)", to: "jobs", .exactlyOnce) }
                }
                let (worker, _) = try await WireClient.kept(port, "worker")
                if round == 0 { try await worker.subscribe(Self.jobs) }
                for number in (round == 0 ? 0 : 1)..<3 {
                    guard case .publish(let message) = try await worker.receive() else {
                        throw ServerError("No message")
                    }
                    #expect(message.payload == Array("\(number)".utf8))
                    #expect(!message.isDuplicate)
                    let count = message.properties.pairs.first { $0.name == "redeliveries" }?.value
                    #expect(count == (round == 0 ? nil : "\(round)"))
                    guard round == 0, number == 0 else { continue }
                    try await worker.send(.puback(Acknowledgement(message.packetID)))
                    try await worker.send(.pingreq)
                    try await Self.wait(for: 2, in: store)
                }
                guard round == 0 else { return }
                while try await worker.receive() != .pingresp {}
            }
            #expect(try Self.waiting(store) == ["jobs 1 \(round + 1)", "jobs 2 \(round + 1)"])
        }
        // The session has nothing of it that it would be sent besides.
        #expect(try StoreDump(folder: store.path).sessions.first?.queued.isEmpty == true)
        let broker = try Self.broker()
        let local = try await broker.connect(name: "local")
        try await store.withServer(broker) { _, port in
            let inbox = try await local.consume(from: "jobs")
            for number in 1..<3 {
                let delivery = try #require(try await inbox.next())
                #expect(delivery.message.text == "\(number)")
                #expect(delivery.redeliveries == 3)
                try delivery.ack()
            }
            let (worker, _) = try await WireClient.kept(port, "worker")
            #expect(try await worker.textsUntilMark() == [])
        }
    }

    /// What one did not acknowledge and another one did is settled for both.
    @Test(arguments: End.allCases) func whatAnotherHasSettled(_ end: End) async throws {
        let store = try StoreFixture()
        let broker = try Self.broker()
        let left = try await Self.run(store, end, broker) { port in
            let (first, _) = try await WireClient.kept(port, "first")
            try await first.subscribe(Self.jobs)
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("1", to: "jobs")
            guard case .publish = try await first.receive() else { throw ServerError("No message") }
            first.socket.end()
            let second = try await WireClient.connected(port, "second")
            try await second.subscribe(Self.jobs)
            #expect(try await second.text() == "1")
            try await Self.wait(for: 0, in: store)
        }
        try await left.withServer(Self.broker()) { _, port in
            for name in ["first", "second"] {
                let (client, _) = try await WireClient.kept(port, name)
                try await client.subscribe(Self.jobs)
                #expect(try await client.textsUntilMark() == [])
            }
        }
    }

    /// A message that ends whoever gets it is delivered as often as its queue says, over however many processes.
    @Test(arguments: End.allCases) func deliveriesAreCountedOverRestarts(_ end: End) async throws {
        let all: [QueueName: QueueOptions] = [
            "jobs": QueueOptions(maximumDeliveries: 3, deadLetters: "dead"), "dead": QueueOptions(),
        ]
        var store = try StoreFixture()
        for round in 0..<3 {
            let broker = try Self.broker(all)
            store = try await Self.run(store, end, broker) { port in
                let worker = try await WireClient.connected(port, "worker")
                if round == 0 { try await worker.publishSurely("poison", to: "jobs") }
                try await worker.subscribe(Self.jobs)
                guard case .publish = try await worker.receive() else { throw ServerError("No message") }
                if end == .killed { return }
                worker.socket.end()
                while broker.presence.clients.contains(where: { $0.client.name == "worker" }) { await Task.yield() }
            }
        }
        let broker = try Self.broker(all)
        let local = try await broker.connect(name: "local")
        try await store.withServer(broker) { _, port in
            let worker = try await WireClient.connected(port, "worker")
            try await worker.subscribe(Self.jobs)
            #expect(try await worker.textsUntilMark() == [])
            let letter = try #require(try await local.consume(from: "dead").next())
            #expect(letter.message.text == "poison")
            #expect(letter.message.headers["death-reason"] == "delivered-too-often")
            #expect(letter.message.headers["death-deliveries"] == 3)
            try letter.ack()
            #expect(broker.presence.queues.first { $0.name == "jobs" }?.waiting == 0)
        }
    }

    /// A message is in one queue, its own or that of dead letters, and not in both or none.
    @Test(arguments: End.allCases) func deadLettersStayBuried(_ end: End) async throws {
        let all: [QueueName: QueueOptions] = [
            "jobs": QueueOptions(deadLetters: "dead"), "dead": QueueOptions(limit: 2),
        ]
        let store = try StoreFixture()
        let left = try await Self.run(store, end, Self.broker(all)) { port in
            let worker = try await WireClient.connected(port, "worker")
            try await worker.subscribe(Self.jobs)
            for number in 0..<4 {
                try await worker.publish("\(number)", to: "jobs", .atLeastOnce, id: UInt16(number + 1))
                var packets = [try await worker.receive(), try await worker.receive()]
                packets.removeAll { if case .puback = $0 { true } else { false } }
                guard case .publish(let message) = packets.first else { throw ServerError("No message") }
                let reason = number == 2 ? ReasonCode.success : .unspecifiedError
                try await worker.send(.puback(Acknowledgement(message.packetID, reason)))
            }
            while try Self.waiting(store) != ["dead 1 0", "dead 3 0"] { try await Task.sleep(for: .milliseconds(5)) }
        }
        #expect(try Self.waiting(left) == ["dead 1 0", "dead 3 0"])
        let broker = try Self.broker(all)
        let local = try await broker.connect(name: "local")
        try await left.withServer(broker) { _, _ in
            let letter = try #require(try await local.consume(from: "dead").next())
            #expect(letter.message.headers["death-reason"] == "rejected")
            #expect(letter.message.headers["death-queue"] == "jobs")
        }
    }

    /// Time passes for what waits in queues while the broker is down.
    @Test func timePassesWhileItIsDown() async throws {
        let all: [QueueName: QueueOptions] = [
            "jobs": QueueOptions(timeToLive: .seconds(500), deadLetters: "dead"), "dead": QueueOptions(),
        ]
        var store = try StoreFixture()
        try await store.withServer(Self.broker(all)) { _, port in
            let writer = try await WireClient.connected(port, "writer")
            let expiring = PropertyList([.init(.messageExpiryInterval, .number(100))])
            try await writer.publishSurely("queue's", to: "jobs")
            try await writer.publishSurely("own", to: "jobs", properties: expiring)
            try await writer.publishSurely("late", to: "jobs", properties: expiring)
        }
        for (later, waiting, dead) in [(50, 3, 0), (200, 1, 2), (600, 0, 3)] {
            store.settings.wall = { WallClock.nanoseconds + Int64(later) * 1_000_000_000 }
            let broker = try Self.broker(all)
            try await store.withServer(broker) { _, port in
                #expect(broker.presence.queues.map(\.waiting) == [dead, waiting])
                guard later == 50 else { return }
                let worker = try await WireClient.connected(port, "worker")
                try await worker.subscribe(Self.jobs)
                for text in ["queue's", "own", "late"] {
                    guard case .publish(let message) = try await worker.receive() else {
                        throw ServerError("No message")
                    }
                    #expect(message.payload == Array(text.utf8))
                    let left = message.properties.number(.messageExpiryInterval)
                    #expect(left.map { (20...51).contains($0) } ?? (text == "queue's"))
                }
            }
        }
        let broker = try Self.broker(all)
        let local = try await broker.connect(name: "local")
        try await store.withServer(broker) { _, _ in
            let inbox = try await local.consume(from: "dead")
            for _ in 0..<3 {
                let letter = try #require(try await inbox.next())
                #expect(letter.message.headers["death-reason"] == "expired")
            }
        }
    }

    // MARK: QoS 2

    private static let exactly = SubscribeRequest.Entry("$share/martlet/jobs", qos: .exactlyOnce)

    /// Has a client be sent two messages with QoS 2, of which it says nothing, after one that it has.
    private static func begin(_ port: Int) async throws -> [UInt16] {
        let (worker, _) = try await WireClient.kept(port, "worker")
        try await worker.subscribe(exactly)
        let writer = try await WireClient.connected(port, "writer")
        for number in 0..<3 { try await writer.publishSurely("\(number)", to: "jobs", .exactlyOnce) }
        var ids: [UInt16] = []
        for _ in 0..<3 {
            guard case .publish(let message) = try await worker.receive() else { throw ServerError("No message") }
            ids.append(message.packetID)
        }
        try await worker.send(.pubrec(Acknowledgement(ids[0])))
        #expect(try await worker.receive() == .pubrel(Acknowledgement(ids[0])))
        return ids
    }

    /// What a client was sent with QoS 2 stays that client's over restarts: it comes again by its packet identifier, and nobody else
    /// gets it; when the client has it, it is settled.
    @Test(arguments: End.allCases) func whatHasBegunWithQoS2IsOneClients(_ end: End) async throws {
        var ids: [UInt16] = []
        var store = try await Self.run(StoreFixture(), end, Self.broker()) { ids = try await Self.begin($0) }
        for _ in 0..<2 {
            store = try await Self.run(store, end, Self.broker()) { port in
                let other = try await WireClient.connected(port, "other")
                try await other.subscribe(Self.jobs)
                #expect(try await other.textsUntilMark() == [])
                #expect(try Self.waiting(store) == ["jobs 1 1", "jobs 2 1"])
            }
        }
        let again = try await Self.run(store, end, Self.broker()) { port in
            let (worker, isPresent) = try await WireClient.kept(port, "worker")
            #expect(isPresent)
            #expect(try await worker.receive() == .pubrel(Acknowledgement(ids[0])))
            for number in 1..<3 {
                guard case .publish(let message) = try await worker.receive() else { throw ServerError("No message") }
                #expect(message.isDuplicate && message.packetID == ids[number])
                #expect(message.payload == Array("\(number)".utf8))
            }
            for number in 1..<3 {
                try await worker.send(.pubrec(Acknowledgement(ids[number])))
                #expect(try await worker.receive() == .pubrel(Acknowledgement(ids[number])))
            }
        }
        #expect(try Self.waiting(again) == [])
        try await again.withServer(Self.broker()) { _, port in
            let other = try await WireClient.connected(port, "other")
            try await other.subscribe(Self.jobs)
            #expect(try await other.textsUntilMark() == [])
        }
    }

    /// When the session of a client ends that has begun to get a message with QoS 2, the message is rejected: after a restart, too.
    @Test(arguments: End.allCases) func whatHasBegunWithQoS2EndsWithItsSession(_ end: End) async throws {
        let all: [QueueName: QueueOptions] = ["jobs": QueueOptions(deadLetters: "dead"), "dead": QueueOptions()]
        let left = try await Self.run(StoreFixture(), end, Self.broker(all)) { _ = try await Self.begin($0) }
        let broker = try Self.broker(all)
        try await left.withServer(broker) { _, port in
            #expect(broker.presence.queues.map(\.unsettled) == [0, 2])
            _ = try await WireClient.connected(port, "worker", cleanStart: true)
            #expect(broker.presence.queues.map(\.waiting) == [2, 0])
            #expect(broker.presence.queues.map(\.unsettled) == [0, 0])
        }
    }

    // MARK: Processes

    /// A broker of a process may have messages before its server reads the store, and serve again when one has ended.
    @Test func theProcesssOwnMessages() async throws {
        let store = try StoreFixture()
        try await store.withServer(Self.broker()) { _, port in
            let writer = try await WireClient.connected(port, "writer")
            for text in ["stored 1", "stored 2"] { try await writer.publishSurely(text, to: "jobs") }
        }
        let broker = try Self.broker()
        let local = try await broker.connect(name: "local")
        for text in ["own 1", "own 2"] { try await local.send(Message(text), to: "jobs") }
        let all = ["jobs stored 1 0", "jobs stored 2 0", "jobs own 1 0", "jobs own 2 0"]
        for _ in 0..<2 {
            try await store.withServer(broker) { _, _ in
                #expect(broker.presence.queues.map(\.waiting) == [4])
            }
            // The store has them, and the next server reads them from there.
            #expect(broker.presence.queues.map(\.waiting) == [0])
            #expect(try Self.waiting(store) == all)
        }
        let next = try Self.broker()
        let other = try await next.connect(name: "local")
        try await store.withServer(next) { _, _ in
            let inbox = try await other.consume(from: "jobs")
            for text in ["stored 1", "stored 2", "own 1", "own 2"] {
                let delivery = try #require(try await inbox.next())
                #expect(delivery.message.text == text)
                try delivery.ack()
            }
        }
        #expect(try Self.waiting(store) == [])
    }

    /// Each call to the disk may be the last of the process: what was acknowledged is there, and what was settled before something
    /// that was acknowledged is not.
    @Test func aCrashAtEachCall() async throws {
        var calls = 0
        while true {
            var store = try StoreFixture()
            let crash = Crash(after: calls, of: store.path, to: store.folder.path("left"))
            store.settings.disk = crash.disk
            store.settings.compactionBytes = 400
            store.settings.reserveBytes = 0
            let progress = Progress()
            do {
                try await store.withServer(Self.broker(["jobs": QueueOptions(), "other": QueueOptions()])) { _, port in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await progress.work(port) }
                        group.addTask {
                            while !crash.hasCome { try await Task.sleep(for: .milliseconds(1)) }
                        }
                        defer { group.cancelAll() }
                        try await group.next()
                    }
                }
            } catch {
                #expect(crash.hasCome, "\(error)")
            }
            let left = crash.hasCome ? store.folder.path("left") : store.path
            let dump = try StoreDump(folder: left)
            let numbers = dump.queues.filter { $0.name == "jobs" }.flatMap(\.messages).compactMap {
                Int(String(decoding: $0.message.body, as: UTF8.self))
            }
            let (published, answered, settled) = progress.state.withLock { $0 }
            #expect(numbers == numbers.sorted())
            guard Set(numbers).isSuperset(of: answered..<max(answered, published)),
                Set(numbers).isDisjoint(with: 0..<settled)
            else {
                Issue.record("call \(calls): \(numbers), \(published), \(answered), \(settled)")
                return
            }
            if !crash.hasCome { break }
            calls += 1
        }
        #expect(calls > 20)
    }

    /// What clients know of how far they are.
    private final class Progress: Sendable {
        /// So many messages were acknowledged by the broker, so many by the worker, and of so many the broker has the latter.
        let state = Mutex((published: 0, answered: 0, settled: 0))

        func work(_ port: Int) async throws {
            let writer = try await WireClient.connected(port, "writer")
            for number in 0..<4 {
                try await accepted(writer.publishSurely("\(number)", to: "jobs"))
                state.withLock { $0.published = number + 1 }
            }
            let worker = try await WireClient.connected(port, "worker")
            try await worker.subscribe(QueueStoreTests.jobs)
            var ids: [UInt16] = []
            for _ in 0..<4 {
                guard case .publish(let message) = try await worker.receive() else { throw ServerError("No message") }
                ids.append(message.packetID)
            }
            for number in 0..<3 {
                state.withLock { $0.answered = number + 1 }
                try await worker.send(.puback(Acknowledgement(ids[number])))
                try await accepted(worker.publishSurely("x", to: "other"))
                state.withLock { $0.settled = number + 1 }
            }
        }

        /// Once the disk has failed, what is published is refused.
        private func accepted(_ reason: ReasonCode) throws {
            if reason.isError { throw ServerError("The broker refuses: \(reason)") }
        }
    }
}
