import DequeModule
import MartletConsole
import Synchronization

/// The recent samples of each series, as many as a minute has at ten a second.
final class Archive: Sendable {
    private struct Entry {
        let time: ContinuousClock.Instant
        let sample: Sample
    }

    private static let samplesKept = 600
    private static let seriesKept = 1_000
    private let entries = Mutex<[String: Deque<Entry>]>([:])

    func add(_ sample: Sample, to series: String, at time: ContinuousClock.Instant = .now) {
        entries.withLock { entries in
            guard entries[series] != nil || entries.count < Self.seriesKept else { return }
            entries[series, default: []].append(Entry(time: time, sample: sample))
            if entries[series, default: []].count > Self.samplesKept { entries[series]?.removeFirst() }
        }
    }

    /// The names of the series, in the order in which a reader would look for them.
    var series: [String] {
        entries.withLock { Array($0.keys) }.sorted { $0.precedesNaturally($1) }
    }

    /// The samples since a time; `nil` if there is no such series.
    func samples(of series: String, since start: ContinuousClock.Instant) -> [Sample]? {
        entries.withLock { entries in
            entries[series].map { $0.filter { $0.time >= start }.map(\.sample) }
        }
    }
}
