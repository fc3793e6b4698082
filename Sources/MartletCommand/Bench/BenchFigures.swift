import Histogram
import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a part of the bench showed.
struct BenchFigures: Sendable {
    /// In nanoseconds, up to a minute, to three digits.
    typealias Latencies = Histogram<UInt64>

    let inFlight: Int
    let duration: Duration
    let latencies: Latencies

    static func latencies() -> Latencies {
        Latencies(highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)
    }

    var perSecond: Double { Double(latencies.totalCount) / max(duration.seconds, 1e-9) }

    /// The latencies that are shown, by their names, in microseconds.
    var microseconds: [(name: String, value: Double)] {
        [("p50", 50.0), ("p90", 90), ("p99", 99), ("p99.9", 99.9)].map { name, percentile in
            (name, Double(latencies.valueAtPercentile(percentile)) / 1_000)
        } + [("max", Double(latencies.max) / 1_000)]
    }

    /// How the latencies are spread from the least to that of 99.9 %: how many there are in each step of equal ratio.
    func distribution(steps: Int) -> [Double] {
        let least = Double(max(1, latencies.min))
        let most = max(least * 1.001, Double(latencies.valueAtPercentile(99.9)))
        let ratio = most / least
        var counts: [Double] = []
        var lower = UInt64(least)
        for step in 1...steps {
            let end = least * pow(ratio, Double(step) / Double(steps))
            let upper = max(lower, UInt64(end))
            counts.append(Double(latencies.count(within: lower...upper)))
            lower = upper + 1
        }
        return counts
    }
}
