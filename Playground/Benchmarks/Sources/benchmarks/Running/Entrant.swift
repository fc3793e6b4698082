/// One side of a comparison while it is measured.
struct Entrant {
    private let contender: Contender
    private let quantity: Quantity
    private let port: Int
    private let bench: Bench
    private(set) var series: Series

    /// - Parameter count: of subscriptions whose memory counts, or of messages or calls to begin with.
    init(_ contender: Contender, _ quantity: Quantity, count: Int, port: Int, bench: Bench) {
        self.contender = contender
        self.quantity = quantity
        self.port = port
        self.bench = bench
        series = Series(count: quantity.isMemory ? count : max(count, contender.measured.window))
    }

    /// Finds out how many messages or calls take so long.
    mutating func settle(on time: Duration) async throws {
        guard !quantity.isMemory else { return }
        // The first tries are too short to tell.
        for _ in 0..<4 {
            let figures = try await bench.figures(of: contender, count: series.count, port: port)
            let share = max(figures.seconds ?? 0, 1e-6) / (time / .seconds(1))
            series.count = max(
                64,
                contender.measured.window,
                min(Int(Double(series.count) * min(1 / share, 50)), 20_000_000)
            )
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
        let count = max(64, contender.measured.window, series.count / 4)
        series.systemCalls = try await bench.systemCalls(of: contender, count: count, port: port, counter: counter)
    }
}
