import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The files of a broker's store: a log that is written to, and the snapshot that it goes on from. Its calls block; it is used by
/// one thread at a time.
struct StoreLog: ~Copyable, Sendable {
    /// A file that is nothing but room: it is given up when the disk is full, so that what has been begun can be written.
    static let reserve = "reserve"

    let folder: LockedFolder
    let disk: StoreDisk
    private let isForced: Bool
    private let reserveBytes: Int
    /// The log that is written to.
    private(set) var generation: Int
    private var file: Int32
    /// The number of the next record.
    private(set) var next: UInt64
    /// How many bytes of the log are records, and how many of these are on the disk for certain.
    private(set) var bytes: Int
    private var certain: Int
    /// Whether what was written last may not be there: then only a snapshot makes it certain.
    private(set) var isBroken = false
    private(set) var hasReserve = false

    /// Opens a folder, and makes one if there is none.
    ///
    /// - Parameters:
    ///   - isForced: whether each record is forced onto the disk.
    ///   - empty: what a store without files holds.
    ///   - contents: what the store holds.
    /// - Throws: `MessagingError.Code.invalidArgument` if it can't be used, if somebody else uses it, or if a file is damaged.
    init(
        _ path: String,
        disk: StoreDisk = .system,
        isForced: Bool,
        reserveBytes: Int = 4 << 20,
        _ empty: StoreImage,
        contents: inout StoreContents?
    ) throws {
        let folder = try LockedFolder(path)
        let found = try StoreContents(of: folder, on: disk, empty)
        var opened: Int32 = -1
        do throws(StoreFailure) {
            opened = try folder.open(StoreContents.log(found.generation), O_RDWR | O_APPEND | O_CREAT)
            // Or the next record would stand behind what is none.
            if found.cutBytes > 0, ftruncate(opened, off_t(found.logBytes)) != 0 {
                throw StoreFailure(of: "ftruncate")
            }
            try disk.force([opened] + folder.descriptors)
        } catch {
            if opened >= 0 { close(opened) }
            throw folder.unusable(error)
        }
        contents = found
        self.init(folder, disk, opened, found, isForced: isForced, reserveBytes: reserveBytes)
    }

    private init(
        _ folder: LockedFolder,
        _ disk: StoreDisk,
        _ file: Int32,
        _ found: StoreContents,
        isForced: Bool,
        reserveBytes: Int
    ) {
        (self.folder, self.disk, self.isForced, self.reserveBytes) = (folder, disk, isForced, reserveBytes)
        (self.file, generation, next, bytes) = (file, found.generation, found.next, found.logBytes)
        certain = found.logBytes
        for name in found.old { folder.remove(name) }
        makeReserve()
    }

    deinit { close(file) }

    /// Lets somebody else use the folder.
    func unlock() { folder.unlock() }

    // MARK: Writing

    /// Writes a record. If the disk is full, the reserve is given up for it.
    ///
    /// - Throws: why it is not there; then nothing of it is. If the disk is full, it can be written later; otherwise the log is
    ///   broken.
    mutating func append(_ entries: [UInt8], time: Int64) throws(StoreFailure) {
        let record = LogRecord(number: next, time: time, certain: certain, entries: entries).bytes
        do throws(StoreFailure) {
            try write(record)
        } catch {
            guard error.isFull, hasReserve else { throw error }
            giveUpReserve()
            try write(record)
        }
        next += 1
        if isForced, !entries.isEmpty { try sync() }
    }

    private mutating func write(_ record: [UInt8]) throws(StoreFailure) {
        do throws(StoreFailure) {
            try disk.writeAll(record, to: file)
            bytes += record.count
        } catch {
            let isWhole = ftruncate(file, off_t(bytes)) == 0
            if !isWhole || !error.isFull { isBroken = true }
            throw error
        }
    }

    /// Forces what was written onto the disk.
    ///
    /// - Throws: then the log is broken: the system may take its copy in memory for clean, so that the next `fsync` succeeds without
    ///   having written anything.
    mutating func sync() throws(StoreFailure) {
        guard certain < bytes || isBroken else { return }
        isBroken = true
        try disk.force([file])
        certain = bytes
        isBroken = false
    }

    var isCertain: Bool { certain == bytes }

    /// From now on only a snapshot tells what there is.
    mutating func breaks() { isBroken = true }

    // MARK: Another log

    /// Goes on with another log, whose snapshot is still to come or has just been written.
    ///
    /// - Parameter isReplacing: whether the snapshot is there, so that nothing depends on what was written before.
    mutating func begin(isReplacing: Bool) throws(StoreFailure) {
        if !isReplacing { try sync() }
        let other = try folder.open(StoreContents.log(generation + 1), O_RDWR | O_APPEND | O_CREAT | O_TRUNC)
        close(file)
        (file, generation, bytes, certain) = (other, generation + 1, 0, 0)
        isBroken = true
        try disk.force([other, folder.descriptor])
        isBroken = false
    }

    // MARK: The reserve

    /// Takes room for when the disk is full, unless it has some.
    ///
    /// - Returns: whether it has.
    @discardableResult
    mutating func makeReserve() -> Bool {
        guard !hasReserve else { return true }
        do throws(StoreFailure) {
            let file = try folder.open(Self.reserve, O_RDWR | O_APPEND | O_CREAT)
            defer { close(file) }
            let zeros = [UInt8](repeating: 0, count: 64 << 10)
            for _ in 0..<max(0, reserveBytes - (try folder.size(of: Self.reserve))) / zeros.count {
                try disk.writeAll(zeros, to: file)
            }
            hasReserve = true
        } catch {
            folder.remove(Self.reserve)
        }
        return hasReserve
    }

    private mutating func giveUpReserve() {
        folder.remove(Self.reserve)
        hasReserve = false
    }
}

extension StoreDisk {
    /// Forces files or folders onto the disk.
    func force(_ files: [Int32]) throws(StoreFailure) {
        for file in files {
            guard sync(file) == 0 else { throw StoreFailure(of: "fsync") }
        }
    }

    /// Writes all bytes.
    func writeAll(_ bytes: [UInt8], to file: Int32) throws(StoreFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(file, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StoreFailure(of: "write") }
            written += count
        }
    }
}
