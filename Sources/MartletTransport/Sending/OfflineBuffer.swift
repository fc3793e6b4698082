public import DequeModule
public import Martlet
public import Synchronization

/// Keeps or drops messages without a guarantee while a connection has no link.
@usableFromInline
package final class OfflineBuffer<Element: Sendable>: Sendable {
    @usableFromInline
    package enum Outcome: Sendable, Hashable {
        /// It is to fail.
        case refused
        /// It, or an older one, was dropped.
        case dropped
        /// It is kept.
        case kept
    }

    @usableFromInline let policy: OfflinePolicy
    @usableFromInline let kept: Mutex<Deque<Element>>

    @inlinable
    package init(_ policy: OfflinePolicy) {
        self.policy = policy
        kept = Mutex([])
    }

    @inlinable deinit {}

    /// Whether anything may ever be kept.
    @inlinable package var keeps: Bool {
        if case .buffer(let limit) = policy { limit > 0 } else { false }
    }

    /// Whether nothing is kept.
    package var isEmpty: Bool { kept.withLock { $0.isEmpty } }

    /// Does with an element what the policy says.
    @inlinable
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

    /// Takes out the oldest that is kept; `nil` if there is none. A loop asks each time before it sends.
    @inlinable
    package func takeFirst() -> Element? {
        kept.withLock { $0.popFirst() }
    }
}
