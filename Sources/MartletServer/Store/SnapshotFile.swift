import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes a snapshot beside a log. It counts when it is whole and on the disk: then it gets its name. Its calls block.
struct SnapshotFile: ~Copyable {
    private let folder: LockedFolder
    private let disk: StoreDisk
    private let generation: Int
    private let time: Int64
    private let file: Int32
    private var number: UInt64 = 1
    private(set) var bytes = 0

    /// - Parameters:
    ///   - generation: the number of the log that goes on from it.
    ///   - time: when what it holds was so, in nanoseconds since 1970.
    init(_ folder: LockedFolder, _ disk: StoreDisk, generation: Int, time: Int64) throws(StoreFailure) {
        folder.remove(StoreContents.unfinished(generation))
        file = try folder.open(StoreContents.unfinished(generation), O_RDWR | O_APPEND | O_CREAT | O_EXCL)
        (self.folder, self.disk, self.generation, self.time) = (folder, disk, generation, time)
    }

    deinit {
        close(file)
        folder.remove(StoreContents.unfinished(generation))
    }

    mutating func write(_ entries: [UInt8]) throws(StoreFailure) {
        let record = LogRecord(number: number, time: time, certain: 0, entries: entries).bytes
        try disk.writeAll(record, to: file)
        number += 1
        bytes += record.count
    }

    /// Gives it its name, and removes what it takes the place of.
    ///
    /// - Parameter next: the number of the log's first record.
    mutating func finish(next: UInt64) throws(StoreFailure) {
        var writer = EntryWriter(WallTime(.zero, is: 0))
        writer.end(next: next)
        try write(writer.bytes)
        try disk.force([file])
        try folder.rename(StoreContents.unfinished(generation), to: StoreContents.snapshot(generation))
        try disk.force([folder.descriptor])
        // Those that stay because the folder can't be listed are removed with the next one, or by the next start.
        for name in (try? folder.names()) ?? [] {
            for kind in ["snapshot-", "log-"] where name.hasPrefix(kind) {
                if let number = Int(name.dropFirst(kind.count)), number < generation { folder.remove(name) }
            }
        }
    }
}
