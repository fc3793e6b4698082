/// How much of the machine's memory is in use.
struct MemoryReading: Codable, Equatable, Sendable {
    /// What programs could not get without swapping, in bytes: everything but what the kernel calls available.
    var usedBytes: Int

    /// The memory of the machine, in bytes.
    var totalBytes: Int

    /// The share that is in use, 0 to 1.
    var usedFraction: Double {
        totalBytes > 0 ? Double(usedBytes) / Double(totalBytes) : 0
    }
}

extension MemoryReading {
    /// Reads `/proc/meminfo`.
    ///
    /// - Returns: `nil` if the total or the available memory is missing or is no number of kibibytes.
    init?(meminfo text: String) {
        var total: Int?
        var available: Int?
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("MemTotal:") {
                total = Self.bytes(in: line)
            } else if line.hasPrefix("MemAvailable:") {
                available = Self.bytes(in: line)
            }
        }
        guard let total, let available, total > 0 else { return nil }
        self.init(usedBytes: max(0, total - available), totalBytes: total)
    }

    /// Looks at this machine's memory.
    ///
    /// - Returns: `nil` where the system has no `/proc/meminfo`.
    static func current() -> MemoryReading? {
        SystemFile.text(at: "/proc/meminfo").flatMap { MemoryReading(meminfo: $0) }
    }

    /// The bytes that a line such as `MemTotal:  8123456 kB` speaks of. The kernel's "kB" are 1,024 bytes.
    private static func bytes(in line: Substring) -> Int? {
        let fields = line.split(separator: " ")
        guard fields.count == 3, fields[2] == "kB", let count = Int(fields[1]), count >= 0 else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: 1_024)
        return overflow ? nil : bytes
    }
}
