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

/// A store on a disk that changes, loses or can't read what was written: it costs what it must and no more.
@Suite(.timeLimit(.minutes(10)))
struct StoreDamageTests {
    private static func messages(_ numbers: Range<Int>, padding: Int = 100) -> [StoredMessage] {
        numbers.map { number in
            StoredMessage(
                topic: "a.b",
                message: Message("\(number) \(String(repeating: "x", count: padding))", headers: ["name": "value"]),
                isRetained: false,
                time: 0
            )
        }
    }

    private static func options(_ folder: Folder, segmentBytes: Int = 4_096) -> StoreOptions {
        StoreOptions(folder: folder.path, limit: 1 << 20, segmentBytes: segmentBytes)
    }

    private static func numbers(_ found: borrowing StoreFiles.Found) -> [Int] {
        found.messages.map { Int($0.message.message.text?.split(separator: " ").first ?? "") ?? -1 }
    }

    private static func segments(_ folder: Folder) -> [String] {
        folder.files.filter { $0.hasSuffix(".log") }.sorted().map { "\(folder.path)/\($0)" }
    }

    private static func flip(_ path: String, at position: Int, bit: Int = 0) {
        let file = open(path, O_RDWR)
        defer { close(file) }
        var byte: UInt8 = 0
        pread(file, &byte, 1, off_t(position))
        byte ^= 1 << UInt8(bit)
        pwrite(file, &byte, 1, off_t(position))
    }

    // MARK: Flipped bits

    /// One bit of one record, wherever it is and whatever it belongs to: that record is lost, and counted, and no other.
    @Test func aFlippedBitCostsItsRecord() throws {
        let size = Self.messages(10..<11)[0].recordBytes
        for record in [10, 19] {
            for position in 0..<size {
                let folder = try Folder()
                do {
                    var files = try StoreFiles(Self.options(folder))
                    _ = files.append(Self.messages(10..<20))
                }
                let segment = try #require(Self.segments(folder).first)
                Self.flip(segment, at: (record - 10) * size + position, bit: position % 8)
                let before = try Folder.bytes(of: segment)
                var files = try StoreFiles(Self.options(folder))
                #expect(files.damage.lost == 1 && files.damage.files == 1, "bit \(position)")
                let found = files.read(100, now: 0)
                #expect(Self.numbers(found) == (10..<20).filter { $0 != record }, "bit \(position)")
                #expect(found.unusable.count == 1 && found.dropped == 0)
                // Nothing is cut off; what comes now goes to a new file.
                let appended = files.append(Self.messages(20..<22))
                #expect(appended.taken == 2)
                #expect(try Folder.bytes(of: segment) == before)
                let more = files.read(100, now: 0)
                #expect(Self.numbers(more) == [20, 21])
                // The file is put aside when the others of it are done with.
                files.finish(before: 12)
                #expect(!Self.segments(folder).contains(segment))
                #expect(folder.files.contains { $0.hasSuffix(".log.damaged") })
            }
        }
    }

