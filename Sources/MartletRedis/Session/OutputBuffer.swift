/// What is to be written to a socket: many commands in one piece. A pure value.
struct OutputBuffer {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: [UInt8]) {
        bytes.append(contentsOf: more)
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    /// So many bytes were written.
    mutating func consumed(_ count: Int) {
        start += count
        if start == bytes.count {
            start = 0
            // What one large message needed is not kept.
            bytes.removeAll(keepingCapacity: bytes.capacity <= 256 << 10)
        } else if start > 1 << 20 {
            bytes.removeFirst(start)
            start = 0
        }
    }
}
