import Martlet
import Synchronization

/// Timed loops: something is done at a fixed interval, without drift and never twice at a time.
struct TimedLoops: Example {
    let name = "timed-loops"
    let summary = "loops at a fixed interval: no drift, no overlap, figures about each run"

    let ticks = Topic<Int>("clock.ticks")

    func run(on broker: Broker) async throws {
        let connection = try await broker.connect(name: "clock")
        let seen = try await connection.subscribe(to: ticks)

        let count = Mutex(0)
        let steady = Every(.milliseconds(20)) {
            let number = count.withLock { count in
                count += 1
                return count
            }
            try await connection.publish(number, to: ticks)
            return number < 5 ? Tick.again : .stop  // A loop may end itself.
        }

        // Runs for longer than its interval: the ticks that fall into a run are skipped, and counted.
        let late = Every(.milliseconds(10)) {
            try await Task.sleep(for: .milliseconds(35))
            return Tick.stop
        }

        // The node ends by itself when all its components have ended.
        try await Node("clock", on: connection) {
            steady
            late
        }.run()

        for try await tick in seen.prefix(5) { print("tick \(tick.value)") }
        print("the steady loop ran \(steady.statistics.runs) times")
        if let longest = late.statistics.maximum {
            print("a run of the late one took \(longest > late.interval ? "longer than" : "within") its interval")
        }
    }
}
