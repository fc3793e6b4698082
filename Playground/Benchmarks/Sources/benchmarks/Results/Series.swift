/// The runs of one side.
struct Series: Codable, Sendable {
    var runs: [Figures] = []
    /// How many messages or calls a run had.
    var count = 0
    /// How many system calls the program made for each, from a run of its own; `nil` where they can't be counted.
    var systemCalls: Double?

    /// The median of the runs' figures; `nil` if there are none.
    func median(_ quantity: Quantity) -> Double? { runs.compactMap { $0[quantity] }.median }

    /// Microseconds of processor time for each, the median of the runs.
    var cpuTime: Double? { count == 0 ? nil : runs.compactMap(\.cpuSeconds).median.map { $0 / Double(count) * 1e6 } }
}
