public import HeapModule

/// The time at which each of many subjects is due.
///
/// Inlinable: other modules have subjects of their own, for which it would look for its types at each step.
@usableFromInline
package struct Deadlines<Subject: Hashable & Sendable>: Sendable {
    @usableFromInline struct Entry: Comparable, Sendable {
        @usableFromInline let time: Duration
        @usableFromInline let subject: Subject

        @inlinable init(time: Duration, subject: Subject) {
            (self.time, self.subject) = (time, subject)
        }

        @inlinable static func == (a: Entry, b: Entry) -> Bool { a.time == b.time }
        @inlinable static func < (a: Entry, b: Entry) -> Bool { a.time < b.time }
    }

    @usableFromInline var times: [Subject: Duration] = [:]
    /// Entries whose time is no longer that of their subject stay until they come first or are the greater part.
    @usableFromInline var entries = Heap<Entry>()

    @inlinable package init() {}

    /// The earliest time.
    @inlinable package var next: Duration? { entries.min?.time }

    /// Notes that a subject is due at a time, unless it is due before.
    @inlinable package mutating func note(_ subject: Subject, at time: Duration) {
        if let noted = times[subject], noted <= time { return }
        times[subject] = time
        entries.insert(Entry(time: time, subject: subject))
        dropStale()
    }

    @inlinable package mutating func forget(_ subject: Subject) {
        guard !times.isEmpty, times.removeValue(forKey: subject) != nil else { return }
        dropStale()
    }

    /// Takes out a subject that is due. It may be due again later: that is for the caller to note.
    @inlinable package mutating func popDue(at now: Duration) -> Subject? {
        guard let first = entries.min, first.time <= now else { return nil }
        forget(first.subject)
        return first.subject
    }

    @inlinable func isStale(_ entry: Entry) -> Bool { times[entry.subject] != entry.time }

    @inlinable mutating func dropStale() {
        while let first = entries.min, isStale(first) { entries.removeMin() }
        if entries.count > 64, entries.count > 2 * times.count {
            entries = Heap(entries.unordered.filter { !isStale($0) })
        }
    }
}
