import HeapModule

/// The time at which each of many subjects is due.
package struct Deadlines<Subject: Hashable & Sendable>: Sendable {
    private struct Entry: Comparable, Sendable {
        let time: Duration
        let subject: Subject

        static func == (a: Entry, b: Entry) -> Bool { a.time == b.time }
        static func < (a: Entry, b: Entry) -> Bool { a.time < b.time }
    }

    private var times: [Subject: Duration] = [:]
    /// Entries whose time is no longer that of their subject stay until they come first or are the greater part.
    private var entries = Heap<Entry>()

    package init() {}

    /// The earliest time.
    package var next: Duration? { entries.min?.time }

    /// Notes that a subject is due at a time, unless it is due before.
    package mutating func note(_ subject: Subject, at time: Duration) {
        if let noted = times[subject], noted <= time { return }
        times[subject] = time
        entries.insert(Entry(time: time, subject: subject))
        dropStale()
    }

    package mutating func forget(_ subject: Subject) {
        guard !times.isEmpty, times.removeValue(forKey: subject) != nil else { return }
        dropStale()
    }

    /// Takes out a subject that is due. It may be due again later: that is for the caller to note.
    package mutating func popDue(at now: Duration) -> Subject? {
        guard let first = entries.min, first.time <= now else { return nil }
        forget(first.subject)
        return first.subject
    }

    private func isStale(_ entry: Entry) -> Bool { times[entry.subject] != entry.time }

    private mutating func dropStale() {
        while let first = entries.min, isStale(first) { entries.removeMin() }
        if entries.count > 64, entries.count > 2 * times.count {
            entries = Heap(entries.unordered.filter { !isStale($0) })
        }
    }
}
