/// Where the links of a session read into, one after the other: what was read is taken over at once.
final class ScratchBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int = 64 << 10) {
        bytes = .allocate(byteCount: count, alignment: 16)
    }

    deinit {
        bytes.deallocate()
    }
}
