import Martlet
import MartletTesting

/// Testing with faults: a bad link on purpose, replayed by its seed, and a clock that a test moves.
struct Faults: Example {
    let name = "faults"
    let summary = "test what you build: a bad link from a seed, and a clock that stands still"

    let measured = Topic<Int>("sensor.measured")

    func run(on broker: Broker) async throws {
        // The same seed does the same again: a test that failed prints its seed, and that is all it takes to replay it.
        for seed: UInt64 in [7, 8, 7] {
            print("seed \(seed) lets through \(try await whatArrives(seed, on: broker))")
        }
        try await timeout(on: broker)
    }

    private func whatArrives(_ seed: UInt64, on broker: Broker) async throws -> String {
        let connection = try await broker.connect(name: "sensor")
        let values = try await connection.subscribe(to: measured)
        let faults = MartletTesting.Faults(duplicate: 0.2, drop: 0.2)
        try await withFaultyConnection(wrapping: connection, seed: seed, faults: faults) { sensor in
            for value in 1...9 { try await sensor.publish(value, to: measured) }
            // A guarantee holds on a bad link as well: this one is not lost.
            try await sensor.publish(10, to: measured, options: PublishOptions(guarantee: .exactlyOnce))
        }
        var arrived: [String] = []
        for try await value in values {
            if value.value == 10 { break }
            arrived.append(String(value.value))
        }
        return arrived.joined(separator: " ")
    }

    /// A timeout of an hour, tested in no time.
    private func timeout(on broker: Broker) async throws {
        let clock = TestClock()
        let caller = try await broker.connect(name: "caller", clock: clock)
        let silent = try await broker.connect(name: "silent")
        // Takes the request, and never answers.
        let requests = try await silent.consume(from: "oracle")

        async let answer = caller.call("oracle", Message("why?"), timeout: .seconds(3_600))
        let request = try await requests.next()
        try await clock.waitForSleepers()
        clock.advance(by: .seconds(3_600))
        do {
            _ = try await answer
        } catch let error as MessagingError {
            print("the question \(request?.message.text ?? "") ended an hour later: \(error.code)")
        }
    }
}
