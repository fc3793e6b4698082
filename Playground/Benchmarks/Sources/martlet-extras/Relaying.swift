import Martlet
import MartletRelay
import PeerJob

/// A relay from a broker to Carbon, whose port is in `SINK_PORT`, until it is killed. Each batch is confirmed.
struct Relaying {
    private let job: Job

    init(_ job: Job) { self.job = job }

    func run() async throws {
        let source = try await job.connect()
        let port = Job.port("SINK_PORT") ?? CarbonSink.defaultPort
        let carbon = CarbonSink(host: "127.0.0.1", port: port, thread: source.taskExecutor)
        let bridge = Bridge(from: source, to: SinkConnection(carbon), name: "bench") {
            Forward("bench.#", options: RouteOptions(guarantee: .atMostOnce))
        }
        try await bridge.whileRunning {
            Report.ready()
            try await Task.sleep(for: .seconds(86_400))
        }
    }
}
