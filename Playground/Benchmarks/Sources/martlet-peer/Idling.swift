import Foundation
import Martlet

/// What a process with one connection holds: resident memory, with as many idle subscriptions as the count.
struct Idling {
    private let job: Job

    init(_ job: Job) { self.job = job }

    func run() async throws {
        let broker = try await job.connect()
        var subscriptions: [Subscription] = []
        subscriptions.reserveCapacity(job.count)
        for number in 0..<job.count {
            subscriptions.append(try await broker.subscribe(to: TopicPattern("bench.idle.\(number)")))
        }
        try await broker.publish(job.message, to: "bench.idle.0")
        var first = subscriptions[0].makeAsyncIterator()
        _ = try await first.next()
        Report.bytes(Self.resident)
        withExtendedLifetime(subscriptions) {}
        await broker.close()
    }

    /// In bytes; 0 where the system has no `/proc`.
    private static var resident: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1_024
    }
}
