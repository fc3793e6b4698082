extension ByteCounters {
    /// The unit of `/proc/diskstats`, whatever the disk's own sectors are (the kernel's iostats document).
    private static let sectorSize: UInt64 = 512

    /// Devices that are no disks: some live in memory, the others lie on top of disks that are counted already.
    private static let virtualDevices = ["loop", "ram", "zram", "dm-", "md"]

    /// Reads one line of `/proc/diskstats`, such as `254 0 vda 4332 3079 1772370 6088 1229 3493 363040 …`.
    ///
    /// The sixth field counts the sectors that were read, the tenth those that were written.
    ///
    /// - Returns: `nil` for a line that is cut short or holds what is no counter.
    init?(diskLine line: some StringProtocol) {
        let fields = line.split(separator: " ")
        guard fields.count >= 10, let read = UInt64(fields[5]), let written = UInt64(fields[9]) else { return nil }
        let incoming = read.multipliedReportingOverflow(by: Self.sectorSize)
        let outgoing = written.multipliedReportingOverflow(by: Self.sectorSize)
        guard !incoming.overflow, !outgoing.overflow else { return nil }
        self.init(name: String(fields[2]), incoming: incoming.partialValue, outgoing: outgoing.partialValue)
    }

    /// Reads the whole of `/proc/diskstats`, in the order of its lines, and keeps the whole disks: a partition's bytes
    /// are its disk's as well.
    static func parse(disks text: String) -> [ByteCounters] {
        let devices = text.split(whereSeparator: \.isNewline).compactMap { ByteCounters(diskLine: $0) }
        let names = Set(devices.map(\.name))
        return devices.filter { !isVirtual($0.name) && !isPartition($0.name, of: names) }
    }

    private static func isVirtual(_ name: String) -> Bool {
        virtualDevices.contains { name.hasPrefix($0) && isNumber(name.dropFirst($0.count)) }
    }

    /// Whether a name is another's and a number. Where the disk's own name ends in a digit there is a `p` between them:
    /// `sda1` is part of `sda`, `nvme0n1p2` of `nvme0n1`, but `nbd10` isn't part of `nbd1`.
    private static func isPartition(_ name: String, of names: Set<String>) -> Bool {
        let disk = name[..<(name.lastIndex { !$0.isASCIIDigit }.map(name.index(after:)) ?? name.startIndex)]
        guard disk.count < name.count else { return false }
        if disk.last == "p", disk.dropLast().last?.isASCIIDigit == true {
            return names.contains(String(disk.dropLast()))
        }
        return names.contains(String(disk))
    }

    private static func isNumber(_ text: Substring) -> Bool {
        !text.isEmpty && text.allSatisfy(\.isASCIIDigit)
    }
}

extension Character {
    /// Whether this is one of `0` to `9`, and none of the other digits that Unicode knows.
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
