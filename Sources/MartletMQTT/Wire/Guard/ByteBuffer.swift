/// Bytes on their way: put in at the end, taken out at the front, in one piece of memory. What is not used of it costs nothing,
/// and it grows with what is in it.
final class ByteBuffer {
    /// What one large message needed is not kept.
    private static let kept = 256 << 10

    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var start = 0
    private var end = 0

    deinit { memory.deallocate() }

    var isEmpty: Bool { end == start }

    /// What is in it, until it is changed.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[start..<end]) }

    /// Room at the end, for so many bytes at least.
    func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        if memory.count - end < count { makeRoom(for: count) }
        return UnsafeMutableRawBufferPointer(rebasing: memory[end...])
    }

    /// So many bytes have been written into the room.
    func wasFilled(_ count: Int) { end += count }

    func append(_ bytes: UnsafeRawBufferPointer) {
        room(for: bytes.count).copyMemory(from: bytes)
        end += bytes.count
    }

    func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    /// So many bytes at the front are not needed any more.
    func consume(_ count: Int) {
        start += count
        if start == end { removeAll() }
    }

    func removeAll() {
        (start, end) = (0, 0)
        guard memory.count > Self.kept else { return }
        memory.deallocate()
        memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    private func makeRoom(for count: Int) {
        let used = bytes
        // The room at the front is enough where it is the greater part, so that each byte is moved once or twice.
        if memory.count >= used.count + count, start >= used.count {
            memory.copyMemory(from: used)
        } else {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: used.count + max(count, used.count),
                alignment: 1
            )
            larger.copyMemory(from: used)
            memory.deallocate()
            memory = larger
        }
        (start, end) = (0, used.count)
    }
}
