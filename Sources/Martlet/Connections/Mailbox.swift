public import DequeModule
public import Synchronization

/// Where a subscription's messages wait for their reader: bounded, many producers, one reader.
///
/// Producers offer under a lock and never suspend in it; a producer that finds the mailbox full under
/// `.suspend` leaves its element parked and waits outside. The reader takes everything that waits at once, so
/// the lock is taken once a batch and the reader is woken once a batch.
///
/// A producer that can't wait, such as a thread that reads a socket, leaves its elements parked and stops taking more
/// in until there is room again. `onFull` and `onRoom` tell it when: always in pairs, from whatever thread, outside
/// the lock. Two calls that come close together may come in the other order, so whoever counts them counts below
/// zero for a moment.
///
/// All that is called for each message is inlinable: other modules specialise it for their elements.
@usableFromInline
package final class Mailbox<Element: Sendable>: Sendable {
    @usableFromInline
    package enum Offer: Sendable {
        case accepted
        case dropped
        /// Nobody reads any more.
        case closed
        /// The element waits outside; see ``Mailbox/waitUntilAdmitted(_:)``.
        case parked(UInt64)

        /// Whether there is something for the reader.
        @inlinable var isIn: Bool {
            switch self {
            case .accepted, .dropped: true
            case .closed, .parked: false
            }
        }
    }

    /// A reader that sleeps. It is taken out of the state under the lock, and so resumed once.
    @usableFromInline package typealias Reader = UnsafeContinuation<Void, Never>
    @usableFromInline typealias Room = WaitingRoom<(Element, TopicName)>

    @usableFromInline
    struct State {
        @usableFromInline var buffer: MailboxBuffer<Element>
        @usableFromInline var parked: Room
        /// Unsafe, as the layout of a checked one is known at run time only, and each access to the state would ask for it.
        @usableFromInline var reader: Reader?
        @usableFromInline var end: End?
        /// Whether it was reported full and not yet that there is room again.
        @usableFromInline var isReportedFull: Bool

        @inlinable
        init(_ buffer: MailboxBuffer<Element>) {
            self.buffer = buffer
            parked = Room()
            reader = nil
            end = nil
            isReportedFull = false
        }

        /// - Returns: whether it is to be reported full.
        @inlinable
        mutating func turnsFull() -> Bool {
            guard !isReportedFull else { return false }
            isReportedFull = true
            return true
        }

        /// - Returns: whether it is to be reported that there is room: nobody waits outside and it is at most half full, so
        ///   that it does not become full again at once; or nothing comes in any more.
        @inlinable
        mutating func turnsRoomy() -> Bool {
            guard isReportedFull, end != nil || (parked.isEmpty && buffer.isRoomy) else {
                return false
            }
            isReportedFull = false
            return true
        }

        /// Lets in the elements that wait outside, as far as there is room.
        @inlinable
        mutating func admitParked() -> [Room.Producer] {
            guard !parked.isEmpty else { return [] }
            var admitted: [Room.Producer] = []
            while buffer.hasRoom, let next = parked.popFirst() {
                _ = buffer.admit(next.element.0, topic: next.element.1)
                if let continuation = next.continuation { admitted.append(continuation) }
            }
            return admitted
        }
    }

    @usableFromInline
    struct End {
        @usableFromInline let error: (any Error)?

        @inlinable
        init(error: (any Error)?) {
            self.error = error
        }
    }

    /// After how many elements a reader lets others run: one for whom there is always something would otherwise never
    /// suspend, and hold its thread for ever.
    @inlinable static var turn: Int { 1_024 }

    /// Whether a reader is to wait for more than one element at a time.
    @usableFromInline let fillsBatches: Bool
    @usableFromInline let state: Mutex<State>
    /// Whether there is something to take, or nothing will come any more. Set under the lock.
    @usableFromInline let isReady: Atomic<Bool>
    /// Whether elements come close together: several were there when the reader last took some.
    @usableFromInline let isDense: Atomic<Bool>
    /// How many the reader has taken since it last let others run.
    @usableFromInline let taken: Atomic<Int>
    @usableFromInline let onFull: (@Sendable () -> Void)?
    @usableFromInline let onRoom: (@Sendable () -> Void)?
    @usableFromInline let onWait: (@Sendable () -> Void)?

    /// - Parameters:
    ///   - weight: how much its elements may weigh together; `nil`: they are only counted.
    ///   - onFull: called when the first element is parked.
    ///   - onRoom: called once after each `onFull`: when nothing is parked any more and the mailbox is at most half full,
    ///     or has ended.
    ///   - onWait: called, outside the lock, each time that the reader begins to wait, since there is nothing for it.
    @inlinable
    package init(
        limit: Int,
        overflow: Overflow = .suspend,
        weight: MailboxWeight<Element>? = nil,
        onFull: (@Sendable () -> Void)? = nil,
        onRoom: (@Sendable () -> Void)? = nil,
        onWait: (@Sendable () -> Void)? = nil
    ) {
        self.onFull = onFull
        self.onRoom = onRoom
        self.onWait = onWait
        fillsBatches = overflow == .suspend && limit >= 16
        state = Mutex(State(MailboxBuffer(limit: max(1, limit), overflow: overflow, weight: weight)))
        isReady = Atomic(false)
        isDense = Atomic(true)
        taken = Atomic(0)
    }

    @inlinable deinit {}

    /// How many elements were dropped because there was no room.
    package var dropped: Int { state.withLock { $0.buffer.dropped } }
    /// Whether the reader waits for an element.
    package var hasReader: Bool { state.withLock { $0.reader != nil } }
    /// How many wait, outside as well.
    package var count: Int { state.withLock { $0.buffer.count + $0.parked.count } }

    // MARK: Producers

    /// Puts an element in.
    ///
    /// - Parameter topic: the key by which ``Overflow/conflate`` tells elements apart.
    @inlinable @discardableResult
    package func offer(_ element: Element, topic: TopicName) -> Offer {
        let (offer, reader, isFull) = admit(element, topic: topic)
        reader?.resume()
        if isFull { onFull?() }
        return offer
    }

    /// Offers an element under a lock of the producer's own.
    ///
    /// - Returns: also the reader, if it sleeps, and whether `onFull` would be called: the producer resumes the one and does
    ///   the other when it has let go of its lock.
    @inlinable
    package func offerWithoutWaking(
        _ element: Element,
        topic: TopicName
    ) -> (Offer, reader: Reader?, isFull: Bool) {
        admit(element, topic: topic)
    }

    /// Puts elements of one topic in, in order, under one lock. Those that find no room wait outside.
    ///
    /// - Parameter elements: left empty.
    @inlinable
    package func deliver(_ elements: inout Deque<Element>, of topic: TopicName) {
        var offered = Deque<Element>()
        swap(&offered, &elements)
        let (rest, reader, isFull): (Deque<Element>, Reader?, Bool) = state.withLock { state in
            var (wakes, isFull) = (false, false)
            // Most find room: these are moved, not copied.
            if state.end == nil, state.parked.isEmpty {
                wakes = state.buffer.fill(from: &offered) > 0
                if wakes { isReady.store(true, ordering: .releasing) }
            }
            while let element = offered.popFirst() {
                let (offer, turnsFull) = admit(element, topic: topic, &state)
                if offer.isIn { wakes = true }
                if turnsFull { isFull = true }
            }
            return (offered, wakes ? state.reader.take() : nil, isFull)
        }
        // Its storage is used again.
        elements = rest
        reader?.resume()
        if isFull { onFull?() }
    }

    @inlinable
    func admit(_ element: Element, topic: TopicName) -> (Offer, Reader?, isFull: Bool) {
        state.withLock { state in
            let (offer, isFull) = admit(element, topic: topic, &state)
            return (offer, offer.isIn ? state.reader.take() : nil, isFull)
        }
    }

    @inlinable
    func admit(_ element: Element, topic: TopicName, _ state: inout State) -> (Offer, isFull: Bool) {
        if state.end != nil { return (.closed, false) }
        // Who waits outside comes first.
        guard state.parked.isEmpty else { return (.parked(state.parked.park((element, topic))), false) }
        switch state.buffer.admit(element, topic: topic) {
        case .full:
            return (.parked(state.parked.park((element, topic))), state.turnsFull())
        case .admitted:
            if state.buffer.count == 1 { isReady.store(true, ordering: .releasing) }
            return (.accepted, false)
        case .dropped:
            return (.dropped, false)
        }
    }

    /// Returns when a parked element was let in, or the mailbox has ended.
    ///
    /// - Throws: `CancellationError` if the producer is cancelled before; its element is taken back.
    package func waitUntilAdmitted(_ id: UInt64, isolation: isolated (any Actor)? = #isolation) async throws {
        try await Room.wait(for: id) { body in self.state.withLock { body(&$0.parked) } }
    }

    /// Takes back a parked element whose producer gave up, or is to give up with an error.
    ///
    /// - Returns: whether it was still parked.
    @discardableResult
    package func withdraw(_ id: UInt64, throwing error: (any Error)? = nil) -> Bool {
        let withdrawn = state.withLock { $0.parked.remove(id: id) }
        if let error { withdrawn?.continuation?.resume(throwing: error) }
        return withdrawn != nil
    }

    /// Takes out all elements that satisfy a condition, those that wait outside among them, whose producers go on.
    ///
    /// - Parameter condition: asked under the lock.
    /// - Returns: what was taken out.
    package func removeAll(where condition: @Sendable (Element) -> Bool) -> [Element] {
        let (removed, producers, isRoomy): ([Element], [Room.Producer], Bool) = state.withLock { state in
            var removed = state.buffer.removeAll(where: condition)
            var producers: [Room.Producer] = []
            for parked in state.parked.removeAll(where: { condition($0.0) }) {
                removed.append(parked.element.0)
                if let producer = parked.continuation { producers.append(producer) }
            }
            producers += state.admitParked()
            isReady.store(!state.buffer.isEmpty || state.end != nil, ordering: .releasing)
            return (removed, producers, state.turnsRoomy())
        }
        for producer in producers { producer.resume() }
        if isRoomy { onRoom?() }
        return removed
    }

    /// Ends the sequence after what waits has been read, outside as well. Producers that wait go on at once: the
    /// reader may have no mind to read any more.
    package func finish(throwing error: (any Error)? = nil) {
        let (reader, producers, isRoomy): (Reader?, [Room.Producer], Bool) = state.withLock { state in
            guard state.end == nil else { return (nil, [], false) }
            state.end = End(error: error)
            isReady.store(true, ordering: .releasing)
            return (state.reader.take(), state.parked.letAllGo(), state.turnsRoomy())
        }
        reader?.resume()
        for producer in producers { producer.resume() }
        if isRoomy { onRoom?() }
    }

    // MARK: The reader

    /// Fills an empty batch with what waits, suspending until there is something. An empty batch means the end.
    ///
    /// - Parameter onlyOne: whether only the first is wanted. Who would put the others back is not to take them: their
    ///   places would be filled meanwhile.
    /// - Throws: the error the mailbox was finished with, `CancellationError`, or
    ///   ``MessagingError/Code/concurrentIteration`` if another task waits already.
    @inlinable
    package func next(
        into batch: inout Deque<Element>,
        onlyOne: Bool = false,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        if taken.load(ordering: .relaxed) >= Self.turn {
            taken.store(0, ordering: .relaxed)
            await Task.yield()
        }
        let pauses = fillsBatches && !onlyOne && isolation == nil && isDense.load(ordering: .relaxed)
        var patience = pauses && ReaderPause.isAllowed ? ReaderPause.patience : 0
        // Close behind its producers it would meet them at the lock for each element: meanwhile they fill the next batch.
        if patience > 0 { ReaderPause.take() }
        while true {
            try Task.checkCancellation()
            // A look without the lock, so that a reader that has caught up does not get in its producers' way.
            if isReady.load(ordering: .acquiring) {
                let ended = take(into: &batch, onlyOne)
                if !batch.isEmpty {
                    isDense.store(batch.count > 1, ordering: .relaxed)
                    taken.add(batch.count, ordering: .relaxed)
                    return
                }
                if let ended {
                    if let error = ended.error { throw error }
                    return
                }
            }
            if patience > 0 {
                patience -= 1
                ReaderPause.take()
            } else {
                try await waitForElements()
            }
        }
    }

    /// Fills an empty batch with what waits now.
    @inlinable
    package func nextIfReady(into batch: inout Deque<Element>, onlyOne: Bool = false) {
        _ = take(into: &batch, onlyOne)
    }

    @inlinable
    func take(into batch: inout Deque<Element>, _ onlyOne: Bool) -> End? {
        var spare = batch
        batch = Deque()
        let (taken, admitted, end, isRoomy) = state.withLock { state in
            state.buffer.take(into: &spare, onlyOne: onlyOne)
            let admitted = state.admitParked()
            isReady.store(!state.buffer.isEmpty || state.end != nil, ordering: .releasing)
            return (spare, admitted, state.end, state.turnsRoomy())
        }
        batch = taken
        for producer in admitted { producer.resume() }
        if isRoomy { onRoom?() }
        return end
    }

    @inlinable
    func waitForElements(isolation: isolated (any Actor)? = #isolation) async throws {
        let isFirst = await withTaskCancellationHandler {
            _ = isolation
            var isFirst = true
            await withUnsafeContinuation { (continuation: Reader) in
                let waits = state.withLock { state in
                    guard state.reader == nil else {
                        isFirst = false
                        return false
                    }
                    guard state.buffer.isEmpty, state.end == nil, !Task.isCancelled else { return false }
                    state.reader = continuation
                    return true
                }
                if waits { onWait?() } else { continuation.resume() }
            }
            return isFirst
        } onCancel: {
            state.withLock { $0.reader.take() }?.resume()
        }
        if !isFirst {
            throw MessagingError(.concurrentIteration, "two tasks read one subscription; subscribe twice instead")
        }
    }

    /// Puts back what a reader took but did not use.
    package func putBack(_ batch: Deque<Element>) {
        let reader = state.withLock { state in
            state.buffer.putBack(batch)
            isReady.store(true, ordering: .releasing)
            return state.reader.take()
        }
        // The next reader may have begun to wait already.
        reader?.resume()
    }

    /// The reader has gone: drops what waits, lets waiting producers go on.
    package func discard() {
        // What is dropped may itself do something when it goes, so it goes outside the lock.
        let (buffer, parked, reader, isRoomy) = state.withLock { state in
            state.end = state.end ?? End(error: nil)
            isReady.store(true, ordering: .releasing)
            let buffer = state.buffer
            state.buffer.removeAll()
            var parked: [Room.Parked] = []
            while let next = state.parked.popFirst() { parked.append(next) }
            return (buffer, parked, state.reader.take(), state.turnsRoomy())
        }
        for producer in parked { producer.continuation?.resume() }
        reader?.resume()
        if isRoomy { onRoom?() }
        withExtendedLifetime(buffer) {}
    }
}
