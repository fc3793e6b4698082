import Martlet

/// The readers that are about to leave what the broker keeps, and whether the socket is read after that. A pure value.
///
/// The library acknowledges whatever it reads. So when a program stops, its readers go on to take what is read until nothing
/// is read any more: then all the rest is with the broker. A program that goes on without its readers has the socket read
/// again after a while.
struct LeavingReaders {
    /// How long a reader that has finished waits for the others, and for answers of the broker.
    static let patience = Duration.milliseconds(500)
    /// For how long nothing is read after the last one has left.
    static let rest = Duration.seconds(30)

    private var readers: [Int: (receiver: Receiver, deadline: Duration)] = [:]
    private var heldUntil: Duration?

    var isEmpty: Bool { readers.isEmpty && heldUntil == nil }

    /// When there is something to do, if nothing happens before.
    var deadline: Duration? { ([heldUntil] + readers.values.map(\.deadline)).compactMap { $0 }.min() }

    func contains(_ member: Int) -> Bool { readers[member] != nil }

    mutating func add(_ member: Int, _ receiver: Receiver, at now: Duration) {
        if readers[member] == nil { readers[member] = (receiver, now + Self.patience) }
    }

    mutating func remove(_ member: Int) {
        readers[member] = nil
    }

    /// The last reader has left.
    mutating func hold(at now: Duration) {
        heldUntil = now + Self.rest
    }

    /// Whether the socket rests.
    mutating func holds(at now: Duration) -> Bool {
        if let heldUntil, now >= heldUntil { self.heldUntil = nil }
        return heldUntil != nil
    }

    /// Those that have nothing to wait for any more.
    ///
    /// - Parameter isQuiet: whether nothing is read.
    mutating func takeGone(at now: Duration, isQuiet: Bool) -> [(member: Int, receiver: Receiver)] {
        let gone = readers.filter { isQuiet || $0.value.deadline <= now }
        for member in gone.keys { readers[member] = nil }
        return gone.map { ($0.key, $0.value.receiver) }
    }
}
