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

    /// Adds to the buffer what comes next in the file; `false` at its end.
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
