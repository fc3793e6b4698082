/// Measures how cost grows.
struct Survey: Sendable {
    /// How many times each point is measured; the median counts.
    let runs: Int
    /// How long a run is to take.
    let time: Duration
    let bench: Bench
    let progress: Progress

    /// - Throws: whatever a broker or a program that did not work has to say.
    func plot(_ growth: Growth) async throws -> Plot {
        var points: [[(x: Double, y: Double)]] = growth.lines.map { _ in [] }
        progress.now("\(growth.name): starting")
        try await RunningBroker.with(growth.broker) { broker in
            for value in growth.values {
                progress.now("\(growth.name): \(value) of \(growth.values.last ?? value)")
                var entrants = growth.contenders(value).map { contender in
                    Entrant(contender, .rate, count: 64, port: broker.port, bench: bench)
                }
                for side in entrants.indices { try await entrants[side].settle(on: time) }
                for _ in 0..<runs {
                    for side in entrants.indices { try await entrants[side].run() }
                }
                for (side, entrant) in entrants.enumerated() {
                    guard let y = entrant.series.runs.compactMap(growth.axis.y).median else { continue }
                    points[side].append((Double(value), y))
                }
            }
        }
        return Plot(
            title: growth.title,
            xLabel: growth.axis.label,
            yLabel: growth.axis.yLabel,
            xText: growth.axis == .size ? \.binarySize : \.short,
            lines: zip(growth.lines, points).filter { !$0.1.isEmpty }.map { Plot.Line(name: $0.0, points: $0.1) }
        )
    }
}
