#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A bridge store's folder, and what lies in it: the cursor, the segments.
final class StoreFolder: Sendable {
    private let folder: LockedFolder
    private let cursorFile: Int32

    /// Opens a folder, and makes one if there is none.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` if it can't be used, or somebody else uses it or could.
    init(_ path: String) throws {
        folder = try LockedFolder(path)
        do throws(StoreFailure) {
            cursorFile = try folder.open("cursor", O_RDWR | O_CREAT)
        } catch {
            throw folder.unusable(error)
        }
    }

    deinit { close(cursorFile) }

    /// The folder itself, as an open file.
    var descriptor: Int32 { folder.descriptor }

    /// The folders that have to be on the disk for the store to be there: it, and that in which it was made.
    var descriptors: Set<Int32> { folder.descriptors }

    func unlock() { folder.unlock() }

    func unusable(_ failure: StoreFailure) -> MessagingError { folder.unusable(failure) }

    // MARK: The segments

    /// No store comes that far; a greater number, in the name of a file or in the cursor, is none of a record.
    private static let greatestNumber = UInt64.max / 2

    /// The file of the segment whose first record has a number.
    private func name(of first: UInt64) -> String {
        let digits = String(first)
        return String(repeating: "0", count: 20 - digits.count) + digits + ".log"
    }

    /// Opens a segment for reading.
    func openForReading(_ first: UInt64) throws(StoreFailure) -> Int32 { try openSegment(first, O_RDONLY) }

    /// Opens a segment, at its end.
    func openForAppending(_ first: UInt64) throws(StoreFailure) -> Int32 { try openSegment(first, O_RDWR | O_APPEND) }

    /// Makes a segment. A file that has its name already is put aside.
    func create(_ first: UInt64) throws(StoreFailure) -> Int32 {
        do throws(StoreFailure) {
            return try openSegment(first, O_RDWR | O_APPEND | O_CREAT | O_EXCL)
        } catch {
            guard error.code == EEXIST else { throw error }
            putAside(first)
            return try openSegment(first, O_RDWR | O_APPEND | O_CREAT | O_EXCL)
        }
    }

    private func openSegment(_ first: UInt64, _ flags: Int32) throws(StoreFailure) -> Int32 {
        try folder.open(name(of: first), flags)
    }

    /// The numbers of the segments' first records, and how large the files are; in order.
    func segments() throws(StoreFailure) -> [(first: UInt64, bytes: Int)] {
        var segments: [(first: UInt64, bytes: Int)] = []
        for name in try folder.names() {
            guard name.utf8.count == 24, name.hasSuffix(".log"), let first = UInt64(name.prefix(20)),
                first < StoredMessage.endOfNumbers
            else { continue }
            segments.append((first, try folder.size(of: name)))
        }
        return segments.sorted { $0.first < $1.first }
    }

    func remove(_ first: UInt64) { folder.remove(name(of: first)) }

    /// Gives a segment that has been damaged a name by which no store reads it; it is there for people to look at.
    func putAside(_ first: UInt64) {
        let name = name(of: first)
        var aside = name + Self.aside
        var count = 1
        while count < 1_000, folder.has(aside) {
            aside = "\(name).\(count)\(Self.aside)"
            count += 1
        }
        try? folder.rename(name, to: aside)
    }

    /// Deletes the oldest of the files that were put aside, as far as all of them have more bytes than they may. If the folder
    /// can't be listed they stay until it is asked for again; a file whose size can't be told counts as empty.
    func limitAside(to limit: Int) {
        guard let names = try? folder.names() else { return }
        let files = names.filter { $0.hasSuffix(Self.aside) }.sorted().map { ($0, (try? folder.size(of: $0)) ?? 0) }
        var bytes = files.reduce(0) { $0 + $1.1 }
        for (name, size) in files where bytes > limit {
            folder.remove(name)
            bytes -= size
        }
    }

    private static let aside = ".damaged"

    // MARK: The cursor

    /// The number that was saved last; `nil` if there is none, or it was not written whole.
    var savedCursor: UInt64? {
        var bytes = [UInt8](repeating: 0, count: 12)
        guard pread(cursorFile, &bytes, 12, 0) == 12 else { return nil }
        var reader = RecordReader(bytes[...])
        guard let cursor: UInt64 = reader.number(), let checksum: UInt32 = reader.number() else { return nil }
        return CRC32.checksum(of: bytes[..<8]) == checksum && cursor < StoredMessage.endOfNumbers ? cursor : nil
    }

    /// Writes the cursor in place, which a full disk allows. If it is lost, messages that were done with are sent
    /// again.
    func save(cursor: UInt64) {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: cursor.littleEndian) { bytes += $0 }
        withUnsafeBytes(of: CRC32.checksum(of: bytes[...]).littleEndian) { bytes += $0 }
        _ = pwrite(cursorFile, bytes, bytes.count, 0)
    }
}
