import Martlet
import PeerJob

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

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
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        // The size of all, and what of it is resident, in pages.
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(
            separator: " "
        )
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
    }
}
