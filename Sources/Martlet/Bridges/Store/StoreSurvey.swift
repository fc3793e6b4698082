#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file of a store.
struct StoreSegment {
    /// The number of its first record.
    let first: UInt64
    var bytes: Int
    /// Whether something in it is no record: then it is not deleted, but put aside.
    var isDamaged = false
}

/// What is in a store's folder when it is opened.
///
/// Nothing is cut off or deleted: where the last file is not whole the next records go to a new one.
struct StoreSurvey {
    /// What was found wrong.
    struct Damage {
        /// How many messages can't be read any more.
        var lost = 0
        /// How many files were put aside, or will be when the rest of them is done with.
        var files = 0
        /// Whether the cursor said nothing, although there are messages: some may be sent again.
        var isCursorLost = false
        /// Why the disk could not be read, or not at once.
        var failure: StoreFailure?
    }

    private(set) var segments: [StoreSegment]
    /// The last segment's file; `nil` if the next record begins a new one.
    private(set) var output: Int32?
    /// The first record that is not done with.
    let cursor: UInt64
    /// The number that the next record gets.
    private(set) var next: UInt64
    /// The records that are missing.
    private(set) var missing: [Range<UInt64>] = []
    private(set) var damage = Damage()

    /// Looks at each segment that is not done with, and finds where the next record goes. Blocks.
    init(of folder: StoreFolder, on disk: StoreDisk) throws(StoreFailure) {
        let saved = folder.savedCursor
        segments = try folder.segments().map { StoreSegment(first: $0.first, bytes: $0.bytes) }
        damage.isCursorLost = saved == nil && !segments.isEmpty
        cursor = max(saved ?? 0, segments.first?.first ?? 0)
        next = cursor
        var position = 0
        while position < segments.count {
            let isLast = position == segments.count - 1
            let end = isLast ? StoredMessage.endOfNumbers : segments[position + 1].first
            if isLast || end > cursor {
                guard let found = try examine(position, before: end, folder, disk) else {
                    let gone = segments.remove(at: position)
                    miss(gone.first..<(isLast ? gone.first + 1 : end))
                    if isLast { next = max(next, gone.first + 1) }
                    continue
                }
                if isLast { next = found }
            }
            position += 1
        }
        if cursor > next {
            // A machine that lost its power remembers that it was done with records that it has not got any more; or what
            // it remembers is wrong. Their numbers are not given again, or the next ones would be taken for done with.
            for segment in segments {
                if segment.bytes > 0 { damage.files += 1 }
                folder.putAside(segment.first)
            }
            segments = []
            next = cursor
        } else if let last = segments.last, !last.isDamaged {
            output = try folder.openForAppending(last.first)
        }
    }

    /// Reads a segment.
    ///
    /// - Returns: the number that a record behind it gets; `nil` if it is no file, and was put aside.
    private mutating func examine(
        _ position: Int,
        before end: UInt64,
        _ folder: StoreFolder,
        _ disk: StoreDisk
    ) throws(StoreFailure) -> UInt64? {
        let segment = segments[position]
        var attempts = 0
        while true {
            do throws(StoreFailure) {
                var reader = try SegmentReader(folder, first: segment.first, disk: disk)
                // A disk that failed may work the next time; the last time what it fails at is passed over.
                reader.passesOverFailures = attempts == 2
                return try examine(position, before: end, by: &reader)
            } catch {
                if [ELOOP, EINVAL].contains(error.code) {
                    damage.files += 1
                    folder.putAside(segment.first)
                    return nil
                }
                damage.failure = error
                guard attempts < 2, error.call == "read" else { throw error }
                attempts += 1
            }
        }
    }

    private mutating func examine(
        _ position: Int,
        before end: UInt64,
        by reader: inout SegmentReader
    ) throws(StoreFailure) -> UInt64 {
        var gaps: [Range<UInt64>] = []
        while true {
            let expected = reader.next
            guard case .record(let number, _) = try reader.next(before: end) else { break }
            if number > expected { gaps.append(expected..<number) }
        }
        for gap in gaps { miss(gap) }
        // At its end as many are missing as lie before the next segment. Behind the last one it can't be told: what has been
        // changed counts as one; what can't be read may be read another time, and then the numbers of its records must not
        // have been given again.
        var behind = end
        let isLast = end == StoredMessage.endOfNumbers
        if isLast {
            behind = reader.next + UInt64(reader.unreadableBytes / StoreRecord.contentBytes.lowerBound)
            if reader.endsDamaged { behind += 1 }
        }
        if reader.next < behind { miss(reader.next..<behind, counts: isLast ? 1 : nil) }
        segments[position].isDamaged = reader.isDamaged
        damage.files += reader.isDamaged ? 1 : 0
        return behind
    }

    /// Notes that records are missing.
    ///
    /// - Parameter counts: as how many lost messages they count, unless that is how many there are.
    private mutating func miss(_ numbers: Range<UInt64>, counts: Int? = nil) {
        let numbers = numbers.clamped(to: cursor..<max(cursor, numbers.upperBound))
        guard !numbers.isEmpty else { return }
        missing.append(numbers)
        damage.lost += min(counts ?? .max, Self.lost(numbers.count))
    }

    /// How many messages are lost where so many numbers are missing. More than a segment can have are none that were given.
    static func lost(_ count: Int) -> Int { count > 1 << 24 ? 1 : count }
}
