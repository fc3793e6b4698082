/// Measures how busy each core was between one look and the next.
struct CPUSampler: Sendable {
    private var previous: [Int: CPUCounters] = [:]

    /// Looks at this machine's cores.
    ///
    /// - Returns: One reading a core that was there the last time as well: none at the first call, and none where the
    ///   system has no `/proc/stat`.
    mutating func sample() -> [CPUReading] {
        guard let text = SystemFile.text(at: "/proc/stat") else { return [] }
        return readings(from: CPUCounters.parse(text))
    }

    /// Compares counters with those of the call before.
    ///
    /// No time needs to be given: ticks of work and ticks of rest measure it themselves. A core for which no tick has
    /// passed is left out, because nothing is known about it.
    mutating func readings(from counters: [CPUCounters]) -> [CPUReading] {
        let earlier = previous
        previous = Dictionary(counters.map { ($0.core, $0) }, uniquingKeysWith: { _, last in last })

        return counters.compactMap { now in
            guard let before = earlier[now.core] else { return nil }
            let busy = Double(now.busy.increase(since: before.busy))
            let idle = Double(now.idle.increase(since: before.idle))
            guard busy + idle > 0 else { return nil }
            return CPUReading(core: now.core, utilisation: busy / (busy + idle))
        }
    }
}
