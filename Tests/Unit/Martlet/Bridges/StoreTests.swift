import Martlet
import MartletTesting
import Testing

@testable import enum Martlet.CRC32
@testable import enum Martlet.SegmentScanner
@testable import struct Martlet.StoreFiles
@testable import struct Martlet.StoreFrontier
@testable import enum Martlet.StoreRecord
@testable import struct Martlet.StoredMessage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The store's files, without a bridge.
@Suite(.timeLimit(.minutes(10)))
struct StoreTests {
    fileprivate static func stored(_ number: Int, padding: Int = 0, time: Int64 = 0) -> StoredMessage {
        let body = Array("\(number)".utf8) + Array(repeating: UInt8(ascii: " "), count: padding)
        return StoredMessage(topic: "a.b", message: Message(body), isRetained: false, time: time)
    }

    private static func options(_ folder: Folder, _ change: (inout StoreOptions) -> Void = { _ in }) -> StoreOptions {
        var options = StoreOptions(folder: folder.path, limit: 1 << 20, segmentBytes: 4_096)
        change(&options)
        return options
    }

    fileprivate static func texts(_ found: borrowing StoreFiles.Found) -> [String] {
        found.messages.map { $0.message.message.text?.filter { $0 != " " } ?? "?" }
    }

    // MARK: Records

    @Test func theChecksumIsTheUsualOne() {
        #expect(CRC32.checksum(of: Array("123456789".utf8)[...]) == 0xcbf4_3926)
        #expect(CRC32.checksum(of: []) == 0)
    }

    /// It is taken several bytes at a time: whatever the length, and wherever in an array it begins, it is the sum of single bits.
    @Test(arguments: 0...70) func theChecksumOfEachLength(_ length: Int) {
        var random = SplitMix64(seed: UInt64(length))
        let bytes = (0..<length + 3).map { _ in UInt8.random(in: 0...255, using: &random) }
        var rest: UInt32 = 0xffff_ffff
        for byte in bytes[3...] {
            rest ^= UInt32(byte)
            for _ in 0..<8 { rest = rest & 1 == 1 ? 0xedb8_8320 ^ (rest >> 1) : rest >> 1 }
        }
        #expect(CRC32.checksum(of: bytes[3...]) == ~rest)
    }

    @Test func aRecordBringsBackWhatWentIn() throws {
        let headers: Headers = [
            "text": "grün", "whole": -5, "number": 0.1, "yes": true, "no": false, "bytes": .bytes([0, 255]),
            "empty": "",
        ]
        let stored = StoredMessage(
            topic: "a.b",
            message: Message([0, 1, 255], headers: headers),
            isRetained: true,
            time: 1_700_000_000_000_000_000
        )
        let bytes = stored.record(number: 7)
        #expect(bytes.count == stored.recordBytes)
        guard case .record(let content, let next) = SegmentScanner.step(bytes, at: 0) else {
            Issue.record("no record was found")
            return
        }
        #expect(next == bytes.count)
        #expect(StoredMessage(content: bytes[content]) == stored)
        #expect(StoreRecord.number(of: bytes[content]) == 7)
    }

    @Test func whatWasNotWrittenWholeOrWasChangedIsFound() {
        let bytes = Self.stored(1).record(number: 1)
        for end in 0..<bytes.count {
            guard case .needs(let count) = SegmentScanner.step(Array(bytes[..<end]), at: 0) else {
                Issue.record("\(end) bytes were taken for a record")
                continue
            }
            #expect(count > end && count <= bytes.count)
        }
        for position in 4..<bytes.count {
            var changed = bytes
            changed[position] ^= 0x10
            #expect(SegmentScanner.step(changed, at: 0) == .broken)
        }
    }

