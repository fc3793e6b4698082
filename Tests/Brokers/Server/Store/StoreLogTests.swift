import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletTesting
import Testing

@testable import MartletServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The files of a store on disks that fail and lose what they have: what was taken is there, and what is not is told.
@Suite(.timeLimit(.minutes(10))) struct StoreLogTests {
    private static let empty = StoreImage(SessionLimits(), WallTime(.zero, is: 0))

    fileprivate static func open(
        _ path: String,
        _ disk: StoreDisk = .system,
        isForced: Bool = true,
        reserve: Int = 0
    ) throws -> (log: LogBox, contents: StoreContents) {
        var contents: StoreContents?
        let log = try StoreLog(
            path,
            disk: disk,
            isForced: isForced,
            reserveBytes: reserve,
            empty,
            contents: &contents
        )
        return (LogBox(log), try #require(contents))
    }

    /// A log is no value that can be handed about.
    final class LogBox {
        var log: StoreLog
        init(_ log: consuming StoreLog) { self.log = log }
        var hasReserve: Bool { log.hasReserve }
        var isBroken: Bool { log.isBroken }
        func makeReserve() -> Bool { log.makeReserve() }
    }

    /// The entries that keep a message for a topic of a number, of a size.
    fileprivate static func entries(_ number: Int, bytes: Int = 20) -> [UInt8] {
        var writer = EntryWriter(WallTime(.zero, is: 0))
        let payload = Array(String(repeating: "x", count: bytes).utf8)
        writer.message(1, Publication(topic: "t/\(number)", payload: payload, qos: .atLeastOnce))
        writer.kept(1)
        return writer.bytes
    }

    /// The numbers of the topics that a store has.
    private static func numbers(_ contents: StoreContents) -> Set<Int> {
        Set(contents.image.retained.keys.compactMap { Int(String(decoding: $0, as: UTF8.self).dropFirst(2)) })
    }

    fileprivate static func numbers(in path: String) throws -> Set<Int> {
        numbers(try StoreContents(of: LockedFolder(path, isReadOnly: true), on: .system, empty))
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    private static func read(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    // MARK: Crashes

    /// A log of any length: all records that are whole are there, and it can be gone on with.
    @Test func everyPrefixOfALog() throws {
        let folder = try TemporaryFolder("log")
        defer { folder.remove() }
        let path = folder.path("store")
        var ends: [Int] = []
        let (box, _) = try Self.open(path)
        for number in 0..<12 {
            try box.log.append(Self.entries(number, bytes: 1 + number * 7), time: 1)
            ends.append(box.log.bytes)
        }
        let name = StoreContents.log(1)
        let bytes = try Self.read(path + "/" + name)
        #expect(bytes.count == ends.last)
        let other = folder.path("other")
        for count in 0...bytes.count {
            try? FileManager.default.removeItem(atPath: other)
            try FileManager.default.createDirectory(
                atPath: other,
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700]
            )
            try Self.write(Array(bytes[..<count]), to: other + "/" + name)
            let whole = ends.filter { $0 <= count }.count
            let (again, contents) = try Self.open(other)
            guard Self.numbers(contents) == Set(0..<whole),
                contents.cutBytes == count - (whole == 0 ? 0 : ends[whole - 1])
            else {
                Issue.record("\(count) bytes: \(Self.numbers(contents))")
                return
            }
            try again.log.append(Self.entries(99), time: 1)
            again.log.unlock()
            guard try Self.numbers(in: other) == Set(0..<whole).union([99]) else {
                Issue.record("\(count) bytes and one more record")
                return
            }
        }
    }

    /// What a file system leaves behind the end of a file after a power cut: nothing, zeros, or anything.
    @Test func whatIsNoRecordAtTheEnd() throws {
        var random = SplitMix64(seed: 4)
        for tail in [
            [0], [UInt8](repeating: 0, count: 8_192),
            (0..<5_000).map { _ in random.next() }.map { UInt8(truncatingIfNeeded: $0) },
        ] {
            let folder = try TemporaryFolder("log")
            defer { folder.remove() }
            let path = folder.path("store")
            do {
                let (box, _) = try Self.open(path)
                for number in 0..<3 { try box.log.append(Self.entries(number), time: 1) }
            }
            let file = path + "/" + StoreContents.log(1)
            try Self.write(Self.read(file) + tail, to: file)
            let (box, contents) = try Self.open(path)
            #expect(Self.numbers(contents) == [0, 1, 2])
            #expect(contents.cutBytes == tail.count)
            try box.log.append(Self.entries(3), time: 1)
            #expect(try Self.numbers(in: path) == [0, 1, 2, 3])
        }
        // A log that is nothing but that.
        let folder = try TemporaryFolder("log")
        defer { folder.remove() }
        let path = folder.path("store")
        do { _ = try Self.open(path) }
        try Self.write([UInt8](repeating: 0, count: 4_096), to: path + "/" + StoreContents.log(1))
        #expect(try Self.open(path).contents.cutBytes == 4_096)
    }

    /// Each call to the disk may be the last of the process, half done.
    @Test(arguments: [true, false]) func aCrashAtEachCall(_ isForced: Bool) throws {
        var calls = 0
        while true {
            let folder = try TemporaryFolder("log")
            defer { folder.remove() }
            let path = folder.path("store")
            let crash = Crash(after: calls, of: path, to: folder.path("left"))
            var taken = 0
            var tried = 0
            do {
                let (box, _) = try Self.open(path, crash.disk, isForced: isForced)
                func append() throws {
                    tried += 1
                    try box.log.append(Self.entries(tried - 1), time: 1)
                    taken = tried
                }
                for _ in 0..<3 { try append() }
                for _ in 0..<2 {
                    // Another log, records in it, and then the snapshot of what was there before it.
                    let before = tried
                    try box.log.begin(isReplacing: false)
                    let (generation, next) = (box.log.generation, box.log.next)
                    for _ in 0..<2 { try append() }
                    var snapshot = try SnapshotFile(box.log.folder, crash.disk, generation: generation, time: 1)
                    for number in 0..<before { try snapshot.write(Self.entries(number)) }
                    try snapshot.finish(next: next)
                    for _ in 0..<2 { try append() }
                }
                box.log.unlock()
            } catch {
                #expect(crash.hasCome, "\(error)")
            }
            let left = crash.hasCome ? folder.path("left") : path
            let found = try Self.numbers(in: left)
            #expect(found.isSuperset(of: Set(0..<taken)) && found.isSubset(of: Set(0..<tried)), "call \(calls)")
            let (box, contents) = try Self.open(left)
            #expect(Self.numbers(contents) == found)
            try box.log.append(Self.entries(99), time: 1)
            #expect(try Self.numbers(in: left) == found.union([99]))
            if !crash.hasCome { break }
            calls += 1
        }
        #expect(calls > 25)
    }

    /// A power cut: what was forced onto the disk is there, and of the rest pages are lost at random.
    @Test(arguments: [UInt64](1...40)) func aPowerCut(_ seed: UInt64) throws {
        for isForced in [true, false] {
            var random = SplitMix64(seed: seed)
            let folder = try TemporaryFolder("log")
            defer { folder.remove() }
            let path = folder.path("store")
            let cut = PowerCut()
            let count = Int.random(in: 1...30, using: &random)
            var certain = 0
            do {
                let (box, _) = try Self.open(path, cut.disk, isForced: isForced)
                for number in 0..<count {
                    // The last one is on its way when the power goes.
                    cut.isLate = isForced && number == count - 1
                    try box.log.append(Self.entries(number, bytes: .random(in: 1...3_000, using: &random)), time: 1)
                    if isForced && number < count - 1 { certain = number + 1 }
                    if !isForced, Int.random(in: 0..<6, using: &random) == 0 {
                        try box.log.sync()
                        certain = number + 1
                    }
                }
            }
            try cut.lose(in: path, &random)
            let (_, contents) = try Self.open(path)
            let found = Self.numbers(contents)
            #expect(found == Set(0..<found.count), "those that are there come before all that are not")
            #expect(found.count >= certain, "\(found) of \(count), \(certain) for certain")
        }
    }

    // MARK: Damage

    /// A byte that has been changed is no crash: the file and the place are named. In the last record nothing tells the two apart.
    @Test func aChangedByteIsToldWithItsPlace() throws {
        let folder = try TemporaryFolder("log")
        defer { folder.remove() }
        let path = folder.path("store")
        var ends = [0]
        do {
            let (box, _) = try Self.open(path)
            for number in 0..<6 {
                try box.log.append(Self.entries(number), time: 1)
                ends.append(box.log.bytes)
            }
        }
        let file = path + "/" + StoreContents.log(1)
        let bytes = try Self.read(file)
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 0x11
            try Self.write(changed, to: file)
            let record = ends.lastIndex { $0 <= position } ?? 0
            if record == 5 {
                let (_, contents) = try Self.open(path)
                guard Self.numbers(contents) == Set(0..<5), contents.cutBytes == bytes.count - ends[5] else {
                    Issue.record("byte \(position) of the last record")
                    return
                }
            } else {
                let error = #expect(throws: MessagingError.self) { try Self.open(path) }
                let place = "the store's file \(file) is damaged at byte \(ends[record])"
                guard error?.code == .invalidArgument, error?.message.hasPrefix(place) == true else {
                    Issue.record("byte \(position): \(String(describing: error))")
                    return
                }
                // Nothing was touched.
                #expect(try Self.read(file) == changed)
            }
        }
        // Cut off there, it goes on with what is before.
        try Self.write(Array(bytes[..<ends[2]]), to: file)
        #expect(try Self.numbers(in: path) == [0, 1])
    }

    @Test func filesThatAreMissingOrChanged() throws {
        let folder = try TemporaryFolder("log")
        defer { folder.remove() }
        let path = folder.path("store")
        do {
            let (box, _) = try Self.open(path)
            try box.log.append(Self.entries(0), time: 1)
            for number in 1...2 {
                try box.log.begin(isReplacing: false)
                try box.log.append(Self.entries(number), time: 1)
            }
        }
        #expect(try Self.numbers(in: path) == [0, 1, 2])
        let second = path + "/" + StoreContents.log(2)
        let bytes = try Self.read(second)
        func expectDamage(_ place: String) {
            let error = #expect(throws: MessagingError.self) { try Self.open(path) }
            #expect(
                error?.message.hasPrefix("the store's file \(path)/\(place)") == true,
                "\(String(describing: error))"
            )
        }
        // One that was gone on from was whole.
        try Self.write(Array(bytes.dropLast()), to: second)
        expectDamage("log-00000002 is damaged at byte 0")
        try FileManager.default.removeItem(atPath: second)
        expectDamage("log-00000002 is damaged at byte 0: it is missing")
        try Self.write(bytes, to: second)
        // A snapshot is whole, or it is none.
        do {
            let (box, _) = try Self.open(path)
            var snapshot = try SnapshotFile(box.log.folder, .system, generation: 3, time: 1)
            for number in 0..<3 { try snapshot.write(Self.entries(number)) }
            try snapshot.finish(next: 3)
        }
        #expect(try Self.numbers(in: path) == [0, 1, 2])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix("log-") } == [
                "log-00000003"
            ]
        )
        let file = path + "/" + StoreContents.snapshot(3)
        let whole = try Self.read(file)
        try Self.write(Array(whole.dropLast(3)), to: file)
        expectDamage("snapshot-00000003 is damaged at byte")
        try Self.write([], to: file)
        expectDamage("snapshot-00000003 is damaged at byte 0")
    }

    #if canImport(Glibc)
    /// A folder in which nobody can look is not an empty one. A process that may open no more files stands for a disk that fails.
    @Test func aFolderThatCannotBeListedIsNotEmpty() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder("log")
            defer { folder.remove() }
            let path = folder.path("store")
            let (box, _) = try StoreLogTests.open(path)
            try box.log.append(StoreLogTests.entries(0), time: 1)
            var limit = rlimit()
            try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            let usual = limit.rlim_cur
            // One file is the folder; to list it takes another.
            let next = dup(0)
            close(next)
            limit.rlim_cur = rlim_t(next + 1)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            let error = #expect(throws: MessagingError.self) { try StoreDump(folder: path) }
            #expect(error?.message.contains("the store's folder \(path) can't be used: open: ") == true)
            limit.rlim_cur = usual
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            #expect(try StoreLogTests.numbers(in: path) == [0])
        }
    }
    #endif

    /// Whatever stands in a record whose checksum is right, reading it ends, and nothing traps.
    @Test(arguments: [UInt64(1), 2, 3, 4]) func hostileEntries(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let rounds = ProcessInfo.processInfo.environment["MARTLET_FUZZ"].flatMap(Int.init) ?? 40_000
        let seeds = Self.allEntries()
        for _ in 0..<rounds / 4 {
            var bytes = seeds.randomElement(using: &random) ?? []
            if Bool.random(using: &random) { bytes += seeds.randomElement(using: &random) ?? [] }
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let position = bytes.indices.randomElement(using: &random) ?? 0
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[position] = .random(in: 0...255, using: &random)
                case 1: bytes.remove(at: position)
                case 2: bytes.insert([0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0, at: position)
                default: bytes.removeSubrange(position...)
                }
            }
            var image = Self.empty
            image.beginFile()
            _ = image.apply(bytes[...], written: .random(in: .min ... .max, using: &random))
            // What came of it can be written and read again.
            for case let kept? in image.sessions { _ = kept.session.history }
        }
    }

    /// Every kind of entry, each after what it needs.
    private static func allEntries() -> [[UInt8]] {
        let properties = PropertyList([
            .init(.messageExpiryInterval, .number(7)), .init(.contentType, .text("t")),
            .init(.correlationData, .data([1, 2])), .init(.userProperty, .pair("a", "b")),
        ])
        let publication = Publication(
            topic: "a/b",
            payload: [1, 2, 3],
            olderPayload: [4],
            properties: properties,
            qos: .exactlyOnce,
            expiresAt: .seconds(1_000)
        )
        let match = Match(qos: .exactlyOnce, retain: true, identifiers: [1, 2])
        let will = WillMessage(topic: "w", payload: [1], qos: .atLeastOnce, retain: true, properties: properties)
        let entry = SubscribeRequest.Entry("$share/g/a", qos: .atLeastOnce, noLocal: true, retainHandling: .never)
        let changes: [SessionChange] = [
            .connected(expiry: .seconds(100), will: will), .connected(expiry: .zero, will: nil),
            .left(at: .seconds(1), expiry: .seconds(5), hasWill: true), .willPublished, .ended,
            .subscribed(.init(number: 3, entry: entry, identifier: 9, ruling: "x")), .unsubscribed(3), .owed(3),
            .paid(3),
            .inFlight(6, publication, Match(qos: .exactlyOnce, delivery: 70, share: 3), .exactlyOnce),
            .queued(1, publication, match, .exactlyOnce), .sent(1, 5), .dropped(1),
            .inFlight(6, publication, match, .atLeastOnce), .acknowledged(6), .released(7),
            .received(8, ContentMark(number: 5)),
            .completed(8),
        ]
        func writing(_ body: (inout EntryWriter) -> Void) -> [UInt8] {
            var writer = EntryWriter(WallTime(.zero, is: 0))
            writer.message(1, publication)
            let client = BrokerClient.made(name: "client")
            writer.session(2, "client", client)
            body(&writer)
            return writer.bytes
        }
        let all = changes.map { change in writing { $0.change(change, of: 2, message: 1) } }
        let sent = writing {
            $0.change(.queued(1, publication, match, .exactlyOnce), of: 2, message: 1)
            $0.change(.sent(1, 5), of: 2, message: 1)
        }
        let own = BrokerPublication(Message("x", headers: ["a": 1]), to: "a.b", retain: true, expiresAt: .seconds(9))
        var queued = QueuedMessage(Message("x", headers: ["a": 1]), number: 9, expiresAt: .seconds(7))
        (queued.deliveries, queued.tag) = (2, 12)
        let fresh = QueuedMessage(Message("x"), number: 10, expiresAt: nil, guarantee: .exactlyOnce)
        let enqueued = queued
        return all + [
            writing { $0.enqueued(enqueued, in: "a.b", message: nil) },
            writing { $0.enqueued(fresh, in: "q", message: 1) },
            writing { $0.assigned(9, tag: 13) }, writing { $0.taken(9) },
            sent, writing { $0.kept(1) }, writing { $0.kept(own) }, writing { $0.cleared("a.b") },
            writing { $0.end(next: 7) },
        ]
    }

    @Test func everyEntryIsReadAsItWasWritten() throws {
        for bytes in Self.allEntries() {
            var reader = EntryReader(bytes[...], WallTime(.zero, is: 0))
            var writer = EntryWriter(WallTime(.zero, is: 0))
            var messages = IntroducedMessages()
            while !reader.isAtEnd {
                let entry = reader.next(messages)
                switch try #require(entry) {
                case .session(let number, let clientID, let origin):
                    #expect(origin == .init(user: "u", address: "1.2.3.4", listener: "mqtt"))
                    writer.session(number, clientID, BrokerClient.made(name: clientID))
                case .message(let number, let publication):
                    messages.append(publication, number)
                    writer.message(number, publication)
                case .change(let change, let session): writer.change(change, of: session, message: 1)
                case .kept(let publication):
                    #expect(publication === messages[1])
                    writer.kept(1)
                case .keptOwn(let publication): writer.kept(publication)
                case .cleared(let topic): writer.cleared(TopicName(mqtt: topic))
                case .enqueued(let message):
                    let queue = QueueName(TopicName(mqtt: message.queue))
                    let queued = message.queued(base: 0, now: .zero)
                    #expect(queued.origin == nil || queued.origin === messages[1])
                    writer.enqueued(queued, in: queue, message: queued.origin == nil ? nil : 1)
                case .assigned(let number, let tag): writer.assigned(number, tag: tag)
                case .taken(let number): writer.taken(number)
                case .end(let next): writer.end(next: next)
                }
            }
            #expect(writer.bytes == bytes)
        }
    }

    /// What a client had published before stores told messages under one identifier apart.
    @Test func aMessageThatNobodyRemembers() throws {
        let bytes: [UInt8] = [EntryKind.receivedUnmarked.rawValue, 2, 0, 0, 0, 8, 0]
        var reader = EntryReader(bytes[...], WallTime(.zero, is: 0))
        guard case .change(.received(8, .unknown), of: 2) = reader.next(IntroducedMessages()) else {
            Issue.record("it is not read")
            return
        }
        #expect(reader.isAtEnd)
    }

    /// A store of another version is not touched, wherever that begins: what can't be read is no torn end.
    @Test func aStoreOfAnotherVersion() throws {
        let folder = try TemporaryFolder("log")
        defer { folder.remove() }
        let path = folder.path("store")
        do {
            let (box, _) = try Self.open(path)
            try box.log.append(Self.entries(0), time: 1)
        }
        let file = path + "/" + StoreContents.log(1)
        let ours = try Self.read(file)
        for before in [[], ours] {
            let theirs = before + StoreRecord.framing([LogRecord.version + 1] + [UInt8](repeating: 7, count: 40))
            try Self.write(theirs, to: file)
            let error = #expect(throws: MessagingError.self) { try Self.open(path) }
            #expect(error?.message == "the store's file \(file) is of version 34, and this program reads version 33")
            #expect(try Self.read(file) == theirs)
        }
    }

    // MARK: Full disks

    @Test func aFullDiskTakesWhatWasBegunAndNoMore() throws {
        let folder = try TemporaryFolder("log")
        defer { folder.remove() }
        let path = folder.path("store")
        let disk = FullDisk(path, limit: 400 << 10)
        let (box, _) = try Self.open(path, disk.disk, reserve: 128 << 10)
        #expect(box.hasReserve)
        var taken = 0
        while box.hasReserve {
            try box.log.append(Self.entries(taken, bytes: 10_000), time: 1)
            taken += 1
        }
        // There is some room yet, but not for another reserve.
        #expect(!box.makeReserve())
        while true {
            do {
                try box.log.append(Self.entries(taken, bytes: 10_000), time: 1)
                taken += 1
            } catch {
                #expect(error.isFull)
                break
            }
        }
        #expect(!box.isBroken)
        #expect(try Self.numbers(in: path) == Set(0..<taken))
        disk.limit = 1 << 20
        try box.log.append(Self.entries(taken, bytes: 10_000), time: 1)
        #expect(box.makeReserve())
        #expect(try Self.numbers(in: path) == Set(0...taken))
    }
}

extension BrokerClient {
    fileprivate static func made(name: String) -> BrokerClient {
        BrokerClient(id: 1, name: name, user: "u", address: "1.2.3.4", listener: "mqtt")
    }
}
