/// Turns counters that only grow into rates, by comparing each look at them with the one before.
struct ByteMeter: Sendable {
    private var previous: [String: ByteCounters] = [:]
    private var previousTime: ContinuousClock.Instant?

    /// Compares counters with those of the call before.
    ///
    /// - Parameters:
    ///   - counters: What the counters show now.
    ///   - now: When they were read.
    /// - Returns: The rates, in the order of `counters`, of each device that was there the last time as well and has carried
    ///   anything since it came up: a machine has many interfaces that never do. They are never negative. If no time has passed there are none, and the next call compares with the same counters as this one.
    mutating func rates(of counters: [ByteCounters], at now: ContinuousClock.Instant) -> [ByteRates] {
        let earlier = previous
        let elapsed = previousTime.map { $0.duration(to: now) }
        if let elapsed, elapsed <= .zero { return [] }

        previous = Dictionary(counters.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
        previousTime = now
        guard let elapsed else { return [] }

        let seconds = elapsed / .seconds(1)
        return counters.compactMap { counter in
            guard let before = earlier[counter.name], counter.incoming > 0 || counter.outgoing > 0 else { return nil }
            return ByteRates(
                name: counter.name,
                incoming: Double(counter.incoming.increase(since: before.incoming)) / seconds,
                outgoing: Double(counter.outgoing.increase(since: before.outgoing)) / seconds
            )
        }
    }
}