    /// Content with the right checksum may still be anything.
    @Test func hostileContentIsNone() {
        var random = SplitMix64(seed: 3)
        let content = Array(Self.stored(1).record(number: 1).dropFirst(StoreRecord.prefixBytes))
        for _ in 0..<20_000 {
            var changed = content
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                changed[Int.random(in: 0..<changed.count, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            changed.removeLast(Int.random(in: 0...changed.count, using: &random))
            _ = StoredMessage(content: changed[...])
        }
    }

    @Test func whatIsDoneInAnyOrderMovesTheFrontierInOrder() {
        var frontier = StoreFrontier(next: 5)
        frontier.finish(6)
        frontier.finish(4)
        #expect(frontier.next == 5)
        frontier.finish(5)
        #expect(frontier.next == 7)
        frontier.finish(10)
        frontier.skip(to: 10)
        #expect(frontier.next == 11)
        frontier.finish(14..<20)
        frontier.finish(12)
        frontier.finish(13)
        #expect(frontier.next == 11)
        frontier.finish(11)
        #expect(frontier.next == 20)
    }

    // MARK: Files

    @Test func whatIsWrittenIsReadInOrderAlsoByTheNextOne() throws {
        let folder = try Folder()
        do {
            var files = try StoreFiles(Self.options(folder))
            let appended = files.append((0..<500).map { Self.stored($0, padding: 50) })
            #expect(appended.taken == 500)
            let first = files.read(100, now: 0)
            #expect(Self.texts(first) == (0..<100).map(String.init))
            files.finish(before: 60)
        }
        #expect(folder.files.count(where: { $0.hasSuffix(".log") }) > 5)
        var files = try StoreFiles(Self.options(folder))
        #expect(files.waiting == 440)
        let rest = files.read(1_000, now: 0)
        #expect(Self.texts(rest) == (60..<500).map(String.init))
        #expect(rest.messages.first?.number == 60)
        files.finish(before: 500)
        #expect(files.waiting == 0)
        #expect(folder.files.count(where: { $0.hasSuffix(".log") }) <= 1)
        let more = files.append([Self.stored(500)])
        #expect(more.taken == 1)
        let last = files.read(10, now: 0)
        #expect(Self.texts(last) == ["500"])
    }

    @Test func theLimitHoldsBackOrDrops() throws {
        let records = (0..<1_000).map { Self.stored($0, padding: 100) }
        func fill(_ overflow: StoreOptions.Overflow) throws -> (StoreFiles.Appended, [String]) {
            let folder = try Folder()
            var files = try StoreFiles(
                Self.options(folder) { options in
                    options.limit = 20_000
                    options.overflow = overflow
                }
            )
            let appended = files.append(records)
            let found = files.read(2_000, now: 0)
            return (appended, Self.texts(found))
        }
        let (held, first) = try fill(.suspend)
        #expect(held.taken < 1_000 && held.dropped == 0)
        #expect(first == (0..<held.taken).map(String.init))
        let (newest, oldOnes) = try fill(.dropNewest)
        #expect(newest.taken == 1_000 && newest.dropped + oldOnes.count == 1_000)
        #expect(oldOnes.first == "0")
        let (oldest, newOnes) = try fill(.dropOldest)
        #expect(oldest.taken == 1_000 && oldest.dropped + newOnes.count == 1_000)
        #expect(newOnes.last == "999")
        #expect(oldest.droppedBefore == UInt64(oldest.dropped))
    }

    #if canImport(Glibc)
    /// The limit of a file's size stands for a disk that is full in the middle of a record.
    @Test func aFullDiskLeavesWholeRecordsAndIsGoneOnWith() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            let folder = try Folder()
            var files = try StoreFiles(StoreOptions(folder: folder.path))
            let records = (0..<100).map { StoreTests.stored($0, padding: 200) }
            var limit = rlimit()
            try #require(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let usual = limit.rlim_cur
            limit.rlim_cur = 10_000
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let first = files.append(records)
            #expect(first.taken > 10 && first.taken < 100)
            let found = files.read(1_000, now: 0)
            #expect(StoreTests.texts(found) == (0..<first.taken).map(String.init))
            limit.rlim_cur = usual
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let second = files.append(Array(records[first.taken...]))
            #expect(second.taken == 100 - first.taken)
            let rest = files.read(1_000, now: 0)
            #expect(StoreTests.texts(rest) == (first.taken..<100).map(String.init))
        }
    }
    #endif

    @Test func whatIsTooOldIsLeftOut() throws {
        let folder = try Folder()
        var files = try StoreFiles(Self.options(folder) { $0.maximumAge = .seconds(10) })
        _ = files.append([Self.stored(1, time: 0), Self.stored(2, time: 5_000_000_000)])
        let found = files.read(10, now: 12_000_000_000)
        #expect(Self.texts(found) == ["2"])
        #expect(found.unusable == [0..<1])
    }

    @Test func forEverIsAnAgeToo() throws {
        let folder = try Folder()
        var files = try StoreFiles(Self.options(folder) { $0.maximumAge = .seconds(Int64.max) })
        _ = files.append([Self.stored(1, time: 0)])
        #expect(Self.texts(files.read(10, now: 12_000_000_000)) == ["1"])
    }

    @Test func aFolderHasOneUser() throws {
        let folder = try Folder()
        let files = try StoreFiles(Self.options(folder))
        #expect(throws: MessagingError.self) { _ = try StoreFiles(Self.options(folder)) }
        files.unlock()
        _ = try StoreFiles(Self.options(folder))
        #expect(throws: MessagingError.self) { _ = try StoreFiles(StoreOptions(folder: "/nowhere/at/all")) }
    }
}