    /// While the store runs the same holds; what is published afterwards is not among what is lost.
    @Test func aFlippedBitInTheLiveSegmentCostsItsRecord() throws {
        let folder = try Folder()
        var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 18))
        let size = Self.messages(100..<101)[0].recordBytes
        _ = files.append(Self.messages(100..<500))
        let segment = try #require(Self.segments(folder).first)
        Self.flip(segment, at: 20 * size + 3)
        Self.flip(segment, at: 20 * size + 40)
        Self.flip(segment, at: 300 * size + 60)
        _ = files.append(Self.messages(500..<600))
        let found = files.read(1_000, now: 0)
        #expect(Self.numbers(found) == (100..<600).filter { $0 != 120 && $0 != 400 })
        #expect(found.unusable == [20..<21, 300..<301] && found.dropped == 2)
        _ = files.append(Self.messages(600..<700))
        #expect(Self.segments(folder).count == 2)
        let more = files.read(1_000, now: 0)
        #expect(Self.numbers(more) == Array(600..<700))
        #expect(more.dropped == 0)
    }

    /// Many at once, in all segments: each record that has none is passed on, once and in order, and the others are counted.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func manyFlippedBits(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let folder = try Folder()
        let size = Self.messages(100..<101)[0].recordBytes
        do {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.messages(100..<300))
            files.finish(before: 30)
        }
        var lost: Set<Int> = []
        let segments = Self.segments(folder)
        for _ in 0..<12 {
            let segment = try #require(segments.randomElement(using: &random))
            let first = try #require(Int(segment.suffix(24).prefix(20)))
            let count = try Folder.bytes(of: segment).count / size
            let record = Int.random(in: 0..<count, using: &random)
            guard lost.insert(100 + first + record).inserted else { continue }
            let position = record * size + Int.random(in: 0..<size, using: &random)
            Self.flip(segment, at: position, bit: Int.random(in: 0...7, using: &random))
        }
        // At the end of the last segment, where none follows, several in a row count as one.
        let tail = (0..<200).prefix { lost.contains(299 - $0) }.count
        var files = try StoreFiles(Self.options(folder))
        let found = files.read(1_000, now: 0)
        #expect(Self.numbers(found) == (130..<300).filter { !lost.contains($0) })
        #expect(files.damage.lost == lost.filter { $0 >= 130 }.count - max(0, tail - 1))
        #expect(found.dropped == 0)
    }

    /// A length that ends at another record's end, or beyond the file's.
    @Test func aLengthThatLiesHidesNoOtherRecord() throws {
        let message = StoredMessage(
            topic: "a",
            message: Message([UInt8](repeating: 7, count: 29)),
            isRetained: false,
            time: 0
        )
        let size = message.recordBytes
        try #require(size == 64)
        for length in [120, 56 + 64 * 3, 64 * 9 - 8, 64 * 9, 1 << 20, 0, 22] as [UInt32] {
            let folder = try Folder()
            do {
                var files = try StoreFiles(Self.options(folder))
                _ = files.append(Array(repeating: message, count: 10))
            }
            let segment = try #require(Self.segments(folder).first)
            let file = open(segment, O_RDWR)
            withUnsafeBytes(of: length.littleEndian) { _ = pwrite(file, $0.baseAddress, 4, off_t(64)) }
            close(file)
            var files = try StoreFiles(Self.options(folder))
            let found = files.read(100, now: 0)
            #expect(found.messages.map(\.number) == [0, 2, 3, 4, 5, 6, 7, 8, 9], "length \(length)")
            #expect(files.damage.lost == 1)
        }
    }

    /// A message that is full of what looks like records does not make the search for the next one take for ever.
    @Test func aSearchEnds() throws {
        let folder = try Folder()
        let looks = Self.messages(1..<2)[0].record(number: 1)[..<20]
        var fake = Array(looks)
        fake.replaceSubrange(0..<4, with: [0, 0, 1, 0])
        let body = Array(repeatElement(fake, count: 100_000).joined())
        do {
            var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 19))
            let hostile = StoredMessage(
                topic: "a",
                message: Message(Array(body[..<900_000])),
                isRetained: false,
                time: 0
            )
            _ = files.append(Self.messages(0..<1) + [hostile] + Self.messages(2..<4))
        }
        Self.flip(try #require(Self.segments(folder).last { $0.hasSuffix("1.log") }), at: 5)
        let start = ContinuousClock.now
        var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 19))
        let found = files.read(100, now: 0)
        #expect(Self.numbers(found) == [0, 2, 3])
        #expect(ContinuousClock.now - start < .seconds(120))
    }

    // MARK: Torn records

    /// Cut off anywhere, as by a machine that loses its power: what was whole is there, and the rest is counted.
    @Test func aRecordThatIsNotWhole() throws {
        let size = Self.messages(0..<1)[0].recordBytes
        for cut in 1...size {
            let folder = try Folder()
            do {
                var files = try StoreFiles(Self.options(folder))
                _ = files.append(Self.messages(0..<3))
            }
            let segment = try #require(Self.segments(folder).first)
            truncate(segment, off_t(3 * size - cut))
            var files = try StoreFiles(Self.options(folder))
            #expect(files.damage.lost == (cut < size ? 1 : 0))
            let appended = files.append(Self.messages(7..<9))
            #expect(appended.taken == 2)
            #expect(try Folder.bytes(of: segment).count >= 3 * size - cut)
            let found = files.read(10, now: 0)
            #expect(Self.numbers(found) == [0, 1, 7, 8])
        }
    }

    /// A file whose end is zeros, as file systems leave it.
    @Test func aTailOfZeros() throws {
        let folder = try Folder()
        do {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.messages(0..<3))
        }
        let segment = try #require(Self.segments(folder).first)
        truncate(segment, 100_000)
        for round in 0..<3 {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.messages(10 + round..<11 + round))
            let found = files.read(100, now: 0)
            #expect(Self.numbers(found) == [0, 1, 2] + Array(10...10 + round))
        }
    }

    /// A segment that is nothing but damage does not stand in the way of a new one.
    @Test func aSegmentWithoutARecord() throws {
        let folder = try Folder()
        close(open(Self.path(folder, 0), O_CREAT | O_RDWR, 0o600))
        try Folder.write([UInt8](repeating: 0xFF, count: 500), to: Self.path(folder, 0))
        var files = try StoreFiles(Self.options(folder))
        #expect(files.damage.lost == 1)
        _ = files.append(Self.messages(5..<7))
        let found = files.read(100, now: 0)
        #expect(Self.numbers(found) == [5, 6])
    }

    // MARK: Reading that fails

    /// A failure while the store is opened: nothing is cut off, and what can be read is passed on.
    @Test(arguments: [1, .max])
    func aDiskThatCanNotBeReadWhileItIsOpened(_ times: Int) throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        do {
            var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 18))
            _ = files.append(Self.messages(100..<200))
        }
        let segment = try #require(Self.segments(folder).first)
        let before = try Folder.bytes(of: segment)
        failing.failReading(8_192..<12_288, times: times)
        do {
            var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 18), disk: failing.disk)
            #expect(files.damage.failure?.code == EIO)
            #expect(try Folder.bytes(of: segment) == before)
            let appended = files.append(Self.messages(200..<210))
            #expect(appended.taken == 10)
            if times == 1 { #expect(files.damage.lost == 0) } else { #expect((1...50).contains(files.damage.lost)) }
        }
        // What could not be read then may be read later.
        var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 18))
        let found = files.read(1_000, now: 0)
        #expect(Self.numbers(found) == Array(100..<210))
    }

    /// At the end of the file, where the numbers of what can't be read are not known.
    @Test func anEndThatCanNotBeRead() throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        do {
            var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 18))
            _ = files.append(Self.messages(100..<200))
        }
        failing.failReading(8_192..<1 << 20)
        do {
            var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 18), disk: failing.disk)
            #expect(files.damage.lost == 1)
            _ = files.append(Self.messages(200..<210))
        }
        var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 18))
        let found = files.read(1_000, now: 0)
        #expect(Self.numbers(found) == Array(100..<210))
    }

    @Test func readingThatFailsIsTriedAgain() throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        var files = try StoreFiles(Self.options(folder), disk: failing.disk)
        _ = files.append(Self.messages(0..<10))
        failing.fail(.read)
        for _ in 0..<3 {
            let found = files.read(100, now: 0)
            #expect(found.messages.isEmpty && found.unusable.isEmpty && found.failure?.code == EIO)
        }
        failing.fail()
        let found = files.read(100, now: 0)
        #expect(Self.numbers(found) == Array(0..<10) && found.failure == nil)
    }

    /// One that goes on failing costs what is there, and not what comes.
    @Test func readingThatFailsForEverEnds() throws {
        let (folder, failing) = (try Folder(), FailingDisk())
        var files = try StoreFiles(Self.options(folder, segmentBytes: 1 << 18), disk: failing.disk)
        _ = files.append(Self.messages(100..<200))
        failing.failReading(4_096..<8_192)
        var messages: [Int] = []
        var (dropped, failures) = (0, 0)
        while messages.last != 199, failures < 100 {
            let found = files.read(1_000, now: 0)
            messages += Self.numbers(found)
            dropped += found.dropped
            failures += found.failure == nil ? 0 : 1
        }
        #expect(failures == 10)
        #expect(dropped > 10 && dropped < 50 && messages.count + dropped == 100)
    }

    // MARK: What others put there

    @Test func linksAreNotFollowed() throws {
        let (outside, inside) = (try Folder(), try Folder())
        for name in ["secret", "other"] {
            close(open("\(outside.path)/\(name)", O_CREAT | O_RDWR, 0o600))
            try Folder.write(Array("untouched".utf8), to: "\(outside.path)/\(name)")
        }
        for name in ["cursor", "lock"] {
            unlink("\(inside.path)/\(name)")
            symlink("\(outside.path)/secret", "\(inside.path)/\(name)")
            #expect(throws: MessagingError.self) { _ = try StoreFiles(Self.options(inside)) }
            unlink("\(inside.path)/\(name)")
            link("\(outside.path)/secret", "\(inside.path)/\(name)")
            #expect(throws: MessagingError.self) { _ = try StoreFiles(Self.options(inside)) }
            unlink("\(inside.path)/\(name)")
            mkfifo("\(inside.path)/\(name)", 0o600)
            #expect(throws: MessagingError.self) { _ = try StoreFiles(Self.options(inside)) }
            unlink("\(inside.path)/\(name)")
        }
        symlink("\(outside.path)/other", "\(inside.path)/00000000000000000000.log")
        var files = try StoreFiles(Self.options(inside))
        #expect(files.damage.files == 1)
        _ = files.append(Self.messages(0..<3))
        let found = files.read(10, now: 0)
        #expect(Self.numbers(found) == [0, 1, 2])
        // A link that is made where the next segment will be.
        for number in 3...300 { symlink("\(outside.path)/other", Self.path(inside, number)) }
        _ = files.append(Self.messages(3..<200))
        let more = files.read(1_000, now: 0)
        #expect(Self.numbers(more) == Array(3..<200))
        for name in ["secret", "other"] {
            #expect(try Folder.bytes(of: "\(outside.path)/\(name)") == Array("untouched".utf8))
        }
    }

    private static func path(_ folder: Folder, _ number: Int) -> String {
        let digits = String(number)
        return "\(folder.path)/\(String(repeating: "0", count: 20 - digits.count))\(digits).log"
    }

    @Test func aFolderOfSomebodyElseIsRefused() throws {
        let folder = try Folder()
        chmod(folder.path, 0o777)
        #expect(throws: MessagingError.self) { _ = try StoreFiles(Self.options(folder)) }
        chmod(folder.path, 0o700)
        _ = try StoreFiles(Self.options(folder))
        if geteuid() == 0 {
            chown(folder.path, 12_345, 12_345)
            #expect(throws: MessagingError.self) { _ = try StoreFiles(Self.options(folder)) }
        }
    }

    /// Numbers that no store has given.
    @Test func numbersFromOutsideAreNone() throws {
        let folder = try Folder()
        for name in ["18446744073709551615", "09223372036854775807", "04611686018427387904", "99999999999999999999"] {
            close(open("\(folder.path)/\(name).log", O_CREAT | O_RDWR, 0o600))
        }
        var files = try StoreFiles(Self.options(folder))
        _ = files.append(Self.messages(0..<2))
        let found = files.read(10, now: 0)
        #expect(Self.numbers(found) == [0, 1])
    }

    /// A name that is as if there were more records than fit into any segment.
    @Test func aGapOfNumbersTakesNoTime() throws {
        let folder = try Folder()
        do {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.messages(0..<3))
        }
        close(open(Self.path(folder, 1 << 61), O_CREAT | O_RDWR, 0o600))
        var files = try StoreFiles(Self.options(folder))
        #expect(files.damage.lost == 1)
        _ = files.append(Self.messages(3..<5))
        let found = files.read(100, now: 0)
        #expect(Self.numbers(found) == [0, 1, 2, 3, 4])
        #expect(found.dropped == 0)
    }

    // MARK: The cursor

    /// A cursor that is ahead of all that is there has nothing deleted.
    @Test func aCursorThatIsAheadDeletesNothing() throws {
        let (folder, other) = (try Folder(), try Folder())
        do {
            var files = try StoreFiles(Self.options(other))
            _ = files.append(Self.messages(0..<500))
            files.finish(before: 500)
        }
        do {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.messages(0..<3))
        }
        let bytes = try Folder.bytes(of: try #require(Self.segments(folder).first))
        try Folder.write(Folder.bytes(of: "\(other.path)/cursor"), to: "\(folder.path)/cursor")
        var files = try StoreFiles(Self.options(folder))
        #expect(files.damage.files == 1)
        let aside = try #require(folder.files.first { $0.hasSuffix(".damaged") })
        #expect(try Folder.bytes(of: "\(folder.path)/\(aside)") == bytes)
        _ = files.append(Self.messages(7..<8))
        let found = files.read(10, now: 0)
        #expect(Self.numbers(found) == [7])
    }

    @Test func aCursorThatWasChangedSendsAgain() throws {
        for position in 0..<12 {
            let folder = try Folder()
            do {
                var files = try StoreFiles(Self.options(folder))
                _ = files.append(Self.messages(0..<10))
                files.finish(before: 5)
            }
            Self.flip("\(folder.path)/cursor", at: position, bit: position % 8)
            var files = try StoreFiles(Self.options(folder))
            #expect(files.damage.isCursorLost)
            let found = files.read(100, now: 0)
            #expect(Self.numbers(found) == Array(0..<10))
        }
    }

    // MARK: Of a route

    @Test func whatWasLostIsCountedAndLogged() async throws {
        let folder = try Folder()
        do {
            var files = try StoreFiles(Self.options(folder))
            _ = files.append(Self.messages(10..<20))
        }
        Self.flip(try #require(Self.segments(folder).first), at: 5 * Self.messages(10..<11)[0].recordBytes + 50)
        let (recorder, warnings) = (RouteRecorder(), Recorder<String>())
        let store = try await MessageStore.open(
            Self.options(folder),
            timers: Timers(Timeline()),
            window: 10,
            recorder: recorder
        ) { subject, _ in warnings.record(subject) }
        #expect(recorder.statistics.storeDropped == 1)
        #expect(warnings.values.count == 1)
        #expect(warnings.values.first?.contains("1 message can't be read") == true)
        await store.close()
    }

    /// A message that is larger than the store becomes a dead letter, and those behind it pass.
    @Test func whatIsTooLargeIsADeadLetter() async throws {
        let folder = try Folder()
        let (from, to) = (MemoryBroker(), MemoryBroker())
        let (source, sink) = (try await from.connect(name: "source"), try await to.connect(name: "sink"))
        var options = RouteOptions(deadLetters: "dead")
        options.store = StoreOptions(folder: folder.path, limit: 20_000, segmentBytes: 8_192)
        let bridge = Bridge(from: source, to: sink, name: "b") { Forward(queue: "in", options: options) }
        try await bridge.whileRunning {
            // 14,000 bytes have a segment to themselves; what is done with makes room for them.
            for (number, size) in [10, 30_000, 3_000, 14_000, 18_000, 10].enumerated() {
                let body = "\(number)" + String(repeating: "x", count: size)
                try await source.send(Message(body), to: "in")
            }
            let arrived = try await sink.consume(from: "in")
            var numbers: [Character?] = []
            while numbers.count < 5, let delivery = try await arrived.next() {
                try delivery.ack()
                numbers.append(delivery.message.text?.first)
            }
            #expect(numbers == ["0", "2", "3", "4", "5"])
            let dead = try await source.consume(from: "dead").next()
            #expect(dead?.message.text?.first == "1")
            #expect(dead?.message.headers[Headers.Standard.deathReason]?.string?.contains("body-too-large") == true)
        }
    }
}
