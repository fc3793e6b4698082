/// One side of a comparison while it is measured.
struct Entrant {
    private let contender: Contender
    private let quantity: Quantity
    private let port: Int
    private let bench: Bench
    private(set) var series: Series

    init(_ contender: Contender, _ workload: Workload, port: Int, bench: Bench) {
        self.contender = contender
        quantity = workload.quantity
        self.port = port
        self.bench = bench
        series = Series(count: workload.count)
    }

    /// Finds out how many messages or calls take so long. The number of subscriptions whose memory counts stays.
    mutating func settle(on time: Duration) async throws {
        guard !quantity.isMemory else { return }
        // The first tries are too short to tell.
        for _ in 0..<4 {
            let figures = try await bench.figures(of: contender, count: series.count, port: port)
            let share = max(figures.seconds ?? 0, 1e-6) / (time / .seconds(1))
            // At least as many as the most callers.
            series.count = max(64, min(Int(Double(series.count) * min(1 / share, 50)), 20_000_000))
            if share > 0.1 { return }
        }
    }

    mutating func run() async throws {
        var figures = try await bench.figures(of: contender, count: series.count, port: port)
        if quantity == .memoryEach {
            let one = try await bench.figures(of: contender, count: 1, port: port)
            figures = Figures(bytes: ((figures.bytes ?? 0) - (one.bytes ?? 0)) / Double(series.count - 1))
        }
        series.runs.append(figures)
    }

    mutating func countCalls(_ counter: SystemCallCounter) async throws {
        guard !quantity.isMemory else { return }
        // Fewer, because some ways to count take long.
        let count = max(64, series.count / 4)
        series.systemCalls = try await bench.systemCalls(of: contender, count: count, port: port, counter: counter)
    }
}
