#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The files of a store: segments called after the number of their first record, a cursor, and a lock. Its calls block; it
/// is used by one thread at a time.
struct StoreFiles: ~Copyable {
    private struct Segment {
        /// The number of its first record.
        let first: UInt64
        var bytes: Int
    }

    /// What came of writing records.
    struct Appended {
        /// How many of them are done with: written, or dropped.
        var taken = 0
        /// How many messages were dropped, old ones or new.
        var dropped = 0
        /// Numbers before this one are gone.
        var droppedBefore: UInt64?
    }

    /// What came of reading.
    struct Found {
        var messages: [(number: UInt64, message: StoredMessage)] = []
        /// Numbers of records that can't be read, or are too old.
        var unusable: [UInt64] = []
    }

    private let options: StoreOptions
    private let lock: Int32
    private let cursorFile: Int32
    private var segments: [Segment] = []
    /// The last segment's file, if there is one.
    private var output: Int32?
    /// The number that the next record gets.
    private(set) var next: UInt64
    /// The first record that is not done with.
    private(set) var cursor: UInt64
    // MARK: Where it reads
    private var input: (file: Int32, first: UInt64)?
    private var buffer: [UInt8] = []
    /// Where in the buffer the next record begins, and where in the file the buffer ends.
    private var position = 0
    private var offset = 0
    /// The number of the record that is read next.
    private var reading: UInt64

    /// Opens a folder, and makes one if there is none. What was not written whole is cut off.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` if it can't be used, or somebody else uses it.
    init(_ options: StoreOptions) throws {
        let (lock, cursorFile) = try Self.openFiles(options.folder)
        self.init(options, lock, cursorFile)
    }

