import AllocationCount
import Benchmark
import Foundation

/// Whether only what is judged is measured: how often an operation asks for memory. Time is too noisy for that.
let countsAlone = ProcessInfo.processInfo.environment["MICRO_COUNTS"] != nil

/// Asked for by the package that runs them.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = Benchmark.Configuration(
        metrics: countsAlone ? [.allocations] : [.wallClock, .throughput, .allocations],
        warmupIterations: 3,
        scalingFactor: .kilo,
        maxDuration: .milliseconds(countsAlone ? 100 : 500),
        maxIterations: countsAlone ? 20 : 200,
        // A thousand operations may differ by so many: tasks meet more or less often.
        thresholds: [.allocations: BenchmarkThresholds(absolute: [.p90: 200])]
    )
    codecs()
    envelopes()
    handOver()
    stateMachines()
    topics()
    tracing()
}

extension BenchmarkMetric {
    /// How often the operation asks for memory.
    static let allocations = BenchmarkMetric.custom("Allocations")
}

extension Benchmark {
    /// Measures a thousand times an operation that takes no time worth its own measurement.
    @discardableResult
    static func each(_ name: String, _ body: @escaping (Int) throws -> Void) -> Benchmark? {
        Benchmark(name) { benchmark in
            try benchmark.counting {
                for index in benchmark.scaledIterations { try body(index) }
            }
        }
    }

    /// Measures what a function does: its time, and how often it asks for memory.
    func counting(_ body: () throws -> Void) rethrows {
        startMeasurement()
        let before = allocation_count()
        try body()
        let count = allocation_count() - before
        stopMeasurement()
        measurement(.allocations, count)
    }

    func counting(_ body: () async throws -> Void) async rethrows {
        startMeasurement()
        let before = allocation_count()
        try await body()
        let count = allocation_count() - before
        stopMeasurement()
        measurement(.allocations, count)
    }
}
