import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Synchronization
import Testing

/// What clients see of a store: of its time, its disk, and its files.
@Suite(.timeLimit(.minutes(10))) struct StoreServerTests {
    /// A time of day that goes on, and can be put forward.
    private final class Day: Sendable {
        private let ahead = Mutex(Duration.zero)

        func pass(_ time: Duration) { ahead.withLock { $0 += time } }

        func settings(_ settings: StoreSettings) -> StoreSettings {
            var settings = settings
            settings.wall = { WallClock.nanoseconds + self.ahead.withLock { $0.components.seconds } * 1_000_000_000 }
            return settings
        }
    }

    private static func keptClient(_ port: Int, _ id: String, expiry: UInt32, _ filter: String) async throws {
        let (client, _) = try await WireClient.kept(port, id, expiry: expiry)
        try await client.subscribe(.init(filter, qos: .atLeastOnce))
        try await client.send(.disconnect(Disconnect()))
        _ = try await client.socket.receiveEnd()
    }

    // MARK: Time

    /// Time passes while the broker is down: for sessions, for messages that wait, and for kept ones, over any number of restarts.
    @Test func timePassesWhileItIsDown() async throws {
        let day = Day()
        var store = try StoreFixture()
        store.settings = day.settings(store.settings)
        func expiring(_ seconds: UInt32) -> PropertyList {
            PropertyList([.init(.messageExpiryInterval, .number(seconds))])
        }
        try await store.withServer { _, port in
            try await Self.keptClient(port, "short", expiry: 1_000, "a")
            try await Self.keptClient(port, "long", expiry: 100_000, "a")
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("worthless soon", to: "a", properties: expiring(2_000))
            try await writer.publishSurely("worth something", to: "a", properties: expiring(20_000))
            try await writer.publishSurely("for ever", to: "a")
            try await writer.publishSurely("k", to: "kept/soon", retain: true, properties: expiring(2_000))
            try await writer.publishSurely("k", to: "kept/later", retain: true, properties: expiring(20_000))
        }
        for _ in 0..<3 {
            day.pass(.seconds(200))
            try await store.withServer { server, _ in #expect(server.statistics.sessions == 2) }
        }
        day.pass(.seconds(500))
        try await store.withServer { server, _ in #expect(server.statistics.sessions == 1) }
        day.pass(.seconds(9_000))
        try await store.withServer { _, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("kept/+"))
            let kept = try await reader.message()
            #expect(kept.topic == "kept/later")
            #expect((9_400...9_900).contains(kept.properties.number(.messageExpiryInterval) ?? 0))
            #expect(try await reader.textsUntilMark() == [])
            let (short, isPresent) = try await WireClient.kept(port, "short")
            #expect(!isPresent)
            #expect(try await short.textsUntilMark() == [])
            let (long, _) = try await WireClient.kept(port, "long", expiry: 100_000)
            let message = try await long.message()
            #expect(message.payload == Array("worth something".utf8))
            #expect((9_400...9_900).contains(message.properties.number(.messageExpiryInterval) ?? 0))
            #expect(try await long.text() == "for ever")
        }
    }

    /// A client that was there when the broker was killed has been away since then, as far as that is known.
    @Test func sessionsOfClientsThatWereThere() async throws {
        let day = Day()
        var store = try StoreFixture()
        store.settings = day.settings(store.settings)
        var left = store
        try await store.withServer { _, port in
            let (client, _) = try await WireClient.kept(port, "client", expiry: 600)
            try await client.subscribe(.init("a"))
            left = try store.killed()
        }
        day.pass(.seconds(500))
        try await left.withServer { server, _ in #expect(server.statistics.sessions == 1) }
        day.pass(.seconds(500))
        try await left.withServer { server, _ in #expect(server.statistics.sessions == 0) }
    }

    // MARK: The disk

    /// What a client is told waits until it is on the disk; what others do does not.
    @Test func acknowledgementsWaitForTheDisk() async throws {
        let disk = SlowDisk()
        var store = try StoreFixture()
        store.settings.disk = disk.disk
        try await store.withServer { _, port in
            defer { disk.letGo() }
            try await Self.keptClient(port, "reader", expiry: 100, "a")
            let writer = try await WireClient.connected(port, "writer")
            let other = try await WireClient.connected(port, "other")
            try await other.subscribe(.init("b"))
            disk.hold()
            try await writer.publish("one", to: "a", .atLeastOnce, id: 1)
            try await writer.publish("two", to: "a", .exactlyOnce, id: 2)
            for number in 0..<50 {
                try await other.publish("\(number)", to: "b")
                #expect(try await other.text() == "\(number)")
                try await other.send(.pingreq)
                #expect(try await other.receive() == .pingresp)
            }
            if case .notNow = writer.socket.read() {} else { Issue.record("it was told before it was on the disk") }
            // Nobody is kept from coming, but is told so only when that is on the disk.
            disk.letGo()
            #expect(try await writer.receive() == .puback(Acknowledgement(1)))
            #expect(try await writer.receive() == .pubrec(Acknowledgement(2)))
        }
    }

    /// Clients that send faster than the disk writes are not read from meanwhile: what waits for the disk is bounded.
    @Test func clientsWaitForASlowDisk() async throws {
        let disk = SlowDisk()
        var store = try StoreFixture()
        store.settings.disk = disk.disk
        try await store.withServer { server, port in
            defer { disk.letGo() }
            let writer = try await WireClient.connected(port, "writer")
            let text = String(repeating: "x", count: 100_000)
            disk.hold()
            let bytes = (0..<400).flatMap { number in
                Encoder(.v5).bytes(
                    of: .publish(Publish(topic: "kept/\(number % 10)", payload: Array(text.utf8), retain: true))
                )
            }
            let socket = writer.socket
            let sending = Task { try await socket.sendAll(bytes) }
            var last = -1
            // Until no more is taken.
            while server.statistics.received != last {
                last = server.statistics.received
                try await Task.sleep(for: .milliseconds(300))
            }
            #expect(last < 200, "\(last) messages were taken")
            disk.letGo()
            try await sending.value
            #expect(try await writer.publishSurely("mark", to: "mark") == .noMatchingSubscribers)
            #expect(server.statistics.received == 401)
        }
    }

    /// On a full disk publishes are refused, and nothing is said that is not so; when there is room again all goes on.
    @Test func aFullDiskRefuses() async throws {
        var store = try StoreFixture()
        let disk = FullDisk(store.path, limit: 10 << 20)
        store.settings.disk = disk.disk
        var accepted: [String] = []
        var count = 0
        func publish(_ writer: WireClient) async throws -> ReasonCode {
            count += 1
            let text = "\(count) " + String(repeating: "x", count: 5_000)
            let reason = try await writer.publishSurely(text, to: "a")
            if !reason.isError { accepted.append("\(count)") }
            return reason
        }
        try await store.withServer { server, port in
            try await Self.keptClient(port, "reader", expiry: 1_000, "a")
            let writer = try await WireClient.connected(port, "writer")
            let other = try await WireClient.connected(port, "other")
            try await other.subscribe(.init("b"))
            #expect(try await publish(writer) == .success)
            disk.limit = disk.used + 20_000
            while try await publish(writer) == .success {}
            #expect(accepted.count > 3)
            for _ in 0..<5 { #expect(try await publish(writer) == .quotaExceeded) }
            #expect(try await writer.publishSurely("x", to: "a", .exactlyOnce) == .quotaExceeded)
            // Before MQTT 5 that can't be said: the client's connection ends, and it still has the message.
            let old = try await WireClient.connected(port, "old", .v311)
            try await old.publish("x", to: "a", .atLeastOnce, id: 1)
            _ = try await old.socket.receiveEnd()
            // What is not to be kept goes on.
            try await writer.publish("passing", to: "b")
            #expect(try await other.text() == "passing")
            disk.limit = 20 << 20
            while try await publish(writer) != .success { try await Task.sleep(for: .milliseconds(50)) }
            #expect(server.statistics.storeFailures > 0)
        }
        try await store.withServer { _, port in
            let (reader, _) = try await WireClient.kept(port, "reader")
            let texts = try await reader.textsUntilMark().map { String($0.prefix { $0 != " " }) }
            #expect(texts == accepted)
        }
    }

    /// A disk that fails altogether: what was sent is not acknowledged before it is there, however long that takes.
    @Test(arguments: [EIO, ENOSPC]) func aDiskThatFails(_ code: Int32) async throws {
        let isFailing = Flag(false)
        var store = try StoreFixture()
        var disk = StoreDisk.system
        disk.write = { file, bytes in
            guard isFailing.value else { return StoreDisk.system.write(file, bytes) }
            errno = code
            return -1
        }
        disk.sync = { file in
            guard isFailing.value else { return StoreDisk.system.sync(file) }
            errno = EIO
            return -1
        }
        store.settings.disk = disk
        try await store.withServer { server, port in
            try await Self.keptClient(port, "reader", expiry: 1_000, "a")
            let writer = try await WireClient.connected(port, "writer")
            let other = try await WireClient.connected(port, "other")
            isFailing.value = true
            try await writer.publish("held", to: "a", .atLeastOnce, id: 1)
            while server.statistics.storeFailures == 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try await other.publishSurely("refused", to: "a") == .quotaExceeded)
            if case .notNow = writer.socket.read() {} else { Issue.record("it was told before it was on the disk") }
            isFailing.value = false
            #expect(try await writer.receive() == .puback(Acknowledgement(1)))
            while try await other.publishSurely("then", to: "a") != .success {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        try await store.withServer { _, port in
            let (reader, _) = try await WireClient.kept(port, "reader")
            #expect(try await reader.textsUntilMark() == ["held", "then"])
        }
    }

    // MARK: Snapshots

    /// A log that has become long is replaced by what it comes to: what is done with takes no room, and what is not is there.
    @Test(arguments: [BrokerStore.Sync.always, .interval(.milliseconds(50))]) func theLogStaysShort(
        _ sync: BrokerStore.Sync
    ) async throws {
        var store = try StoreFixture()
        store.sync = sync
        store.settings.compactionBytes = 20_000
        try await store.withServer { _, port in
            try await Self.keptClient(port, "reader", expiry: 1_000, "waits")
            let (busy, _) = try await WireClient.kept(port, "busy")
            try await busy.subscribe(.init("a", qos: .atLeastOnce))
            let writer = try await WireClient.connected(port, "writer")
            let text = String(repeating: "x", count: 500)
            for number in 0..<1_000 {
                try await writer.publishSurely(text, to: "a")
                _ = try await busy.message()
                if number % 100 == 0 { try await writer.publishSurely("\(number)", to: "waits", .exactlyOnce) }
                if number % 100 == 50 { try await writer.publishSurely("\(number)", to: "kept", retain: true) }
            }
            // The last one may be under way.
            while try store.files("snapshot-").isEmpty || store.files("log-").count > 1 {
                try await Task.sleep(for: .milliseconds(10))
            }
            let all = try store.files("snapshot-") + store.files("log-")
            #expect(all.count == 2)
            let bytes = try all.reduce(0) { $0 + (try store.bytes($1).count) }
            #expect(bytes < 100_000)
            let left = try store.killed()
            try await Self.expectAllThere(left)
        }
        try await Self.expectAllThere(store)
    }

    private static func expectAllThere(_ store: StoreFixture) async throws {
        try await store.withServer { _, port in
            let (reader, isPresent) = try await WireClient.kept(port, "reader")
            #expect(isPresent)
            #expect(try await reader.textsUntilMark() == (0..<10).map { "\($0 * 100)" })
            let other = try await WireClient.connected(port, "other")
            try await other.subscribe(.init("kept"))
            #expect(try await other.text() == "950")
        }
    }

    /// Clients are served while a snapshot is written, however long that takes.
    @Test func nobodyWaitsForASnapshot() async throws {
        let disk = SlowDisk()
        var store = try StoreFixture()
        store.settings.compactionBytes = 2_000
        // Only a snapshot's own file is held up.
        var slow = StoreDisk.system
        let path = store.path
        slow.sync = { file in
            var (here, snapshot) = (stat(), stat())
            fstat(file, &here)
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            for name in names where name.hasSuffix(".new") {
                stat(path + "/" + name, &snapshot)
                if snapshot.st_ino == here.st_ino { return disk.disk.sync(file) }
            }
            return StoreDisk.system.sync(file)
        }
        store.settings.disk = slow
        try await store.withServer { _, port in
            defer { disk.letGo() }
            disk.hold()
            let writer = try await WireClient.connected(port, "writer")
            for number in 0..<100 {
                try await writer.publishSurely(String(repeating: "x", count: 200), to: "kept/\(number)", retain: true)
            }
            #expect(try !store.files("snapshot-").contains { !$0.hasSuffix(".new") })
            #expect(try store.files("log-").count == 2)
            let left = try store.killed()
            #expect(try StoreDump(folder: left.path).retained.count == 100)
        }
        #expect(try StoreDump(folder: store.path).retained.count == 100)
    }

    // MARK: Damage

    @Test func aDamagedFileIsNamed() async throws {
        let store = try StoreFixture()
        try await store.withServer { _, port in
            let writer = try await WireClient.connected(port, "writer")
            for number in 0..<5 { try await writer.publishSurely("\(number)", to: "kept/\(number)", retain: true) }
        }
        var bytes = try store.bytes("log-00000001")
        bytes[20] ^= 1
        try store.write(bytes, to: "log-00000001")
        let error = await #expect(throws: MessagingError.self) { try await store.withServer { _, _ in } }
        let message = "the store's file \(store.path)/log-00000001 is damaged at byte 0: what is there is no record"
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == message)
    }
}

/// A value that a disk reads and a test sets.
private final class Flag: Sendable {
    private let state: Mutex<Bool>
    init(_ value: Bool) { state = Mutex(value) }
    var value: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
