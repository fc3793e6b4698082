#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads a segment's records, one after the other, and passes over what is none. Its calls block.
struct SegmentReader: ~Copyable {
    enum Step {
        /// The number and the content of a record that is whole.
        case record(UInt64, ArraySlice<UInt8>)
        /// None follows.
        case end
    }

    private let file: Int32
    private let disk: StoreDisk
    private var buffer: [UInt8] = []
    /// Where in the buffer the next record begins, and where in the file the buffer ends.
    private var position = 0
    private var offset = 0
    /// The number of the segment's first record.
    let first: UInt64
    /// The number after that of the record that was read last.
    private(set) var next: UInt64
    /// Whether there were bytes that are no record.
    private(set) var isDamaged = false
    /// Whether there were such bytes at its end.
    private(set) var endsDamaged = false
    /// How many bytes could not be read behind the last record.
    private(set) var unreadableBytes = 0
    /// Has what can't be read pass for damaged, rather than fail.
    var passesOverFailures = false

    init(_ folder: StoreFolder, first: UInt64, disk: StoreDisk) throws(StoreFailure) {
        file = try folder.openForReading(first)
        self.disk = disk
        self.first = first
        next = first
    }

    deinit { close(file) }

    /// - Parameter end: no record of this segment has that number, or a larger one.
    mutating func next(before end: UInt64) throws(StoreFailure) -> Step {
        while true {
            switch SegmentScanner.step(buffer, at: position) {
            case .record(let content, let behind):
                let number = StoreRecord.number(of: buffer[content]) ?? next
                guard number >= next, number < end else {
                    guard try passOver(before: end) else { return .end }
                    continue
                }
                position = behind
                next = number + 1
                unreadableBytes = 0
                return .record(number, buffer[content])
            case .broken:
                guard try passOver(before: end) else { return .end }
            case .needs:
                buffer.removeFirst(position)
                position = 0
                if try fill() { continue }
                guard !buffer.isEmpty, try passOver(before: end) else { return .end }
            }
        }
    }

    /// Looks for the record behind one that is none, which takes all of the file.
    private mutating func passOver(before end: UInt64) throws(StoreFailure) -> Bool {
        while try fill() {}
        isDamaged = true
        let version = StoredMessage.version
        guard next < end,
            let found = SegmentScanner.record(in: buffer, behind: position, numbers: next..<end, version: version)
        else {
            position = buffer.count
            endsDamaged = true
            return false
        }
        position = found
        return true
    }

    /// Adds the next part of the file to the buffer; `false` at its end.
    private mutating func fill() throws(StoreFailure) -> Bool {
        let size = passesOverFailures ? Self.page : 256 << 10
        var (result, code) = (0, Int32(0))
        let disk = disk
        let chunk = [UInt8](unsafeUninitializedCapacity: size) { memory, count in
            repeat {
                result = disk.read(file, UnsafeMutableRawBufferPointer(memory), offset)
                code = errno
            } while result < 0 && code == EINTR
            count = max(0, result)
        }
        if result < 0 {
            guard passesOverFailures else { throw StoreFailure(of: "read", code: code) }
            return try passOverPage()
        }
        offset += chunk.count
        buffer += chunk
        return !chunk.isEmpty
    }

    /// A page that can't be read holds no records, as one that has been changed; those around it may.
    private mutating func passOverPage() throws(StoreFailure) -> Bool {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw StoreFailure(of: "fstat") }
        let count = min(Int(status.st_size) - offset, Self.page - offset % Self.page)
        guard count > 0 else { return false }
        buffer += repeatElement(0, count: count)
        offset += count
        unreadableBytes += count
        return true
    }

    private static let page = 4_096
}
