#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The files of a store: segments called after the number of their first record, a cursor, and a lock. Its calls block;
/// it is used by one thread at a time.
struct StoreFiles: ~Copyable {
    private struct Segment {
        /// The number of its first record.
        let first: UInt64
        var bytes: Int
    }

    /// The result of writing records.
    struct Appended {
        /// How many of them need not be written again: they are on the disk, or were dropped.
        var taken = 0
        /// How many messages were dropped, old ones or new.
        var dropped = 0
        /// Numbers before this one are gone.
        var droppedBefore: UInt64?
        /// Why the others were not taken, unless it was for want of room.
        var failure: StoreFailure?
    }

    /// The result of reading.
    struct Found {
        var messages: [(number: UInt64, message: StoredMessage)] = []
        /// Numbers of records that can't be read, or are too old.
        var unusable: [UInt64] = []
    }

    /// How far the writing of records has come.
    private struct Progress {
        var appended = Appended()
        /// The result if the disk fails from here on: these records are there as surely as the options ask for.
        var certain = Appended()
        /// The number of the first record that is not certain, and where in the last segment that record begins.
        var next: UInt64
        var bytes: Int

        mutating func drop(_ count: Int, before number: UInt64) {
            appended.dropped += count
            appended.droppedBefore = number
            certain.dropped += count
            certain.droppedBefore = number
        }
    }

    private let options: StoreOptions
    private let disk: StoreDisk
    private let folder: StoreFolder
    private var segments: [Segment] = []
    /// The last segment's file; `nil` if the next record begins a new segment.
    private var output: Int32?
    /// The number that the next record gets.
    private(set) var next: UInt64
    /// The first record that is not done with.
    private(set) var cursor: UInt64
    private var input: SegmentReader?
    /// The number of the record that is read next.
    private var reading: UInt64
    /// The folders in which files were made or removed since they were last forced onto the disk.
    private var changedFolders: Set<Int32>

    /// Opens a folder, and makes one if there is none. A last record that was not written whole is cut off.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` if it can't be used, or somebody else uses it.
    init(_ options: StoreOptions, disk: StoreDisk = .system) throws {
        let folder = try StoreFolder(options.folder)
        let segments = folder.segments
        do throws(StoreFailure) {
            let tail = try segments.last.map { last throws(StoreFailure) in try Tail(folder, first: last.first) }
            self.init(options, disk, folder, segments.map { Segment(first: $0.first, bytes: $0.bytes) }, tail)
        } catch {
            throw folder.unusable(error)
        }
    }

    /// The last segment of a store that is opened, from whose end on the next records are written.
    private struct Tail {
        let file: Int32
        /// How many bytes of it are whole records, and the number of the record that follows.
        let bytes: Int
        let next: UInt64

        init(_ folder: StoreFolder, first: UInt64) throws(StoreFailure) {
            let path = folder.path(of: first)
            var reader = try SegmentReader(path, first: first)
            while case .record = try reader.next() {}
            bytes = reader.bytes
            next = reader.number
            file = open(path, O_RDWR | O_CLOEXEC)
            guard file >= 0 else { throw StoreFailure(of: "open") }
            _ = ftruncate(file, off_t(bytes))
            _ = lseek(file, off_t(bytes), SEEK_SET)
        }
    }

    private init(
        _ options: StoreOptions,
        _ disk: StoreDisk,
        _ folder: StoreFolder,
        _ segments: [Segment],
        _ tail: Tail?
    ) {
        self.options = options
        self.disk = disk
        self.folder = folder
        self.segments = segments
        changedFolders = folder.descriptors
        let saved = folder.savedCursor ?? 0
        cursor = max(saved, segments.first?.first ?? 0)
        next = tail?.next ?? saved
        reading = cursor
        output = tail?.file
        if let tail { self.segments[segments.count - 1].bytes = tail.bytes }
        if cursor > next {
            // A machine that lost its power remembers that it was done with records that it has not got any more. Their
            // numbers are not given again, or the next ones would be taken for done with.
            while !self.segments.isEmpty { removeFirstSegment() }
            closeOutput()
            next = cursor
        }
        finish(before: cursor)
    }

    deinit {
        if let output { close(output) }
    }

    /// Lets somebody else use the folder.
    func unlock() { folder.unlock() }

    /// How many records are not done with.
    var waiting: UInt64 { next - min(next, cursor) }

    // MARK: Writing

    /// Writes records, as far as there is room by the options; fewer are taken than given if the source is to wait, or
    /// if the disk fails.
    mutating func append(_ records: [[UInt8]]) -> Appended {
        var progress = Progress(next: next, bytes: segments.last?.bytes ?? 0)
        do throws(StoreFailure) {
            for record in records {
                while try !add(record, &progress) {
                    switch options.overflow {
                    case .suspend:
                        try commit(&progress)
                        return progress.certain
                    case .dropNewest:
                        progress.appended.dropped += 1
                    case .dropOldest:
                        if let dropped = dropOldestSegment() {
                            progress.drop(dropped, before: segments.first?.first ?? next)
                            continue
                        }
                        progress.appended.dropped += 1
                    }
                    break
                }
                progress.appended.taken += 1
            }
            try commit(&progress)
        } catch {
            takeBack(to: &progress)
            progress.certain.failure = error
        }
        return progress.certain
    }

