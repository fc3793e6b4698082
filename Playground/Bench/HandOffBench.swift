import Martlet
import MartletConsole
import Synchronization

/// One task hands messages of 64 bytes to another: through the embedded broker, and through an `AsyncStream`.
///
/// The two take turns, so that whatever else the machine does meanwhile happens to both.
struct HandOffBench: Sendable {
    /// What one round showed.
    private struct Round: Sendable {
        let nanosecondsEach: Double
        /// The most messages that waited to be read.
        let peakWaiting: Int
        /// By how much resident memory had grown at most.
        let growth: Double
    }

    /// How much has been read, for the other side to see.
    private final class Progress: Sendable {
        let count = Atomic(0)
    }

    /// Looks now and then at what waits, so rarely that looking costs nothing.
    private struct Gauge {
        private let before = ProcessMemory.resident ?? 0
        private(set) var peakWaiting = 0
        private(set) var growth = 0.0

        mutating func look(_ index: Int, waiting: @autoclosure () -> Int) {
            guard index % 1_024 == 0 else { return }
            peakWaiting = max(peakWaiting, waiting())
            if index % 65_536 == 0 { growth = max(growth, (ProcessMemory.resident ?? 0) - before) }
        }
    }

    let messages: Int
    let rounds: Int
    private let limit = SubscribeOptions().limit
    private let message = Message(Array(repeating: 7, count: 64))

    init(messages: Int, rounds: Int) {
        self.messages = messages
        self.rounds = rounds
    }

    func run(_ display: LiveDisplay) async throws -> [String] {
        let label = "hand-off"
        defer { display.endProgress(label) }
        var martlet: [Round] = []
        var stream: [Round] = []
        for round in 0..<rounds {
            martlet.append(try await broker())
            display.progress(label, (Double(round) + 0.5) / Double(rounds))
            stream.append(try await asyncStream())
            display.progress(label, Double(round + 1) / Double(rounds))
        }
        let ratios = zip(martlet, stream).map { $1.nanosecondsEach / $0.nanosecondsEach }
        return [
            Figures.row("hand-off, 64 bytes", "messages/s", "ns/message", "most waiting", "memory grew"),
            row("Martlet, embedded broker", martlet),
            row("AsyncStream", stream),
            "The broker is \(ratios.median.formatted(decimals: 1)) times as fast (median of \(rounds) rounds of "
                + "\(Figures.grouped(Double(messages))) messages each).",
            "Its subscription holds at most 2 × \(limit) messages, whatever happens; an AsyncStream has no bound.",
        ]
    }

    private func row(_ name: String, _ rounds: [Round]) -> String {
        let each = rounds.map(\.nanosecondsEach).median
        return Figures.row(
            name,
            Figures.grouped(1e9 / each),
            each.formatted(decimals: 0),
            Figures.grouped(Double(rounds.map(\.peakWaiting).max() ?? 0)),
            SeriesUnit.bytes.text(rounds.map(\.growth).max() ?? 0)
        )
    }

    private func broker() async throws -> Round {
        try await MemoryBroker().withConnection { connection in
            let subscription = try await connection.subscribe(to: "bench.hand.off")
            let topic = TopicName("bench.hand.off")
            var gauge = Gauge()
            let measurement = try await Measurement(messages) {
                async let reading: Void = {
                    var iterator = subscription.makeAsyncIterator()
                    for _ in 0..<messages { _ = try await iterator.next() }
                }()
                for index in 0..<messages {
                    try await connection.publish(message, to: topic)
                    gauge.look(index, waiting: subscription.waiting)
                }
                try await reading
            }
            return Round(
                nanosecondsEach: measurement.nanosecondsEach,
                peakWaiting: gauge.peakWaiting,
                growth: gauge.growth
            )
        }
    }

    private func asyncStream() async throws -> Round {
        let (stream, continuation) = AsyncStream.makeStream(of: Message.self)
        let read = Progress()
        var gauge = Gauge()
        let measurement = try await Measurement(messages) {
            async let reading: Void = {
                var count = 0
                for await _ in stream {
                    count += 1
                    if count % 256 == 0 { read.count.store(count, ordering: .relaxed) }
                }
            }()
            for index in 0..<messages {
                continuation.yield(message)
                gauge.look(index, waiting: index - read.count.load(ordering: .relaxed))
            }
            continuation.finish()
            await reading
        }
        return Round(
            nanosecondsEach: measurement.nanosecondsEach,
            peakWaiting: gauge.peakWaiting,
            growth: gauge.growth
        )
    }
}
