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
        /// Each with the time of day as it would be if nobody had set it since the message was written.
        var messages: [(number: UInt64, message: StoredMessage, now: Int64)] = []
        /// Numbers of records that can't be read, or are too old.
        var unusable: [Range<UInt64>] = []
        /// How many of these have not been counted before.
        var dropped = 0
        /// Why no more were read, if the disk fails.
        var failure: StoreFailure?
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
    private var segments: [StoreSegment]
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
    /// What was found wrong when it was opened.
    let damage: StoreSurvey.Damage
    /// The records that were found missing then.
    private var missing: [Range<UInt64>]
    /// How often in a row reading has failed.
    private var readFailures = 0
    private var clock: StoreClock

    /// Opens a folder, and makes one if there is none.
    ///
    /// Nothing that is there is cut off or deleted. Where the last file is not whole the next records go to a new one.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` if it can't be used, or somebody else uses it.
    init(_ options: StoreOptions, disk: StoreDisk = .system) throws {
        let folder = try StoreFolder(options.folder)
        let survey: StoreSurvey
        do throws(StoreFailure) {
            survey = try StoreSurvey(of: folder, on: disk)
        } catch {
            throw folder.unusable(error)
        }
        self.init(options, disk, folder, survey)
    }

    private init(
        _ options: StoreOptions,
        _ disk: StoreDisk,
        _ folder: StoreFolder,
        _ survey: StoreSurvey
    ) {
        self.options = options
        self.disk = disk
        self.folder = folder
        clock = StoreClock(next: survey.next)
        segments = survey.segments
        output = survey.output
        (next, cursor, reading) = (survey.next, survey.cursor, survey.cursor)
        missing = survey.missing
        damage = survey.damage
        changedFolders = folder.descriptors
        folder.limitAside(to: options.limit)
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

    /// Whether a message is small enough to be taken at all.
    static func takes(_ message: StoredMessage, _ options: StoreOptions) -> Bool {
        message.recordBytes <= min(options.limit, StoreRecord.contentBytes.upperBound)
    }

    /// Writes messages, as far as there is room by the options; fewer are taken than given if the source is to wait, or
    /// if the disk fails.
    ///
    /// - Parameter lead: how far the time of day that they have was ahead of the clock that ``read(_:now:lead:)`` goes by.
    mutating func append(_ messages: [StoredMessage], lead: Int64 = 0) -> Appended {
        clock.begin(next, lead: lead)
        var progress = Progress(next: next, bytes: segments.last?.bytes ?? 0)
        do throws(StoreFailure) {
            for message in messages {
                let record = message.record(number: next)
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
        if !hasRoom(record.count) {
            // What is done with takes no room from what is not.
            guard cursor == next, !segments.isEmpty else { return false }
            try commit(&progress)
            closeOutput()
            while !segments.isEmpty { removeFirstSegment() }
            guard hasRoom(record.count) else { return false }
        }
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

    private func hasRoom(_ count: Int) -> Bool {
        segments.reduce(0, { $0 + $1.bytes }) + count <= options.limit
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
                // Takes away what there is of the record. A disk that is broken may not do so: then the next one goes to a
                // new segment.
                let isWhole = written == 0 || ftruncate(output, off_t(segments[last].bytes)) == 0
                if !isWhole || !failure.isFull { closeOutput() }
                throw failure
            }
            written += count
        }
        segments[last].bytes += record.count
        next += 1
    }

    private mutating func beginSegment() throws(StoreFailure) {
        // One in which nothing has been written, or nothing was taken, has its number.
        if let last = segments.last, last.first == next {
            segments.removeLast()
            if last.bytes > 0 { putAside(last) } else { folder.remove(last.first) }
        }
        let file = try folder.create(next)
        closeOutput()
        output = file
        segments.append(StoreSegment(first: next, bytes: 0))
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
    ///
    /// - Parameters:
    ///   - now: the time in nanoseconds, by a clock that nobody sets.
    ///   - lead: how far the time of day is ahead of it.
    mutating func read(_ limit: Int, now: Int64, lead: Int64 = 0) -> Found {
        var found = Found()
        let maximumAge = options.maximumAge.map { max(0, $0.capped.wholeNanoseconds) }
        while found.messages.count < limit, reading < next {
            let position = segments.lastIndex { $0.first <= reading }
            let end = segments.first { $0.first > reading }?.first ?? next
            var number = end
            var message: StoredMessage?
            do throws(StoreFailure) {
                if let position, let record = try record(in: position, before: end) {
                    number = record.number
                    message = StoredMessage(content: record.content)
                    if message == nil { segments[position].isDamaged = true }
                }
            } catch {
                found.failure = error
                return found
            }
            skip(to: number, &found)
            guard number < end else { continue }
            let now = clock.time(now, for: number, lead: lead)
            if let message, maximumAge.map({ message.time >= now - $0 }) ?? true {
                found.messages.append((number, message, now))
            } else {
                found.unusable.append(number..<number + 1)
                found.dropped += 1
            }
            reading = number + 1
        }
        return found
    }

    /// Passes over records that are missing.
    private mutating func skip(to number: UInt64, _ found: inout Found) {
        guard number > reading else { return }
        let numbers = reading..<number
        found.unusable.append(numbers)
        let known = missing.reduce(0) { $0 + $1.clamped(to: numbers).count }
        found.dropped += StoreSurvey.lost(numbers.count - known)
        reading = number
    }

    /// The next record of a segment that is not before the one that is wanted; `nil` at its end.
    private mutating func record(
        in position: Int,
        before end: UInt64
    ) throws(StoreFailure) -> (number: UInt64, content: ArraySlice<UInt8>)? {
        do throws(StoreFailure) {
            if input?.first != segments[position].first {
                input = nil
                input = try SegmentReader(folder, first: segments[position].first, disk: disk)
            }
            if readFailures >= Self.patience { input?.passesOverFailures = true }
            defer {
                // The next record begins a new segment: this one may have more that is no record.
                if input?.isDamaged == true, !segments[position].isDamaged {
                    segments[position].isDamaged = true
                    if position == segments.count - 1 { closeOutput() }
                }
            }
            while case .record(let number, let content)? = try input?.next(before: end) {
                readFailures = 0
                if number >= reading { return (number, content) }
            }
            return nil
        } catch {
            readFailures += 1
            // Once more from its start: the part that failed may be in the midst of a record.
            input = nil
            guard readFailures <= Self.patience else {
                // Not even its pages one by one.
                readFailures = 0
                segments[position].isDamaged = true
                return nil
            }
            throw error
        }
    }

    /// So often reading may fail, until what can't be read counts as damaged.
    private static let patience = 10

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
        clock.forget(before: cursor)
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
        let segment = segments.removeFirst()
        if segment.isDamaged {
            putAside(segment)
        } else {
            folder.remove(segment.first)
        }
        missing.removeAll { $0.upperBound <= (segments.first?.first ?? next) }
        changedFolders.insert(folder.descriptor)
        return segment.first
    }

    private mutating func putAside(_ segment: StoreSegment) {
        folder.putAside(segment.first)
        folder.limitAside(to: options.limit)
        changedFolders.insert(folder.descriptor)
    }
}
