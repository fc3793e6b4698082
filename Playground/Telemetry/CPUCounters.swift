/// The clock ticks that one core has spent since the machine started.
struct CPUCounters: Equatable, Sendable {
    /// The core's number, as the kernel counts from zero.
    let core: Int

    /// Ticks in which the core worked, time taken by other virtual machines (`steal`) included.
    let busy: UInt64

    /// Ticks in which the core had nothing to do, or only waited for a disk.
    let idle: UInt64
}

extension CPUCounters {
    /// Reads one line of `/proc/stat`, such as `cpu0 283 0 458 81525 4 0 5 4 0 0`.
    ///
    /// The fields are user, nice, system, idle, iowait, irq, softirq and steal (proc_stat(5)). The two that follow, guest
    /// and guest_nice, are already part of user and nice, and would be counted twice. The line that sums up all cores
    /// has no number, and is no core.
    ///
    /// - Returns: `nil` for any other line, and for one that is cut short or holds what is no counter.
    init?(line: some StringProtocol) {
        let fields = line.split(separator: " ")
        guard let name = fields.first, name.hasPrefix("cpu"), let core = Int(name.dropFirst(3)), core >= 0
        else { return nil }

        let ticks = fields.dropFirst().prefix(8).map { UInt64($0) }
        guard ticks.count >= 4 else { return nil }

        var busy: UInt64 = 0
        var idle: UInt64 = 0
        for (position, value) in ticks.enumerated() {
            guard let value else { return nil }
            let isIdle = position == 3 || position == 4
            let (sum, overflow) = (isIdle ? idle : busy).addingReportingOverflow(value)
            guard !overflow else { return nil }
            if isIdle { idle = sum } else { busy = sum }
        }
        self.init(core: core, busy: busy, idle: idle)
    }

    /// Reads the whole of `/proc/stat`, and skips every line that is no core's.
    static func parse(_ text: String) -> [CPUCounters] {
        text.split(whereSeparator: \.isNewline).compactMap { CPUCounters(line: $0) }
    }
}
