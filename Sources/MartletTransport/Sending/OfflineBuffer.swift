import DequeModule
package import Martlet
import Synchronization

/// What becomes of messages without a guarantee while a connection has no link.
package final class OfflineBuffer<Element: Sendable>: Sendable {
    package enum Outcome: Sendable, Hashable {
        /// It is to fail.
        case refused
        /// It, or an older one, was dropped.
        case dropped
        /// It is kept.
        case kept
    }

    private let policy: OfflinePolicy
    private let kept = Mutex<Deque<Element>>([])

    package init(_ policy: OfflinePolicy) {
        self.policy = policy
    }

    /// Whether anything may ever be kept.
    package var keeps: Bool {
        if case .buffer(let limit) = policy { limit > 0 } else { false }
    }

    /// Whether nothing is kept.
    package var isEmpty: Bool { kept.withLock { $0.isEmpty } }

    /// Does with an element what the policy says.
    package func add(_ element: Element) -> Outcome {
        switch policy {
        case .fail:
            return .refused
        case .drop:
            return .dropped
        case .buffer(let limit):
            guard limit > 0 else { return .dropped }
            let oldest: Element? = kept.withLock { kept in
                kept.append(element)
                return kept.count > limit ? kept.removeFirst() : nil
            }
            return oldest == nil ? .kept : .dropped
        }
    }

    /// The oldest that is kept; `nil` if there is none.
    package func takeFirst() -> Element? {
        kept.withLock { $0.popFirst() }
    }
}
