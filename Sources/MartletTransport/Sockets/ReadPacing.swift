/// Whether what comes over a socket is worth being waited for a moment: bytes that come together cost one look at the socket and
/// one wake-up of their reader, and not as many as there are messages. A pure value.
///
/// Many small reads in quick succession, with nothing written in between, are a flood that nobody waits for. From then on its
/// reader pauses before it reads on, as long as that brings more at once. Whoever asks and waits for an answer has written: that
/// ends the flood, and only as many small reads again make another. An answer that comes amid one is late by a pause at most.
struct ReadPacing {
    /// As many bytes at once are not waited for: there are many messages among them already.
    private static let small = 8_192
    /// How quickly one follows the other. A pause takes about twice that; see `SystemThread.pause()`.
    private static let gap = Duration.microseconds(30)
    /// How many small reads make a flood.
    private static let floods = 32

    private var last: ContinuousClock.Instant?
    private var reads = 0
    private var bytes = 0

    /// Whether its reader pauses before it reads on.
    private(set) var pauses = false

    mutating func read(_ count: Int, at now: ContinuousClock.Instant) {
        defer { last = now }
        if pauses {
            // At least twice as many as without a pause.
            if count >= Self.small || count < 2 * bytes / Self.floods { reset() }
            return
        }
        guard count < Self.small, let last, now - last < Self.gap else { return reset() }
        reads += 1
        bytes += count
        pauses = reads == Self.floods
    }

    mutating func wrote() { reset() }

    private mutating func reset() {
        (reads, bytes, pauses) = (0, 0, false)
    }
}
