import DequeModule
import Martlet
import MartletTesting
import Testing

@testable import class Martlet.MessageStore
@testable import class Martlet.RouteRecorder
@testable import struct Martlet.StoreFiles
@testable import struct Martlet.StoredMessage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A store whose disk fails: what it has not got for certain does not count as taken.
@Suite(.timeLimit(.minutes(10)))
struct StoreFailureTests {
    private static func records(_ numbers: Range<Int>) -> [StoredMessage] {
        numbers.map { number in
            StoredMessage(
                topic: "a",
                message: Message("\(number) \(String(repeating: "x", count: 100))"),
                isRetained: false,
                time: 0
            )
        }
    }

    private static func options(
        _ folder: Folder,
        _ sync: StoreOptions.Sync = .always,
        _ overflow: StoreOptions.Overflow = .suspend
    ) -> StoreOptions {
        StoreOptions(folder: folder.path, limit: 1 << 20, segmentBytes: 4_096, overflow: overflow, sync: sync)
    }

    private static func numbers(_ found: borrowing StoreFiles.Found) -> [Int] {
        found.messages.map { Int($0.message.message.text?.split(separator: " ").first ?? "") ?? -1 }
    }

    @Test(arguments: [FailingDisk.Call.write, .syncOfFiles, .syncOfFolders])
    func whatIsNotCertainIsNotTakenAndIsWrittenAgain(_ call: FailingDisk.Call) throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        do {
            var files = try StoreFiles(Self.options(folder), disk: failing.disk)
            let first = files.append(Self.records(0..<10))
            #expect(first.taken == 10 && first.failure == nil)
            _ = files.append(Self.records(10..<30))
            let before = files.next
            failing.fail(call)
            let second = files.append(Self.records(30..<90))
            #expect(second.failure?.code == EIO)
            #expect(UInt64(second.taken) == files.next - before)
            #expect(second.taken < 40)
            let third = files.append(Self.records(30 + second.taken..<90))
            #expect(third.taken == 0 && third.failure?.code == EIO)
            let found = files.read(1_000, now: 0)
            #expect(Self.numbers(found) == Array(0..<30 + second.taken))
            failing.fail()
            let last = files.append(Self.records(30 + second.taken..<90))
            #expect(last.taken == 60 - second.taken && last.failure == nil)
            let rest = files.read(1_000, now: 0)
            #expect(Self.numbers(rest) == Array(30 + second.taken..<90))
        }
        // Each is there once, also for the next process.
        var files = try StoreFiles(Self.options(folder))
        let all = files.read(1_000, now: 0)
        #expect(Self.numbers(all) == Array(0..<90))
        #expect(all.unusable.isEmpty)
    }

    /// What failed to be forced onto the disk goes to another file: an `fsync` of the same one succeeds without having
    /// done anything.
    @Test func whatIsWrittenAgainGoesToANewFile() throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        var files = try StoreFiles(Self.options(folder), disk: failing.disk)
        _ = files.append(Self.records(0..<2))
        failing.fail(.syncOfFiles)
        for _ in 0..<5 {
            let failed = files.append(Self.records(2..<4))
            #expect(failed.taken == 0)
        }
        failing.fail()
        let before = failing.syncedFiles
        let appended = files.append(Self.records(2..<4))
        #expect(appended.taken == 2)
        #expect(failing.syncedFiles > before)
        #expect(folder.files.filter { $0.hasSuffix(".log") }.count == 2)
    }

    /// A disk that fails is not a full one: nothing is dropped for it.
    @Test(arguments: [StoreOptions.Overflow.dropNewest, .dropOldest], [FailingDisk.Call.write, .syncOfFiles])
    func nothingIsDroppedWhenTheDiskFails(_ overflow: StoreOptions.Overflow, _ call: FailingDisk.Call) throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        var files = try StoreFiles(Self.options(folder, .always, overflow), disk: failing.disk)
        _ = files.append(Self.records(0..<100))
        failing.fail(call)
        let failed = files.append(Self.records(100..<110))
        #expect(failed.dropped == 0 && failed.taken < 10 && failed.failure != nil)
        failing.fail()
        _ = files.append(Self.records(100 + failed.taken..<110))
        let found = files.read(1_000, now: 0)
        #expect(Self.numbers(found) == Array(0..<110))
    }

    @Test func theFolderIsForcedOntoTheDiskWheneverItChanges() throws {
        let (outer, failing) = (try Folder(), FailingDisk())
        let path = "\(outer.path)/store"
        defer {
            for file in (try? Folder.files(in: path)) ?? [] { unlink("\(path)/\(file)") }
            rmdir(path)
        }
        var options = Self.options(outer)
        options.folder = path
        var files = try StoreFiles(options, disk: failing.disk)
        let (inner, parent) = (FailingDisk.inode(of: path), FailingDisk.inode(of: outer.path))
        _ = files.append(Self.records(0..<1))
        // It was made itself, and a file in it.
        #expect(Set(failing.syncedFolders) == [inner, parent])
        var before = failing.syncedFolders.count
        _ = files.append(Self.records(1..<2))
        #expect(failing.syncedFolders.count == before)
        _ = files.append(Self.records(2..<110))
        #expect(failing.syncedFolders.count > before)
        before = failing.syncedFolders.count
        files.finish(before: 90)
        #expect(failing.syncedFolders.count > before)
        failing.fail(.syncOfFolders)
        let failure = files.finish(before: 110)
        #expect(failure?.code == EIO)
    }

    @Test func unlessAskedNothingIsForcedOntoTheDisk() throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        var files = try StoreFiles(Self.options(folder, .never), disk: failing.disk)
        _ = files.append(Self.records(0..<100))
        files.finish(before: 90)
        #expect(failing.syncedFiles == 0 && failing.syncedFolders.isEmpty)
        failing.fail(.write, after: 3)
        let failed = files.append(Self.records(100..<110))
        // Without it what is written is taken.
        #expect(failed.taken == 3 && failed.failure != nil)
    }

    /// The cursor is not forced onto the disk. One that comes back from before must not pass for that of later messages.
    @Test func aCursorOfBeforeDoesNotSkipWhatCameLater() throws {
        let folder = try Folder()
        do {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.records(0..<50))
            files.finish(before: 50)
        }
        try #require(!folder.files.contains { $0.hasSuffix(".log") })
        let old = try Folder.bytes(of: "\(folder.path)/cursor")
        for _ in 0..<2 {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.records(0..<2))
        }
        try Folder.write(old, to: "\(folder.path)/cursor")
        var files = try StoreFiles(Self.options(folder))
        let found = files.read(10, now: 0)
        #expect(Self.numbers(found) == [0, 1, 0, 1])
    }

    /// A machine that lost its power has the cursor, and not the records that it was done with.
    @Test func aCursorBeyondTheRecordsDoesNotSkipThoseThatFollow() throws {
        let folder = try Folder()
        do {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.records(0..<10))
            files.finish(before: 10)
        }
        let segment = try #require(folder.files.first { $0.hasSuffix(".log") })
        truncate("\(folder.path)/\(segment)", off_t(2 * Self.records(0..<1)[0].recordBytes))
        for round in 0..<2 {
            var files = try StoreFiles(Self.options(folder))
            #expect(files.waiting == 2 * UInt64(round))
            _ = files.append(Self.records(0..<2))
            #expect(files.waiting == 2 * UInt64(round + 1))
        }
    }

    // MARK: A route's store

    @Test func whatTheDiskDoesNotTakeStaysWithItsSource() async throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "source")
        for number in 0..<5 { try await connection.send(Message("\(number)"), to: "in") }
        let source = try await connection.consume(from: "in", options: ConsumeOptions(prefetch: 10))
        var batch: Deque<Delivery> = []
        while batch.count < 5, let delivery = try await source.next() { batch.append(delivery) }
        let recorder = RouteRecorder()
        let warnings = Recorder<String>()
        let store = try await MessageStore.open(
            Self.options(folder),
            on: failing.disk,
            timers: connection.runtime.timers,
            window: 10,
            recorder: recorder
        ) { subject, error in warnings.record("\(subject): \(error.map { "\($0)" } ?? "")") }
        failing.fail(.syncOfFiles)
        try await withThrowingTaskGroup(of: Void.self) { [batch] group in
            group.addTask { try await store.take(batch) }
            try await warnings.wait(for: 3)
            #expect(broker.queue("in")?.unsettled == 5)
            #expect(recorder.statistics.storeFailures >= 3)
            #expect(recorder.statistics.stored == 0)
            #expect(warnings.values[0].contains("the store's disk fails"))
            #expect(warnings.values[0].contains("fsync: Input/output error"))
            failing.fail()
            try await group.waitForAll()
        }
        #expect(broker.queue("in")?.unsettled == 0)
        #expect(recorder.statistics.stored == 5)
        #expect(recorder.statistics.storeDropped == 0)
        let stored = store.deliveries
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await store.handOut() }
            #expect(try await stored.texts(5) == (0..<5).map(String.init))
            store.finish()
            try await group.waitForAll()
        }
        await store.close()
    }
}
