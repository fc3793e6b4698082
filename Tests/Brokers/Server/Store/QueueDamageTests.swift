import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// Bytes of a store with queues that were changed or cut off. What can be read then is what was acknowledged, or an error names the
/// file.
@Suite(.timeLimit(.minutes(10))) struct QueueDamageTests {
    private static let log = "log-00000001"

    /// A store, and what its log had to tell at a length.
    private struct Filled {
        let store: StoreFixture
        /// Texts that a client knows to be there when the log has so many bytes or more, until they are settled.
        var acknowledged: [(text: String, length: Int)] = []
        /// Texts that are settled when it has so many.
        var settled: [(text: String, length: Int)] = []

        var length: Int { (try? store.bytes(QueueDamageTests.log).count) ?? 0 }
    }

    private static func broker() throws -> MemoryBroker {
        let broker = MemoryBroker()
        try broker.declareQueue("jobs", options: QueueOptions(maximumDeliveries: 3, deadLetters: "dead"))
        try broker.declareQueue("dead", options: QueueOptions())
        return broker
    }

    /// Every kind of thing that happens to a queue's messages, in a log whose records are forced onto the disk.
    private static func filled() async throws -> Filled {
        var filled = Filled(store: try StoreFixture())
        let broker = try broker()
        let local = try await broker.connect(name: "local")
        try await filled.store.withServer(broker) { _, port in
            let writer = try await WireClient.connected(port, "writer")
            func publish(
                _ text: String,
                _ qos: QoS = .atLeastOnce,
                _ properties: [PropertyList.Property] = []
            ) async throws {
                try await writer.publishSurely(text, to: "jobs", qos, properties: PropertyList(properties))
                filled.acknowledged.append((text, filled.length))
            }
            try await publish("1")
            try await publish("2", .exactlyOnce, [.init(.messageExpiryInterval, .number(1_000))])
            try await publish(
                "3",
                .atLeastOnce,
                [.init(.userProperty, .pair("a", "1")), .init(.contentType, .text("t"))]
            )
            try await local.send(Message("own", headers: ["n": 7]), to: "jobs")
            try await publish("4")
            // One is done with, one is unwanted, and two are in hand when the client goes: one stays its own, one returns.
            let (worker, _) = try await WireClient.kept(port, "worker")
            try await worker.subscribe(.init("$share/martlet/jobs", qos: .exactlyOnce))
            var ids: [UInt16] = []
            for _ in 0..<5 {
                guard case .publish(let message) = try await worker.receive() else { throw ServerError("No message") }
                ids.append(message.packetID)
            }
            try await worker.send(.puback(Acknowledgement(ids[0])))
            try await worker.send(.puback(Acknowledgement(ids[2], .unspecifiedError)))
            try await worker.send(.pingreq)
            #expect(try await worker.receive() == .pingresp)
            worker.socket.end()
            while broker.presence.clients.count > 2 { await Task.yield() }
            try await publish("5")
            filled.settled.append(("1", filled.length))
        }
        return filled
    }

    /// What a store says, as text that can be compared.
    private static func contents(_ path: String) throws -> (lines: [String], cut: Int) {
        let dump = try StoreDump(folder: path)
        let queues = dump.queues.flatMap { queue in
            queue.messages.map { message, deliveries in
                "\(queue.name) \(message.body) \(message.qos) \(message.expires != nil) \(deliveries)"
            }
        }
        let sessions = dump.sessions.map { session in
            let inFlight = session.inFlight.map { "\($0.id) \($0.message?.body ?? [])" }
            return "\(session.clientID) \(session.subscriptions.map(\.filter)) \(inFlight)"
        }
        return (queues + sessions, dump.cutBytes)
    }

    /// The texts of the messages that a store has in queues.
    private static func texts(_ path: String) throws -> Set<String> {
        Set(
            try StoreDump(folder: path).queues.flatMap(\.messages).map {
                String(decoding: $0.message.body, as: UTF8.self)
            }
        )
    }

    /// A folder for what has been changed.
    private static func copy(of store: StoreFixture) throws -> StoreFixture {
        let copy = try store.killed()
        for name in try copy.files("reserve") { try FileManager.default.removeItem(atPath: copy.path + "/" + name) }
        return copy
    }

    @Test func aLogOfAnyLength() async throws {
        let filled = try await Self.filled()
        let bytes = try filled.store.bytes(Self.log)
        let copy = try Self.copy(of: filled.store)
        #expect(filled.acknowledged.map(\.length) == filled.acknowledged.map(\.length).sorted())
        for length in 0...bytes.count {
            try copy.write(Array(bytes[..<length]), to: Self.log)
            let texts = try Self.texts(copy.path)
            let settled = Set(filled.settled.filter { $0.length <= length }.map(\.text))
            let mayBeSettled = Set(filled.settled.map(\.text))
            for (text, end) in filled.acknowledged where end <= length && !mayBeSettled.contains(text) {
                guard texts.contains(text) else {
                    Issue.record("\(length) bytes: \(text) was acknowledged and is not there")
                    return
                }
            }
            guard texts.isDisjoint(with: settled) else {
                Issue.record("\(length) bytes: \(settled) were settled and are there")
                return
            }
        }
    }

    /// A byte that was changed is told, unless it is in the last record, which may not have been written whole: then all before that
    /// is there, and nothing else.
    @Test(arguments: [UInt8(0x01), 0x80, 0xFF]) func anyByteOfALog(_ change: UInt8) async throws {
        let filled = try await Self.filled()
        let bytes = try filled.store.bytes(Self.log)
        let copy = try Self.copy(of: filled.store)
        var ends = [0]
        var last: [String] = []
        for length in 1...bytes.count {
            try copy.write(Array(bytes[..<length]), to: Self.log)
            let (lines, cut) = try Self.contents(copy.path)
            guard cut == 0 else { continue }
            if length < bytes.count { last = lines }
            ends.append(length)
        }
        #expect(ends.count > 8 && ends.last == bytes.count)
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= change
            try copy.write(changed, to: Self.log)
            let found = Result { try Self.contents(copy.path) }
            let record = ends.lastIndex { $0 <= position } ?? 0
            switch found {
            case .failure(let error as MessagingError):
                guard error.code == .invalidArgument, error.message.contains("is damaged at byte \(ends[record])")
                else {
                    Issue.record("byte \(position): \(error)")
                    return
                }
            case .failure(let error): throw error
            case .success((let lines, let cut)):
                guard record == ends.count - 2, lines == last, cut == bytes.count - ends[record] else {
                    Issue.record("byte \(position): \(lines)")
                    return
                }
            }
        }
    }

    /// A snapshot is whole, or it is told that it is not.
    @Test func anyByteOfASnapshot() async throws {
        var filled = try await Self.filled().store
        filled.settings.compactionBytes = 0
        try await filled.withServer(Self.broker()) { _, port in
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("6", to: "jobs")
            while try filled.files("snapshot-").first?.hasSuffix("2") != true {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        let copy = try Self.copy(of: filled)
        let name = try #require(try copy.files("snapshot-").last)
        let bytes = try copy.bytes(name)
        #expect(try Self.texts(copy.path).isSuperset(of: ["2", "own", "4", "5", "6"]))
        func expectDamage(_ changed: [UInt8], _ what: String) throws -> Bool {
            try copy.write(changed, to: name)
            do {
                let found = try Self.contents(copy.path)
                Issue.record("\(what): \(found.lines)")
                return false
            } catch let error as MessagingError {
                guard error.code == .invalidArgument else { throw error }
                return true
            }
        }
        for position in bytes.indices {
            for change in [UInt8(0x01), 0x80] {
                var changed = bytes
                changed[position] ^= change
                guard try expectDamage(changed, "byte \(position)") else { return }
            }
            guard try expectDamage(Array(bytes[..<position]), "\(position) bytes") else { return }
        }
    }
}
