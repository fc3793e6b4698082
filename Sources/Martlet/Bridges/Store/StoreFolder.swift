#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A store's folder, which nobody else uses meanwhile, and what lies in it: the lock, the cursor, the segments.
final class StoreFolder: Sendable {
    private let path: String
    /// The folder itself, as an open file.
    let descriptor: Int32
    /// The folder that it lies in, if it has been made just now.
    private let parent: Int32?
    private let lock: Int32
    private let cursorFile: Int32

    /// Opens a folder, and makes one if there is none.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` if it can't be used, or somebody else uses it.
    init(_ path: String) throws {
        var opened: [Int32] = []
        func open(_ name: String, _ flags: Int32) throws -> Int32 {
            let file = openFile(name, flags)
            guard file >= 0 else {
                let failure = StoreFailure(of: "open")
                for file in opened { close(file) }
                throw Self.unusable(path, failure)
            }
            opened.append(file)
            return file
        }
        let isNew = mkdir(path, 0o700) == 0
        descriptor = try open(path, O_RDONLY | O_DIRECTORY)
        parent = isNew ? try open("\(path)/..", O_RDONLY | O_DIRECTORY) : nil
        lock = try open("\(path)/lock", O_RDWR | O_CREAT)
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            for file in opened { close(file) }
            throw MessagingError(.invalidArgument, "somebody else uses the store in \(path)")
        }
        cursorFile = try open("\(path)/cursor", O_RDWR | O_CREAT)
        self.path = path
    }

    deinit {
        close(cursorFile)
        close(lock)
        close(descriptor)
        if let parent { close(parent) }
    }

    /// The folders that have to be on the disk for the store to be there: it, and that in which it was made.
    var descriptors: Set<Int32> { Set([descriptor, parent].compactMap { $0 }) }

    func unlock() { _ = flock(lock, LOCK_UN) }

    func unusable(_ failure: StoreFailure) -> MessagingError { Self.unusable(path, failure) }

    private static func unusable(_ path: String, _ failure: StoreFailure) -> MessagingError {
        MessagingError(.invalidArgument, "the store's folder \(path) can't be used: \(failure)")
    }

    // MARK: The segments

    /// No store comes that far; a greater number, in the name of a file or in the cursor, is none of a record.
    private static let greatestNumber = UInt64.max / 2

    /// The file of the segment whose first record has a number.
    func path(of first: UInt64) -> String {
        let digits = String(first)
        return "\(path)/\(String(repeating: "0", count: 20 - digits.count))\(digits).log"
    }

    /// The numbers of the segments' first records, and how large the files are; in order.
    var segments: [(first: UInt64, bytes: Int)] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var found: [(first: UInt64, bytes: Int)] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.utf8.count == 24, name.hasSuffix(".log"), let first = UInt64(name.prefix(20)),
                first <= Self.greatestNumber
            else { continue }
            var status = stat()
            found.append((first, stat("\(path)/\(name)", &status) == 0 ? Int(status.st_size) : 0))
        }
        return found.sorted { $0.first < $1.first }
    }

    func remove(_ first: UInt64) { unlink(path(of: first)) }

    // MARK: The cursor

    /// The number that was saved last; `nil` if there is none, or it was not written whole.
    var savedCursor: UInt64? {
        var bytes = [UInt8](repeating: 0, count: 12)
        guard pread(cursorFile, &bytes, 12, 0) == 12 else { return nil }
        var reader = RecordReader(bytes[...])
        guard let cursor: UInt64 = reader.number(), let checksum: UInt32 = reader.number() else { return nil }
        return CRC32.checksum(of: bytes[..<8]) == checksum && cursor <= Self.greatestNumber ? cursor : nil
    }

    /// Writes the cursor in place, which a full disk allows. If it is lost, messages that were done with are sent
    /// again.
    func save(cursor: UInt64) {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: cursor.littleEndian) { bytes += $0 }
        withUnsafeBytes(of: CRC32.checksum(of: bytes).littleEndian) { bytes += $0 }
        _ = pwrite(cursorFile, bytes, bytes.count, 0)
    }
}

private func openFile(_ name: String, _ flags: Int32) -> Int32 { open(name, flags | O_CLOEXEC, 0o600) }
