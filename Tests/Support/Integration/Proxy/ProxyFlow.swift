/// The bytes of one direction of one connection that have been read and not yet passed on.
struct ProxyFlow {
    private struct Chunk {
        var bytes: ArraySlice<UInt8>
        var due: ContinuousClock.Instant
    }

    /// How many bytes may wait. Beyond that the sender is not read from, and so waits, too.
    private static let capacity = 1 << 20

    private var chunks: [Chunk] = []
    private var size = 0
    /// Whether the sender has said that nothing more comes.
    var isEnded = false
    /// Whether the receiver has been told so.
    var isDone = false
    /// How the connection ends as soon as all bytes here have been passed on; `nil`: not yet.
    var finalCut: ProxyCut?

    var isEmpty: Bool { chunks.isEmpty }

    /// Whether more may be read from the sender.
    var hasRoom: Bool { !isEnded && finalCut == nil && size < Self.capacity }

    /// When the next bytes are to be passed on; `nil` if there are none, or they are due already.
    func nextDue(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        chunks.first.flatMap { $0.due > now ? $0.due : nil }
    }

    mutating func append(_ bytes: ArraySlice<UInt8>, due: ContinuousClock.Instant) {
        guard !bytes.isEmpty else { return }
        // Only the first chunk is ever looked at, so that a shorter delay than before lets no bytes overtake others.
        chunks.append(Chunk(bytes: bytes, due: due))
        size += bytes.count
    }

    /// The bytes to pass on next, if they are due.
    func next(at now: ContinuousClock.Instant) -> ArraySlice<UInt8>? {
        chunks.first.flatMap { $0.due <= now ? $0.bytes : nil }
    }

    /// Says that `count` of the next bytes have been passed on.
    mutating func drop(_ count: Int) {
        guard !chunks.isEmpty else { return }
        size -= count
        chunks[0].bytes = chunks[0].bytes.dropFirst(count)
        if chunks[0].bytes.isEmpty { chunks.removeFirst() }
    }
}
