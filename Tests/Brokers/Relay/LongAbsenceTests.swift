import Foundation
import IntegrationSupport
import Martlet
import Synchronization
import Testing

@testable import MartletRelay

/// Metrics of a day, that come while their sink is away, in a process of their own. `MARTLET_ABSENCE` says how many.
@Suite(.serialized, .timeLimit(.minutes(60))) struct LongAbsenceTests {
    private static let count = ProcessInfo.processInfo.environment["MARTLET_ABSENCE"].flatMap(Int.init) ?? 20_000

    /// So many measurements, and then none: as fast as they are taken.
    private struct Measurements: Source {
        let count: Int

        func items(from position: String?) async throws -> AsyncThrowingStream<SourceItem, any Error> {
            let next = Atomic(0)
            return AsyncThrowingStream { [count] in
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < count else { return nil }
                return SourceItem(topic: "metrics", message: Message(LongAbsenceTests.line(number)))
            }
        }
    }

    private static func line(_ number: Int) -> String { "site.berlin.sensor.value \(number) 1700000000" }

    /// Away until it is told; then it looks at what comes.
    private final class LateSink: Sink {
        private struct State {
            var isThere = false
            var next = 0
            var mistakes = 0
        }

        private let state = Mutex(State())

        var mistakes: Int { state.withLock { $0.mistakes } }
        var next: Int { state.withLock { $0.next } }

        func arrive() { state.withLock { $0.isThere = true } }

        func deliver(_ batch: [SinkItem]) async throws {
            try state.withLock { state in
                guard state.isThere else { throw MessagingError(.notConnected, "nobody is there") }
                for item in batch {
                    if item.message.text != LongAbsenceTests.line(state.next) { state.mistakes += 1 }
                    state.next += 1
                }
            }
        }
    }

    @Test func aDayWithoutItsSinkCostsNoMemoryAndNoOrder() async throws {
        await #expect(processExitsWith: .success) {
            let count = LongAbsenceTests.count
            let folder = try TemporaryFolder("absence")
            defer { folder.remove() }
            let sink = LateSink()
            let options = SinkOptions(
                interval: .milliseconds(1),
                retry: Backoff(initial: .milliseconds(5), maximum: .milliseconds(20))
            )
            let (from, to) = (SourceConnection(Measurements(count: count)), SinkConnection(sink, options: options))
            let store = StoreOptions(folder: folder.path("store"), limit: 1 << 30)
            let bridge = Bridge(from: from, to: to, name: "absence") {
                Forward("#", options: RouteOptions(window: 1_024, store: store))
            }
            let half = count / 2
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await bridge.run() }
                func stored() -> Int { bridge.reports.first?.statistics.stored ?? 0 }
                try await until { stored() >= count / 10 }
                let first = ProcessFigures.residentBytes
                try await until { stored() == count }
                let second = ProcessFigures.residentBytes
                sink.arrive()
                try await until { sink.next >= half }
                let third = ProcessFigures.residentBytes
                try await group.waitForAll()
                let statistics = bridge.reports.first?.statistics ?? RouteStatistics()
                #expect(sink.next == count)
                #expect(sink.mistakes == 0)
                #expect(statistics.forwarded == count && statistics.stored == 0 && statistics.storeDropped == 0)
                // What is kept is on the disk: memory does not grow with it.
                let growth = max(second, third, ProcessFigures.residentBytes) - first
                #expect(growth < 64 << 20, "of \(first) bytes, grown by \(growth)")
            }
            await from.close()
            await to.close()
        }
    }
}
