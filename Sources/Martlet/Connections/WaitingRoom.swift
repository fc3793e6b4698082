public import DequeModule

/// Producers that wait for room, in the order of their arrival, each with the element that it wants to bring in.
///
/// It is part of a state under a lock. A producer parks its element under the lock, lets go of it, and then calls
/// ``wait(for:in:isolation:)``. In between, the element may be let in or taken back: the room remembers that until the
/// producer asks.
@usableFromInline
package struct WaitingRoom<Element: Sendable>: Sendable {
    @usableFromInline package typealias Producer = CheckedContinuation<Void, any Error>

    @usableFromInline
    package struct Parked: Sendable {
        @usableFromInline package let id: UInt64
        @usableFromInline package var element: Element
        /// `nil` while its producer has not begun to wait.
        @usableFromInline package var continuation: Producer?

        @inlinable
        init(id: UInt64, element: Element) {
            self.id = id
            self.element = element
            continuation = nil
        }
    }

    @usableFromInline var parked: Deque<Parked>
    @usableFromInline var lastID: UInt64
    /// Errors for producers that have not begun to wait, by the place of their element.
    @usableFromInline var untold: [UInt64: any Error]
    @usableFromInline var isOpen: Bool

    @inlinable
    package init() {
        parked = []
        lastID = 0
        untold = [:]
        isOpen = true
    }

    @inlinable package var isEmpty: Bool { parked.isEmpty }
    @inlinable package var count: Int { parked.count }
    /// The element that has waited longest.
    @inlinable package var first: Element? { parked.first?.element }

    @inlinable
    package mutating func park(_ element: Element) -> UInt64 {
        lastID += 1
        parked.append(Parked(id: lastID, element: element))
        return lastID
    }

    /// Parks an element under a number of the caller's own, which is greater than all before it.
    package mutating func park(_ element: Element, as id: UInt64) {
        lastID = id
        parked.append(Parked(id: id, element: element))
    }

    package func contains(id: UInt64) -> Bool { index(of: id) != nil }

    /// Takes out the element that has waited longest. The caller resumes its continuation, if it has one yet.
    @inlinable
    package mutating func popFirst() -> Parked? {
        parked.popFirst()
    }

    /// Takes out an element whose producer gave up. The caller resumes its continuation, if it has one yet.
    package mutating func remove(id: UInt64) -> Parked? {
        guard let index = index(of: id) else { return nil }
        return parked.remove(at: index)
    }

    /// Drops an element, whose producer is to get the error. The caller resumes its continuation with it, if it has one yet.
    package mutating func fail(id: UInt64, _ error: any Error) -> Parked? {
        let failed = remove(id: id)
        if let failed, failed.continuation == nil { untold[id] = error }
        return failed
    }

    /// Takes out the elements that satisfy a condition, such as having expired.
    package mutating func removeAll(where condition: (Element) -> Bool) -> [Parked] {
        var removed: [Parked] = []
        for entry in parked where condition(entry.element) { removed.append(entry) }
        if !removed.isEmpty { parked.removeAll { condition($0.element) } }
        return removed
    }

    package func min<Key: Comparable>(of key: (Element) -> Key?) -> Key? {
        parked.compactMap { key($0.element) }.min()
    }

    /// Lets all producers go on, now and later. Their elements stay.
    ///
    /// - Returns: those that wait, to be resumed.
    package mutating func letAllGo() -> [Producer] {
        isOpen = false
        var waiting: [Producer] = []
        for index in parked.indices {
            if let continuation = parked[index].continuation.take() { waiting.append(continuation) }
        }
        return waiting
    }

    /// Drops all elements. Their producers fail with the error.
    ///
    /// - Returns: those that wait, to be resumed with it.
    package mutating func failAll(_ error: any Error) -> [Producer] {
        let failed = parked
        parked = []
        for entry in failed where entry.continuation == nil { untold[entry.id] = error }
        return failed.compactMap(\.continuation)
    }

    /// Whether the element is still parked, and the continuation therefore kept.
    package mutating func attach(_ continuation: Producer, to id: UInt64) -> Bool {
        guard let index = index(of: id) else { return false }
        parked[index].continuation = continuation
        return true
    }

    private func index(of id: UInt64) -> Int? {
        var low = 0
        var high = parked.count
        while low < high {
            let middle = (low + high) / 2
            if parked[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < parked.count && parked[low].id == id ? low : nil
    }
}

extension WaitingRoom {
    /// Runs its argument with the room, under the lock that guards it.
    package typealias Access = @Sendable (_ body: (inout WaitingRoom) -> Void) -> Void

    /// Waits until a parked element is let in. To be called once for each ``park(_:)``.
    ///
    /// - Throws: the error of ``failAll(_:)``; `CancellationError` if the task is cancelled before the element is let in;
    ///   ``MessagingError/Code/timeout`` if the limit passes before. In the latter two cases the element is taken back.
    package static func wait(
        for id: UInt64,
        limit: WaitLimit? = nil,
        in access: @escaping Access,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        let timer = limit?.schedule { error in takeBack(id, throwing: error, in: access) }
        defer { if let timer { limit?.timers.cancel(timer) } }
        try await withTaskCancellationHandler {
            // Captured, it makes this run where the caller runs.
            _ = isolation
            try await withCheckedThrowingContinuation { continuation in
                // What a taken back element holds may do something as it goes: so it goes outside the lock.
                var (result, withdrawn): (Result<Void, any Error>?, Parked?) = (nil, nil)
                access { room in (result, withdrawn) = room.begin(continuation, for: id) }
                withExtendedLifetime(withdrawn) {}
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            takeBack(id, throwing: CancellationError(), in: access)
        }
    }

    private static func takeBack(_ id: UInt64, throwing error: any Error, in access: Access) {
        var withdrawn: Parked?
        access { room in
            // A producer that was let go on leaves its element.
            guard room.isOpen else { return }
            withdrawn = room.fail(id: id, error)
        }
        withdrawn?.continuation?.resume(throwing: error)
    }

    /// - Returns: how the wait ends at once, if it does; and the element, if it was taken back.
    private mutating func begin(_ continuation: Producer, for id: UInt64) -> (Result<Void, any Error>?, Parked?) {
        if let error = untold.removeValue(forKey: id) { return (.failure(error), nil) }
        guard isOpen else { return (.success(()), nil) }
        if Task.isCancelled, let withdrawn = remove(id: id) { return (.failure(CancellationError()), withdrawn) }
        return (attach(continuation, to: id) ? nil : .success(()), nil)
    }
}