    /// Adds a record to the last segment, or to a new one.
    ///
    /// - Returns: whether there was room, also on the disk.
    private mutating func add(_ record: [UInt8], _ progress: inout Progress) throws(StoreFailure) -> Bool {
        guard segments.reduce(0, { $0 + $1.bytes }) + record.count <= options.limit else { return false }
        let isFull = segments.last.map { $0.bytes > 0 && $0.bytes + record.count > options.segmentBytes } ?? true
        let begins = output == nil || isFull
        if begins { try commit(&progress) }
        do throws(StoreFailure) {
            if begins {
                try beginSegment()
                progress.bytes = 0
            }
            try write(record)
            return true
        } catch {
            guard error.isFull else { throw error }
            return false
        }
    }

    private mutating func write(_ record: [UInt8]) throws(StoreFailure) {
        guard let output else { return }
        let last = segments.count - 1
        var written = 0
        while written < record.count {
            let count = record[written...].withUnsafeBytes { disk.write(output, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let failure = StoreFailure(of: "write")
                // Takes the broken record away, so that the next one follows the last whole one.
                _ = ftruncate(output, off_t(segments[last].bytes))
                _ = lseek(output, off_t(segments[last].bytes), SEEK_SET)
                throw failure
            }
            written += count
        }
        segments[last].bytes += record.count
        next += 1
    }

    private mutating func beginSegment() throws(StoreFailure) {
        let file = open(folder.path(of: next), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw StoreFailure(of: "open") }
        closeOutput()
        output = file
        if segments.last?.first == next { segments.removeLast() }
        segments.append(Segment(first: next, bytes: 0))
        changedFolders.insert(folder.descriptor)
    }

    private mutating func closeOutput() {
        if let output { close(output) }
        output = nil
    }

    // MARK: Forcing onto the disk

    /// Makes the records certain that have been written, as far as the options ask for that.
    private mutating func commit(_ progress: inout Progress) throws(StoreFailure) {
        if options.sync == .always, next > progress.next, let output { try force(output) }
        try forceFolders()
        progress.certain = progress.appended
        progress.next = next
        progress.bytes = segments.last?.bytes ?? 0
    }

    /// After a file was made, for instance, it is there for certain only when its folder is on the disk as well.
    private mutating func forceFolders() throws(StoreFailure) {
        guard options.sync == .always else { return }
        for folder in changedFolders {
            try force(folder)
            changedFolders.remove(folder)
        }
    }

    private func force(_ file: Int32) throws(StoreFailure) {
        guard disk.sync(file) == 0 else { throw StoreFailure(of: "fsync") }
    }

    /// Takes away the records that are not certain.
    ///
    /// They have to be written again; forcing them onto the disk again is not enough. After a failure the system may
    /// take its copy in memory for clean, so that the next `fsync` succeeds without having written anything. They are
    /// written to a new file.
    private mutating func takeBack(to progress: inout Progress) {
        guard options.sync == .always else {
            progress.certain = progress.appended
            return
        }
        guard next > progress.next, let output else { return }
        next = progress.next
        segments[segments.count - 1].bytes = progress.bytes
        _ = ftruncate(output, off_t(progress.bytes))
        closeOutput()
    }

    // MARK: Reading

    /// The records that come next, at most so many.
    mutating func read(_ limit: Int, now: Int64) -> Found {
        var found = Found()
        let oldest = options.maximumAge.map { now - max(0, Int64($0.seconds * 1e9)) }
        while found.messages.count < limit, reading < next {
            guard case .record(let content) = nextRecord() else {
                // The rest of the segment can't be read.
                let end = segments.first { $0.first > reading }?.first ?? next
                found.unusable += Array(reading..<end)
                reading = end
                continue
            }
            let message = StoredMessage(content: content)
            if let message, oldest.map({ message.time >= $0 }) ?? true {
                found.messages.append((reading, message))
            } else {
                found.unusable.append(reading)
            }
            reading += 1
        }
        return found
    }

    private mutating func nextRecord() -> SegmentReader.Step {
        guard let segment = segments.last(where: { $0.first <= reading }) else { return .end }
        do throws(StoreFailure) {
            if input?.first != segment.first {
                input = nil
                input = try SegmentReader(folder.path(of: segment.first), first: segment.first)
            }
            // Passes over the records that were done with before.
            while let number = input?.number, number < reading {
                guard case .record? = try input?.next() else { return .end }
            }
            return try input?.next() ?? .end
        } catch {
            return .broken
        }
    }

    // MARK: Forgetting

    /// - Returns: how many messages that were not done with were in it; `nil` if there is none but the last.
    private mutating func dropOldestSegment() -> Int? {
        guard segments.count > 1 else { return nil }
        let gone = removeFirstSegment()
        let begin = max(gone, cursor)
        let end = segments[0].first
        cursor = max(cursor, end)
        reading = max(reading, end)
        folder.save(cursor: cursor)
        return Int(end - min(begin, end))
    }

    /// Everything before a number is done with: segments that hold nothing else are deleted.
    ///
    /// - Returns: the failure to have that on the disk for certain. The next records that are written are not taken
    ///   before it is.
    @discardableResult
    mutating func finish(before number: UInt64) -> StoreFailure? {
        cursor = max(cursor, number)
        while segments.count > 1, segments[1].first <= cursor { removeFirstSegment() }
        if segments.count == 1, cursor == next, segments[0].bytes > options.segmentBytes / 2 {
            closeOutput()
            removeFirstSegment()
        }
        folder.save(cursor: cursor)
        do throws(StoreFailure) {
            try forceFolders()
            return nil
        } catch {
            return error
        }
    }

    /// - Returns: the number of the first record that was in it.
    @discardableResult
    private mutating func removeFirstSegment() -> UInt64 {
        let first = segments.removeFirst().first
        folder.remove(first)
        changedFolders.insert(folder.descriptor)
        return first
    }
}
