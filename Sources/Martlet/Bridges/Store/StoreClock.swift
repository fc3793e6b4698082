/// Tells how old a store's records are, by the time of day that each has from when it was written. A pure value; times are
/// nanoseconds.
///
/// The time of day is the only one that goes on while the process does not run. While it does, records age by its own clock,
/// which nobody sets: a step of the other makes none older.
struct StoreClock: Sendable {
    /// How far the time of day was ahead of the process's clock, by the number of the first record that was written so.
    private var leads: [(first: UInt64, lead: Int64)]

    /// - Parameter lead: how far it is ahead now, by which records of before have their age.
    init(lead: Int64) {
        leads = [(0, lead)]
    }

    /// Records from a number on have times of day of another lead.
    mutating func begin(_ number: UInt64, lead: Int64) {
        // Between two looks at the clocks some time goes by, and clocks that are a little wrong are set right all the time.
        let difference = lead.subtractingReportingOverflow(leads[leads.count - 1].lead)
        if difference.overflow || difference.partialValue.magnitude > 100_000_000 { leads.append((number, lead)) }
    }

    /// Records before a number are asked for no more.
    mutating func forget(before number: UInt64) {
        while leads.count > 1, leads[1].first <= number { leads.removeFirst() }
    }

    /// The time of day at a time of the process's clock, as if nobody had set it since a record was written.
    func time(_ now: Int64, for number: UInt64) -> Int64 {
        now + (leads.last { $0.first <= number } ?? leads[0]).lead
    }
}
