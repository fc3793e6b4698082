/// When a timed loop's body runs: at its start and at whole multiples of the interval from there. A pure value.
///
/// The times are reckoned from the start, so that no delay adds up. A tick whose time has passed while the body was
/// running is skipped: there is never more than one run at a time, nor a burst of them to catch up.
struct TickSchedule {
    let start: Duration
    let interval: Duration
    /// The number of the tick that is due next.
    private var next: Int128 = 0

    init(start: Duration, interval: Duration) {
        self.start = start
        self.interval = interval.capped
    }

    /// The time of the tick that is due next.
    var time: Duration {
        let (offset, overflow) = interval.attoseconds.multipliedReportingOverflow(by: next)
        return overflow ? start : start + Duration(attoseconds: offset)
    }

    /// A run has ended.
    ///
    /// - Returns: how many ticks passed meanwhile and are skipped. One that falls on this very moment is not.
    mutating func advance(at now: Duration) -> Int {
        let elapsed = (now - start).attoseconds
        let interval = interval.attoseconds
        let firstToCome = elapsed <= 0 ? 0 : (elapsed + interval - 1) / interval
        let following = max(next + 1, firstToCome)
        defer { next = following }
        return Int(clamping: following - next - 1)
    }
}
