import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What was found in a store's folder: the latest snapshot, and the logs since.
///
/// A snapshot of a number is what there was when the log of that number was begun.
struct StoreContents: Sendable {
    private(set) var image: StoreImage
    /// The number of the log that is written to; its file may be missing.
    private(set) var generation = 1
    /// The number that the next record gets.
    private(set) var next: UInt64 = 1
    /// How many bytes of that log are records, and how many behind them are not.
    private(set) var logBytes = 0
    private(set) var cutBytes = 0
    private(set) var snapshotBytes = 0
    /// Files that nothing needs any more.
    private(set) var old: [String] = []

    static func log(_ number: Int) -> String { name("log", number) }
    static func snapshot(_ number: Int) -> String { name("snapshot", number) }
    /// A snapshot that is being written.
    static func unfinished(_ number: Int) -> String { snapshot(number) + ".new" }

    private static func name(_ kind: String, _ number: Int) -> String {
        let digits = String(number)
        return kind + "-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    private static func numbers(_ kind: String, _ names: [String]) -> [Int] {
        names.compactMap { name in
            guard name.hasPrefix(kind + "-"), let number = Int(name.dropFirst(kind.count + 1)), number > 0 else {
                return nil
            }
            return number
        }.sorted()
    }

    /// Reads all that there is. Blocks.
    ///
    /// What was not written whole at the end of the last log is passed over: nothing that was acknowledged depends on it.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` with the file and the byte if something before that is damaged. Whoever wants
    ///   to go on with what is before it cuts the log off there.
    init(of folder: LockedFolder, on disk: StoreDisk, _ empty: StoreImage) throws {
        image = empty
        let names: [String]
        do throws(StoreFailure) {
            names = try folder.names()
        } catch {
            throw folder.unusable(error)
        }
        let snapshots = Self.numbers("snapshot", names)
        let logs = Self.numbers("log", names)
        if let latest = snapshots.last {
            generation = latest
            try readSnapshot(folder, disk)
        }
        let first = generation
        for number in logs where number >= first {
            guard number == first || number == generation + 1 else {
                throw Self.damage(folder, Self.log(number - 1), 0, "it is missing")
            }
            guard cutBytes == 0 else { throw Self.damage(folder, Self.log(generation), logBytes, Self.noRecord) }
            generation = number
            try readLog(folder, disk)
        }
        let needed = Set(
            (first...generation).map { Self.log($0) } + (snapshots.isEmpty ? [] : [Self.snapshot(first)])
        )
        old = names.filter { name in
            (name.hasPrefix("log-") || name.hasPrefix("snapshot-")) && !needed.contains(name)
        }
    }

    private static let noRecord = "what is there is no record"

    private static func damage(_ folder: LockedFolder, _ name: String, _ offset: Int, _ what: String) -> MessagingError
    {
        let path = folder.path(of: name)
        return MessagingError(.invalidArgument, "the store's file \(path) is damaged at byte \(offset): \(what)")
    }

    private mutating func readSnapshot(_ folder: LockedFolder, _ disk: StoreDisk) throws {
        let name = Self.snapshot(generation)
        image.beginFile()
        var next: UInt64?
        var expected: UInt64 = 1
        let end = try Self.read(name, from: 1, folder, disk) { record in
            guard next == nil, record.number == expected, image.apply(record.entries, written: record.time) else {
                return false
            }
            expected += 1
            if record.entries.first == EntryKind.end.rawValue {
                var reader = RecordReader(record.entries.dropFirst())
                next = reader.number()
            }
            return true
        }
        guard let next, end.isWhole else { throw Self.damage(folder, name, end.offset, Self.noRecord) }
        (self.next, snapshotBytes) = (next, end.offset)
    }

    private mutating func readLog(_ folder: LockedFolder, _ disk: StoreDisk) throws {
        let name = Self.log(generation)
        image.beginFile()
        let end = try Self.read(name, from: next, folder, disk) { record in
            guard record.number == next, image.apply(record.entries, written: record.time) else { return false }
            next += 1
            return true
        }
        guard end.isWhole || !end.isMissed else { throw Self.damage(folder, name, end.offset, Self.noRecord) }
        logBytes = end.offset
        cutBytes = max(0, end.size - end.offset)
    }

    /// Where reading a file came to its end, and how.
    private struct End {
        var offset = 0
        /// How many bytes the file has.
        var size = 0
        var isWhole = true
        /// Whether what is no record there has been one.
        var isMissed = false
        /// The version of a record there that is not of this one.
        var foreignVersion: UInt8?
    }

    /// Reads a file's records, from that of a number on, until one can't be used.
    private static func read(
        _ name: String,
        from number: UInt64,
        _ folder: LockedFolder,
        _ disk: StoreDisk,
        _ use: (LogRecord) -> Bool
    ) throws -> End {
        let end = try scan(name, from: number, folder, disk, use)
        // Its checksum is right: nothing of it is cut off.
        if let version = end.foreignVersion {
            throw MessagingError(
                .invalidArgument,
                "the store's file \(folder.path(of: name)) is of version \(version), and this program reads version \(LogRecord.version)"
            )
        }
        return end
    }

    private static func scan(
        _ name: String,
        from number: UInt64,
        _ folder: LockedFolder,
        _ disk: StoreDisk,
        _ use: (LogRecord) -> Bool
    ) throws -> End {
        do throws(StoreFailure) {
            let file = try folder.open(name, O_RDONLY)
            defer { close(file) }
            var records = LogRecords { offset, count throws(StoreFailure) in
                try Self.bytes(of: file, disk, offset, count)
            }
            var end = End()
            end.size = try folder.size(of: name)
            var number = number
            while true {
                end.offset = records.offset
                switch try records.next() {
                case .record(let record):
                    guard use(record) else {
                        // Its checksum is right: it was written so.
                        (end.isWhole, end.isMissed) = (false, true)
                        return end
                    }
                    number = record.number + 1
                case .end: return end
                case .foreign(let version):
                    end.foreignVersion = version
                    return end
                case .broken:
                    end.isWhole = false
                    end.isMissed = try records.isMissed(since: number)
                    return end
                }
            }
        } catch {
            throw MessagingError(
                .invalidArgument,
                "the store's file \(folder.path(of: name)) can't be read: \(error)"
            )
        }
    }

    private static func bytes(
        of file: Int32,
        _ disk: StoreDisk,
        _ offset: Int,
        _ count: Int
    ) throws(StoreFailure) -> [UInt8] {
        var (result, code) = (0, Int32(0))
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, length in
            repeat {
                result = disk.read(file, UnsafeMutableRawBufferPointer(memory), offset)
                code = errno
            } while result < 0 && code == EINTR
            length = max(0, result)
        }
        guard result >= 0 else { throw StoreFailure(of: "read", code: code) }
        return bytes
    }
}
