import MartletConsole

/// Looks at everything that this machine tells about itself. What it does not tell has no series.
struct MachineSampler: Sendable {
    private var cpu = CPUSampler()
    private var network = NetworkSampler()
    private var disk = DiskSampler()

    /// One sample a series.
    mutating func sample() -> [(series: String, sample: Sample)] {
        var samples: [(series: String, sample: Sample)] = []
        func add(_ path: String..., value: Double, unit: SeriesUnit) {
            samples.append((path.map(Self.segment).joined(separator: "."), Sample(value: value, unit: unit)))
        }
        for core in cpu.sample() { add("cpu", "\(core.core)", value: core.utilisation, unit: .fraction) }
        if let load = LoadReading.current() { add("load", value: load.one, unit: .number) }
        if let memory = MemoryReading.current() {
            add("memory", "used", value: Double(memory.usedBytes), unit: .bytes)
            add("memory", "share", value: memory.usedFraction, unit: .fraction)
        }
        for link in network.sample() {
            add("network", link.interface, "received", value: link.receivedBytesPerSecond, unit: .bytesPerSecond)
            add("network", link.interface, "sent", value: link.sentBytesPerSecond, unit: .bytesPerSecond)
        }
        for device in disk.sample() {
            add("disk", device.device, "read", value: device.readBytesPerSecond, unit: .bytesPerSecond)
            add("disk", device.device, "written", value: device.writtenBytesPerSecond, unit: .bytesPerSecond)
        }
        return samples
    }

    /// A device's name as one segment of a topic: `eth0.100` would be two, and `*` or `+` none.
    static func segment(_ name: String) -> String {
        let segment = name.printable().map { ".*#+$ ".contains($0) || $0.isWhitespace ? "_" : $0 }
        return segment.isEmpty ? "_" : String(segment)
    }
}
