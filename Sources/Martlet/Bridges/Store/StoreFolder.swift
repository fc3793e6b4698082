#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A store's folder, which nobody else uses meanwhile, and what lies in it: the lock, the cursor, the segments.
///
/// Its files are opened by their names in the folder that was opened once, and never through a symbolic link: whoever can
/// put one there can't have it write elsewhere.
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
    /// - Throws: ``MessagingError/Code/invalidArgument`` if it can't be used, or somebody else uses it or could.
    init(_ path: String) throws {
        var opened: [Int32] = []
        func keep(_ file: Int32) throws -> Int32 {
            guard file >= 0 else { throw Self.unusable(path, StoreFailure(of: "open")) }
            opened.append(file)
            return file
        }
        do {
            let isNew = mkdir(path, 0o700) == 0
            let folder = try keep(openFolder(path))
            try Self.checkOwner(of: folder, path)
            let parent = isNew ? try keep(openFolder("\(path)/..")) : nil
            let lock = try keep(openFile("lock", in: folder, O_RDWR | O_CREAT))
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
                throw MessagingError(.invalidArgument, "somebody else uses the store in \(path)")
            }
            cursorFile = try keep(openFile("cursor", in: folder, O_RDWR | O_CREAT))
            (descriptor, self.parent, self.lock) = (folder, parent, lock)
        } catch {
            for file in opened { close(file) }
            throw error
        }
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

    /// What others may write to a folder is theirs, whatever lies in it.
    private static func checkOwner(of folder: Int32, _ path: String) throws {
        var status = stat()
        guard fstat(folder, &status) == 0 else { throw unusable(path, StoreFailure(of: "fstat")) }
        let reason: String
        if status.st_uid != geteuid() {
            reason = "it belongs to the user \(status.st_uid), and this process to \(geteuid())"
        } else if status.st_mode & S_IWOTH != 0 {
            reason = "everybody may write to it"
        } else {
            return
        }
        throw MessagingError(.invalidArgument, "the store's folder \(path) can't be used: \(reason)")
    }

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
        let file = openFile(name(of: first), in: descriptor, flags)
        guard file >= 0 else { throw StoreFailure(of: "open") }
        return file
    }

    /// The numbers of the segments' first records, and how large the files are; in order.
    var segments: [(first: UInt64, bytes: Int)] {
        names.compactMap { name in
            guard name.utf8.count == 24, name.hasSuffix(".log"), let first = UInt64(name.prefix(20)),
                first < StoredMessage.endOfNumbers
            else { return nil }
            return (first, size(of: name))
        }.sorted { $0.first < $1.first }
    }

    private var names: [String] {
        // One of its own: what reads a folder also moves on in it.
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { return [] }
        guard let directory = fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.append(name)
        }
        return names
    }

    private func size(of name: String) -> Int {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? Int(status.st_size) : 0
    }

    func remove(_ first: UInt64) { unlinkat(descriptor, name(of: first), 0) }

    /// Gives a segment that has been damaged a name by which no store reads it; it is there for people to look at.
    func putAside(_ first: UInt64) {
        let name = name(of: first)
        var aside = name + Self.aside
        var status = stat()
        var count = 1
        while count < 1_000, fstatat(descriptor, aside, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            aside = "\(name).\(count)\(Self.aside)"
            count += 1
        }
        renameat(descriptor, name, descriptor, aside)
    }

    /// Deletes the oldest of the files that were put aside, as far as all of them have more bytes than they may.
    func limitAside(to limit: Int) {
        let files = names.filter { $0.hasSuffix(Self.aside) }.sorted().map { ($0, size(of: $0)) }
        var bytes = files.reduce(0) { $0 + $1.1 }
        for (name, size) in files where bytes > limit {
            unlinkat(descriptor, name, 0)
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
        withUnsafeBytes(of: CRC32.checksum(of: bytes).littleEndian) { bytes += $0 }
        _ = pwrite(cursorFile, bytes, bytes.count, 0)
    }
}

private func openFolder(_ path: String) -> Int32 { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }

/// Opens a file of a folder. Anything but a file that is there itself is an error: a link, a device, a pipe.
private func openFile(_ name: String, in folder: Int32, _ flags: Int32) -> Int32 {
    let file = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
    guard file >= 0 else { return file }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink <= 1 else {
        close(file)
        errno = EINVAL
        return -1
    }
    return file
}
