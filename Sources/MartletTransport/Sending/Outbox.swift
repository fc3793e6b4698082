/// What tasks have given a connection to send and its loop has not yet taken: bounded, many producers, one taker.
///
/// So a publish costs a lock and no hop to the loop's thread, which is woken only by the first element. The loop takes
/// all that waits at once. A producer that finds the outbox full waits, in its turn, until it has: what is in memory is at
/// most twice the limit, once taken and once waiting.
package final class Outbox<Element: Sendable>: Sendable {
    private final class Parcel: OutboxCore.Parcel, @unchecked Sendable {
        // Proof: a sendable constant is all it has.
        let element: Element

        init(_ element: Element) {
            self.element = element
        }
    }

    private let core: OutboxCore

    /// - Parameters:
    ///   - limit: how many elements may wait.
    ///   - maximumBytes: how many bytes may wait; one element may always be larger.
    ///   - wake: called, outside the lock, when there is something to take and was not before.
    package init(limit: Int, maximumBytes: Int, wake: @escaping @Sendable () -> Void) {
        core = OutboxCore(limit: limit, maximumBytes: maximumBytes, wake: wake)
    }

    /// How many elements wait, in the outbox or for room in it. For the loop alone.
    package var count: Int { core.count }

    /// Puts an element in, once there is room. Elements that one task puts in stay in order.
    ///
    /// - Throws: the error the outbox was closed with; `CancellationError` while it waits for room, and then the
    ///   element is not taken.
    package func put(_ element: Element, bytes: Int) async throws {
        guard let place = try core.offer(Parcel(element), bytes: bytes) else { return }
        try await core.waitForRoom(place)
    }

    /// The element that has waited longest; `nil` if none waits. For the loop alone.
    package func takeFirst() -> Element? {
        core.takeFirst().map(Self.element)
    }

    /// Takes out, wherever they are in the order, all elements that satisfy a condition. For the loop alone.
    package func removeAll(where condition: (Element) -> Bool) -> [Element] {
        core.removeAll { condition(Self.element(of: $0)) }.map(Self.element)
    }

    /// Ends it: producers that wait throw the error, as later ones do. For the loop alone.
    ///
    /// - Returns: what was waiting.
    package func close(_ error: any Error) -> [Element] {
        core.close(error).map(Self.element)
    }

    /// What a parcel of this outbox holds: it makes no others.
    private static func element(of parcel: OutboxCore.Parcel) -> Element {
        unsafeDowncast(parcel, to: Parcel.self).element
    }
}
