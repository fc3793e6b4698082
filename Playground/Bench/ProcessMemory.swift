/// The memory of this process that is in use, as the system counts it.
enum ProcessMemory {
    /// Resident memory in bytes; `nil` where the system has no `/proc/self/status`.
    static var resident: Double? {
        guard let text = SystemFile.text(at: "/proc/self/status") else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let fields = line?.split { $0 == " " || $0 == "\t" } ?? []
        guard fields.count == 3, let kibibytes = Double(fields[1]) else { return nil }
        return kibibytes * 1_024
    }
}
