import Foundation
import Martlet
import MartletRelay

/// Where the relays of the examples deliver metrics: to Carbon, where the environment variable `CARBON` says (`host` or
/// `host:port`), or to a sink that prints them.
enum MetricsEnd {
    static func open() -> any Connection {
        guard let place = ProcessInfo.processInfo.environment["CARBON"] else { return SinkConnection(Printer()) }
        let parts = place.split(separator: ":").map(String.init)
        let port = parts.count > 1 ? Int(parts[1]) : nil
        return SinkConnection(CarbonSink(host: parts[0], port: port ?? CarbonSink.defaultPort), name: "carbon")
    }

    /// Runs a relay until so many messages have come through; a real one runs for ever, by `run()`.
    static func run(_ relay: Bridge, until count: Int, _ body: @escaping @Sendable () async throws -> Void) async throws
    {
        try await relay.whileRunning {
            try await body()
            while relay.reports[0].statistics.forwarded < count { try await Task.sleep(for: .milliseconds(10)) }
        }
    }
}

/// A sink of one's own.
private struct Printer: Sink {
    func deliver(_ batch: [SinkItem]) async throws {
        for item in batch {
            for line in (item.message.text ?? "").split(separator: "\n") { print(String(line)) }
        }
    }
}
