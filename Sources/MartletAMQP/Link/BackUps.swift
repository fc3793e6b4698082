import Synchronization

/// Whether a mailbox is full: what it tells comes in pairs, but not always in order.
final class BackUps: Sendable {
    private let count = Atomic(0)

    var isBackedUp: Bool { count.load(ordering: .sequentiallyConsistent) > 0 }
    func begin() { count.add(1, ordering: .sequentiallyConsistent) }
    func end() { count.subtract(1, ordering: .sequentiallyConsistent) }
}