    private static func openFiles(_ folder: String) throws -> (lock: Int32, cursor: Int32) {
        func unusable(_ code: Int32) -> MessagingError {
            MessagingError(
                .invalidArgument,
                "the store's folder \(folder) can't be used: \(String(cString: strerror(code)))"
            )
        }
        _ = mkdir(folder, 0o700)
        let lock = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw unusable(errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw MessagingError(.invalidArgument, "somebody else uses the store in \(folder)")
        }
        let cursor = open("\(folder)/cursor", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard cursor >= 0 else {
            let code = errno
            close(lock)
            throw unusable(code)
        }
        return (lock, cursor)
    }

    private init(_ options: StoreOptions, _ lock: Int32, _ cursorFile: Int32) {
        self.options = options
        self.lock = lock
        self.cursorFile = cursorFile
        var segments: [Segment] = []
        for first in Self.segments(in: options.folder) {
            var status = stat()
            let bytes = stat(Self.path(options.folder, first), &status) == 0 ? Int(status.st_size) : 0
            segments.append(Segment(first: first, bytes: bytes))
        }
        self.segments = segments
        next = segments.last?.first ?? 0
        let saved = Self.savedCursor(cursorFile)
        cursor = max(saved ?? 0, segments.first?.first ?? 0)
        reading = cursor
        if let last = segments.last {
            let (count, bytes) = Self.whole(Self.path(options.folder, last.first))
            next += count
            self.segments[segments.count - 1].bytes = bytes
            let file = open(Self.path(options.folder, last.first), O_RDWR | O_CLOEXEC)
            if file >= 0 {
                _ = ftruncate(file, off_t(bytes))
                _ = lseek(file, 0, SEEK_END)
                output = file
            }
        }
        // A machine that lost its power may remember that it was done with what it has not got any more.
        if cursor > next {
            cursor = next
            reading = next
        }
        finish(before: cursor)
    }

    deinit {
        if let output { close(output) }
        if let input { close(input.file) }
        close(cursorFile)
        close(lock)
    }

    /// Lets somebody else use the folder.
    func unlock() { _ = flock(lock, LOCK_UN) }

    private static func path(_ folder: String, _ first: UInt64) -> String {
        let digits = String(first)
        return "\(folder)/\(String(repeating: "0", count: 20 - digits.count))\(digits).log"
    }

    private static func segments(in folder: String) -> [UInt64] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var found: [UInt64] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.utf8.count == 24, name.hasSuffix(".log"), let first = UInt64(name.prefix(20)) else { continue }
            found.append(first)
        }
        return found.sorted()
    }

    /// How many records of a file are whole, and how many bytes they are.
    private static func whole(_ path: String) -> (records: UInt64, bytes: Int) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return (0, 0) }
        defer { close(file) }
        var (buffer, position, offset): ([UInt8], Int, Int) = ([], 0, 0)
        var (records, bytes): (UInt64, Int) = (0, 0)
        while true {
            switch SegmentScanner.step(buffer, at: position) {
            case .record(_, let end):
                bytes += end - position
                position = end
                records += 1
            case .broken:
                return (records, bytes)
            case .needs:
                buffer.removeFirst(position)
                position = 0
                guard fill(&buffer, from: file, at: &offset) else { return (records, bytes) }
            }
        }
    }

    /// Adds what comes next in a file; `false` at its end.
    private static func fill(_ buffer: inout [UInt8], from file: Int32, at offset: inout Int) -> Bool {
        let size = 256 << 10
        let chunk = [UInt8](unsafeUninitializedCapacity: size) { memory, count in
            count = max(0, pread(file, memory.baseAddress, size, off_t(offset)))
        }
        offset += chunk.count
        buffer += chunk
        return !chunk.isEmpty
    }

    // MARK: Writing

    /// How many records are not done with.
    var waiting: UInt64 { next - min(next, cursor) }

    private var bytes: Int { segments.reduce(0) { $0 + $1.bytes } }

    /// Writes records, as far as there is room by the options; fewer are taken than given if the source is to wait.
    mutating func append(_ records: [[UInt8]]) -> Appended {
        var appended = Appended()
        for record in records {
            while !add(record) {
                switch options.overflow {
                case .suspend:
                    return synced(appended)
                case .dropNewest:
                    appended.dropped += 1
                case .dropOldest:
                    if let dropped = dropOldestSegment() {
                        appended.dropped += dropped
                        appended.droppedBefore = segments.first?.first ?? next
                        continue
                    }
                    appended.dropped += 1
                }
                break
            }
            appended.taken += 1
        }
        return synced(appended)
    }

    private func synced(_ appended: Appended) -> Appended {
        if options.sync == .always, let output { _ = fsync(output) }
        return appended
    }

    /// - Returns: whether there was room, also on the disk.
    private mutating func add(_ record: [UInt8]) -> Bool {
        guard bytes + record.count <= options.limit else { return false }
        if output == nil
            || (segments.last.map { $0.bytes > 0 && $0.bytes + record.count > options.segmentBytes } ?? true)
        {
            guard beginSegment() else { return false }
        }
        guard let output else { return false }
        let last = segments.count - 1
        var written = 0
        while written < record.count {
            let count = record[written...].withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                // The disk is full: what is not whole goes, so that the next record follows the last whole one.
                _ = ftruncate(output, off_t(segments[last].bytes))
                _ = lseek(output, 0, SEEK_END)
                return false
            }
            written += count
        }
        segments[last].bytes += record.count
        next += 1
        return true
    }

    private mutating func beginSegment() -> Bool {
        let path = Self.path(options.folder, next)
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        if let output {
            if options.sync == .always { _ = fsync(output) }
            close(output)
        }
        output = file
        if segments.last?.first == next { segments.removeLast() }
        segments.append(Segment(first: next, bytes: 0))
        return true
    }

    /// - Returns: how many messages that were not done with were in it; `nil` if there is none but the last.
    private mutating func dropOldestSegment() -> Int? {
        guard segments.count > 1 else { return nil }
        let gone = segments.removeFirst()
        unlink(Self.path(options.folder, gone.first))
        let begin = max(gone.first, cursor)
        let end = segments[0].first
        cursor = max(cursor, end)
        reading = max(reading, end)
        saveCursor()
        return Int(end - min(begin, end))
    }

    // MARK: Reading

    /// What comes next, at most so many messages.
    mutating func read(_ limit: Int, now: Int64) -> Found {
        var found = Found()
        let oldest = options.maximumAge.map { now - max(0, Int64($0.seconds * 1e9)) }
        while found.messages.count < limit, reading < next, openInput() {
            switch SegmentScanner.step(buffer, at: position) {
            case .record(let content, let end):
                let message = StoredMessage(content: buffer[content])
                if let message, oldest.map({ message.time >= $0 }) ?? true {
                    found.messages.append((reading, message))
                } else {
                    found.unusable.append(reading)
                }
                position = end
                reading += 1
            case .needs:
                buffer.removeFirst(position)
                position = 0
                if let input, Self.fill(&buffer, from: input.file, at: &offset) { continue }
                skipSegment(&found)
            case .broken:
                skipSegment(&found)
            }
        }
        return found
    }

    /// Has the segment open that has the record to read next, and the buffer begin with it.
    private mutating func openInput() -> Bool {
        guard let segment = segments.last(where: { $0.first <= reading }) else { return false }
        if let input, input.first == segment.first { return true }
        if let input { close(input.file) }
        input = nil
        let file = open(Self.path(options.folder, segment.first), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        input = (file, segment.first)
        (buffer, position, offset) = ([], 0, 0)
        // What was done with before is passed over.
        var number = segment.first
        while number < reading {
            switch SegmentScanner.step(buffer, at: position) {
            case .record(_, let end):
                position = end
                number += 1
            case .needs:
                guard Self.fill(&buffer, from: file, at: &offset) else { return true }
            case .broken:
                return true
            }
        }
        return true
    }

    /// The rest of a segment can't be read.
    private mutating func skipSegment(_ found: inout Found) {
        let end = segments.first { $0.first > reading }?.first ?? next
        found.unusable += Array(reading..<end)
        reading = end
    }

    // MARK: Forgetting

    /// Everything before a number is done with: segments that hold nothing else are deleted.
    mutating func finish(before number: UInt64) {
        cursor = max(cursor, number)
        while segments.count > 1, segments[1].first <= cursor {
            unlink(Self.path(options.folder, segments.removeFirst().first))
        }
        if segments.count == 1, cursor == next, segments[0].bytes > options.segmentBytes / 2 {
            if let output { close(output) }
            output = nil
            unlink(Self.path(options.folder, segments.removeFirst().first))
        }
        saveCursor()
    }

    private func saveCursor() {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: cursor.littleEndian) { bytes += $0 }
        withUnsafeBytes(of: CRC32.checksum(of: bytes).littleEndian) { bytes += $0 }
        // In place, which a full disk allows. If it is lost, what was done with is sent again.
        _ = pwrite(cursorFile, bytes, bytes.count, 0)
    }

    private static func savedCursor(_ file: Int32) -> UInt64? {
        var bytes = [UInt8](repeating: 0, count: 12)
        guard pread(file, &bytes, 12, 0) == 12 else { return nil }
        var reader = RecordReader(bytes[...])
        guard let cursor: UInt64 = reader.number(), let checksum: UInt32 = reader.number() else { return nil }
        return CRC32.checksum(of: bytes[..<8]) == checksum ? cursor : nil
    }
}
