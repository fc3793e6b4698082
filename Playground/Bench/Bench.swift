import Martlet
import MartletConsole

/// What it costs to do things by messages, measured in one process, on the embedded broker.
struct Bench: Sendable {
    /// How much work is done, as a part of the usual amount: for tests.
    var scale = 1.0

    func run() async throws {
        #if DEBUG
        print("This is a debug build: the figures mean nothing.")
        #endif
        let lines = try await withLiveDisplay { display in
            let handOff = try await HandOffBench(messages: count(1_000_000), rounds: 5).run(display)
            let matching = try await MatchingBench(publishes: count(100_000)).run(display)
            let calls = try await CallBench(calls: count(50_000)).run(display)
            let queue = try await QueueBench(messages: count(200_000)).run(display)
            return handOff + [""] + matching + [""] + calls + [""] + queue
        }
        for line in lines { print(line) }
    }

    private func count(_ usual: Int) -> Int { max(10, Int(Double(usual) * scale)) }
}
