/// Tells how old a store's records are, by the time of day that each has from when it was written. A pure value; times are
/// nanoseconds.
///
/// The time of day is the only one that goes on while the process does not run. While it does, what it writes ages by its own clock,
/// which nobody sets: a step of the other makes none older. What an earlier process wrote has the time of day as it is now: a
/// machine may know it only some time after its start.
struct StoreClock: Sendable {
    /// The number of the first record that this process writes.
    private let own: UInt64
    /// How far the time of day was ahead of the process's clock, by the number of the first record that was written so.
    private var leads: [(first: UInt64, lead: Int64)] = []

    /// - Parameter next: the number of the next record.
    init(next: UInt64) {
        own = next
    }

    /// Records from a number on have times of day of another lead.
    mutating func begin(_ number: UInt64, lead: Int64) {
        guard let last = leads.last else { return leads.append((number, lead)) }
        // Between two looks at the clocks some time goes by, and clocks that are a little wrong are set right all the time.
        let difference = lead.subtractingReportingOverflow(last.lead)
        if difference.overflow || difference.partialValue.magnitude > 100_000_000 { leads.append((number, lead)) }
    }

    /// Records before a number are asked for no more.
    mutating func forget(before number: UInt64) {
        while leads.count > 1, leads[1].first <= number { leads.removeFirst() }
    }

    /// The time of day at a time of the process's clock, as if nobody had set it since a record was written.
    ///
    /// - Parameter lead: how far it is ahead now.
    func time(_ now: Int64, for number: UInt64, lead: Int64) -> Int64 {
        now + (number < own ? lead : leads.last { $0.first <= number }?.lead ?? lead)
    }
}
