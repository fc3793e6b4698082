import MartletTransport
import Synchronization

/// Whether a mailbox is full: what it tells comes in pairs, but not always in order.
///
/// The broker knows how many messages it may send ahead, and not how large they may be. Where too many bytes wait outside
/// the mailbox the socket is read no further.
final class BackUps: Sendable {
    private struct Outside {
        var bytes = 0
        var holdsGate = false
    }

    private let count = Atomic(0)
    private let outside = Mutex(Outside())
    private let maximumBytes: Int
    private let gate: FlowGate

    init(maximumBytes: Int, gate: FlowGate) {
        self.maximumBytes = maximumBytes
        self.gate = gate
    }

    var isBackedUp: Bool { count.load(ordering: .sequentiallyConsistent) > 0 }
    func begin() { count.add(1, ordering: .sequentiallyConsistent) }

    func end() {
        count.subtract(1, ordering: .sequentiallyConsistent)
        release()
    }

    /// A message of so many bytes waits outside the mailbox.
    func add(bytes: Int) {
        let isFull = outside.withLock { outside in
            outside.bytes += bytes
            guard outside.bytes >= maximumBytes, !outside.holdsGate else { return false }
            outside.holdsGate = true
            return true
        }
        guard isFull else { return }
        gate.hold()
        // It may have room again since.
        if !isBackedUp { release() }
    }

    private func release() {
        let heldGate = outside.withLock { outside in
            defer { outside = Outside() }
            return outside.holdsGate
        }
        if heldGate { gate.letGo() }
    }
}
