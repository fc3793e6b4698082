import Logging
import Martlet
import MartletConsole

/// How many calls of a remote procedure are answered, by how many callers at a time.
struct CallBench: Sendable {
    let calls: Int

    private let echo = QueueName("bench.echo")

    init(calls: Int) {
        self.calls = calls
    }

    func run(_ display: LiveDisplay) async throws -> [String] {
        let label = "calls"
        defer { display.endProgress(label) }
        let broker = MemoryBroker()
        return try await broker.withConnection(options: ConnectionOptions(logger: .playground)) { server in
            try await broker.withConnection { client in
                let node = Node("bench", on: server, options: NodeOptions(heartbeat: nil)) {
                    Respond(to: echo) { $0 }
                }
                return try await node.whileRunning {
                    var lines = [Figures.row("RPC, 64 bytes", "calls/s", "median", "99 %")]
                    for (step, callers) in [1, 64].enumerated() {
                        lines.append(try await measure(callers, client))
                        display.progress(label, Double(step + 1) / 2)
                    }
                    return lines
                }
            }
        }
    }

    private func measure(_ callers: Int, _ client: MemoryConnection) async throws -> String {
        let request = Message(Array(repeating: 7, count: 64))
        let each = max(1, calls / callers)
        var latencies: [Double] = []
        let measurement = try await Measurement(each * callers) {
            latencies = try await withThrowingTaskGroup(of: [Double].self) { group in
                for _ in 0..<callers {
                    group.addTask {
                        var latencies: [Double] = []
                        for _ in 0..<each {
                            let start = ContinuousClock.now
                            _ = try await client.call(echo, request)
                            latencies.append((ContinuousClock.now - start) / .microseconds(1))
                        }
                        return latencies
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
        }
        let late = latencies.sorted()[latencies.count * 99 / 100]
        return Figures.row(
            callers == 1 ? "one at a time" : "\(callers) callers",
            Figures.grouped(measurement.perSecond),
            latencies.median.formatted(decimals: 1) + " µs",
            late.formatted(decimals: 1) + " µs"
        )
    }
}
