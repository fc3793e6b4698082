#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads a segment's records, one after the other. Its calls block.
struct SegmentReader: ~Copyable {
    enum Step {
        /// The content of a record that is whole.
        case record(ArraySlice<UInt8>)
        /// Nothing follows, or a record whose end is missing.
        case end
        /// The record that follows has been changed; where the ones behind it begin can't be told.
        case broken
    }

    private let file: Int32
    private var buffer: [UInt8] = []
    /// Where in the buffer the next record begins, and where in the file the buffer ends.
    private var position = 0
    private var offset = 0
    /// How many bytes the records have that were read.
    private(set) var bytes = 0
    /// The number of the record that is read next.
    private(set) var number: UInt64
    /// The number of the segment's first record.
    let first: UInt64

    init(_ path: String, first: UInt64) throws(StoreFailure) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw StoreFailure(of: "open") }
        self.file = file
        self.first = first
        number = first
    }

    deinit { close(file) }

    mutating func next() throws(StoreFailure) -> Step {
        while true {
            switch SegmentScanner.step(buffer, at: position) {
            case .record(let content, let end):
                bytes += end - position
                position = end
                number += 1
                return .record(buffer[content])
            case .broken:
                return .broken
            case .needs:
                buffer.removeFirst(position)
                position = 0
                guard try fill() else { return .end }
            }
        }
    }

    /// Adds the next part of the file to the buffer; `false` at its end.
    private mutating func fill() throws(StoreFailure) -> Bool {
        let size = 256 << 10
        var result = 0
        let chunk = [UInt8](unsafeUninitializedCapacity: size) { memory, count in
            repeat {
                result = pread(file, memory.baseAddress, size, off_t(offset))
            } while result < 0 && errno == EINTR
            count = max(0, result)
        }
        guard result >= 0 else { throw StoreFailure(of: "pread") }
        offset += chunk.count
        buffer += chunk
        return !chunk.isEmpty
    }
}

/// Finds the records in the bytes of a segment. A pure value.
enum SegmentScanner {
    /// The result of looking for a record.
    enum Step: Sendable, Equatable {
        /// A record whose checksum is right: its content, and where the next one begins.
        case record(content: Range<Int>, next: Int)
        /// There are not enough bytes yet for the record: how many there have to be.
        case needs(Int)
        /// The record was not written whole, or has been changed.
        case broken
    }

    /// Looks for a record at a position in bytes.
    static func step(_ bytes: [UInt8], at position: Int) -> Step {
        var reader = RecordReader(bytes[min(position, bytes.count)...])
        guard let length: UInt32 = reader.number(), let checksum: UInt32 = reader.number() else {
            return .needs(position + StoredMessage.prefixBytes)
        }
        guard length > 0, length <= StoredMessage.maximumBytes else { return .broken }
        let begin = position + StoredMessage.prefixBytes
        let end = begin + Int(length)
        guard bytes.count >= end else { return .needs(end) }
        guard CRC32.checksum(of: bytes[begin..<end]) == checksum else { return .broken }
        return .record(content: begin..<end, next: end)
    }
}
