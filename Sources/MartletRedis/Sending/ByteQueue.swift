/// Bytes on their way: put in at the end, taken out at the front, in one piece of memory that is kept. A pure value.
struct ByteQueue: Sendable {
    /// As many as there is room for; those outside `start..<end` mean nothing.
    private var storage: [UInt8] = []
    private var start = 0
    private var end = 0

    /// What one large message needed is not kept. What a flood needs is: to ask for it again with each batch takes longer
    /// than to fill it.
    private static let kept = 9 << 18

    var count: Int { end - start }
    var isEmpty: Bool { end == start }

    /// Has `body` write exactly so many bytes at the end.
    mutating func append(_ count: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
        guard count > 0 else { return }
        if storage.count - end < count { makeRoom(for: count) }
        storage.withUnsafeMutableBytes { bytes in
            // There is room for one byte at least, so that there is memory.
            body(bytes.baseAddress.unsafelyUnwrapped + end)
        }
        end += count
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        append(bytes.count) { $0.copyMemory(from: source, byteCount: bytes.count) }
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// The first so many bytes, or all.
    func withUnsafeBytes<Result>(
        first count: Int? = nil,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try storage.withUnsafeBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[start..<(count.map { min(end, start + $0) } ?? end)]))
        }
    }

    /// The first so many bytes are not needed any more.
    mutating func consume(_ count: Int) {
        start = min(end, start + count)
        if start == end { removeAll() }
    }

    mutating func removeAll() {
        start = 0
        end = 0
        if storage.count > Self.kept { storage = [] }
    }

    private mutating func makeRoom(for count: Int) {
        let used = self.count
        // What is taken out at the front is made use of when that is the greater part: so each byte is moved once or twice.
        guard storage.count < used + count || start < used else {
            storage.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                base.copyMemory(from: base + start, byteCount: used)
            }
            (start, end) = (0, used)
            return
        }
        var larger = [UInt8](repeating: 0, count: max(4_096, 2 * (used + count)))
        larger.withUnsafeMutableBytes { target in
            storage.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
        }
        storage = larger
        (start, end) = (0, used)
    }
}
