import Martlet
import PeerJob

/// A bridge from one broker to another, whose port is in `SINK_PORT`, until it is killed.
struct Bridging {
    private let job: Job

    init(_ job: Job) { self.job = job }

    func run() async throws {
        let source = try await job.connect()
        let sink = try await job.connect(port: Job.port("SINK_PORT"), thread: source.taskExecutor)
        let bridge = Bridge(from: source, to: sink, name: "bench") {
            Forward("bench.#", options: RouteOptions(guarantee: .atMostOnce))
        }
        try await bridge.whileRunning {
            Report.ready()
            try await Task.sleep(for: .seconds(86_400))
        }
    }
}
