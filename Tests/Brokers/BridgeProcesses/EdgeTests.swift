import BridgeSupport
import IntegrationSupport
import Martlet
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension OwnProcessTests {
    /// An edge without its link keeps everything on its disk, though its process is killed and started again and again and
    /// the disk is full for a while.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct EdgeTests {
        private static let count = 20_000

        /// What a process that is killed has to know.
        private struct Life: Codable, Sendable {
            var fromPort: Int
            var toPort: Int
            var queue: String
            var folder: String
            /// How many messages are to be on disk, or to have been passed on, when it is killed.
            var limit: Int
            /// Whether it has its link.
            var isLinked = false
            /// How many bytes a file may have, which stands for a full disk; `nil`: any number.
            var fileLimit: Int?
        }

        private static func bridge(_ from: any Connection, _ to: any Connection, _ queue: String, _ folder: String)
            -> Bridge
        {
            Bridge(from: from, to: to, name: "edge") {
                Forward(
                    queue: QueueName(queue),
                    options: RouteOptions(
                        guarantee: .atLeastOnce,
                        deduplication: count,
                        store: StoreOptions(folder: folder, segmentBytes: 256 << 10)
                    )
                )
            }
        }

        @Test func anEdgeWithoutItsLinkLosesNothing() async throws {
            let queue = "edge\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
            let folder = try TemporaryFolder("store")
            defer { folder.remove() }
            let (fromPort, toPort) = (try await BrokerKind.amqp.port, try await BrokerKind.redis.port)
            let feeder = try await BrokerKind.amqp.connect()
            try await feeder.sendNumbers(Self.count, to: QueueName(queue))
            try await TCPProxy.withProxy(to: toPort) { link in
                try await link.refuseConnections()
                let limits: [(stored: Int, file: Int?)] = [
                    (2_000, nil), (5_000, nil), (Self.count, 100_000), (9_000, nil), (14_000, nil), (18_000, nil),
                ]
                for limit in limits {
                    await run(
                        Life(
                            fromPort: fromPort,
                            toPort: link.port,
                            queue: queue,
                            folder: folder.path,
                            limit: limit.stored,
                            fileLimit: limit.file
                        )
                    )
                }
                #expect(link.counts.openConnections == 0)
                try await link.acceptConnections()
                // With the link back it is killed once more.
                await run(
                    Life(
                        fromPort: fromPort,
                        toPort: link.port,
                        queue: queue,
                        folder: folder.path,
                        limit: Self.count / 4,
                        isLinked: true
                    )
                )
                let from = try await BrokerKind.amqp.connect()
                let to = try await BrokerKind.redis.connect(port: link.port)
                let consumer = try await BrokerKind.redis.connect()
                let jobs = try await consumer.consume(from: QueueName(queue), options: ConsumeOptions(prefetch: 1_000))
                let bridge = Self.bridge(from, to, queue, folder.path)
                let arrived = try await bridge.whileRunning(readyWithin: .seconds(60)) {
                    var arrived = Numbered()
                    while arrived.count < Self.count, let job = try await jobs.next() {
                        arrived.add(job.message.text)
                        try job.ack()
                    }
                    // Also the last is forgotten.
                    try await until { bridge.reports[0].statistics.stored == 0 }
                    return arrived
                }
                let statistics = bridge.reports[0].statistics
                print("an edge without its link: \(arrived), \(statistics)")
                #expect(arrived.count == Self.count)
                #expect(arrived.late == 0)
                // What was under way when the last one was killed, or not yet noted as done.
                #expect(arrived.duplicates <= 1_024)
                #expect(statistics.storeDropped == 0 && statistics.lost == 0)
                for connection in [feeder, from, to, consumer] { await connection.close() }
            }
        }

        /// Runs a bridge that is killed when it has stored or passed on enough.
        private func run(_ life: Life) async {
            await #expect(processExitsWith: .signal(SIGKILL)) { [life = life as Life] in
                signal(SIGXFSZ, SIG_IGN)
                let from = try await BrokerKind.amqp.connect(port: life.fromPort)
                let to = try await BrokerKind.redis.connect(port: life.toPort, whenUnreachable: .retry)
                guard life.isLinked || to.state == .connecting else { exit(1) }
                #if canImport(Glibc)
                if let bytes = life.fileLimit {
                    var limit = rlimit()
                    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                    limit.rlim_cur = UInt(bytes)
                    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                }
                #endif
                let bridge = EdgeTests.bridge(from, to, life.queue, life.folder)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await bridge.run() }
                    try await bridge.waitUntilReady(within: .seconds(60))
                    if life.isLinked {
                        try await until { bridge.reports[0].statistics.forwarded >= life.limit }
                    } else if life.fileLimit == nil {
                        try await until { bridge.reports[0].statistics.stored >= life.limit }
                    } else {
                        // The disk is full: nothing more is taken.
                        var (stored, rounds) = (0, 0)
                        while rounds < 20 {
                            try await Task.sleep(for: .milliseconds(20))
                            let now = bridge.reports[0].statistics.stored
                            (rounds, stored) = (now == stored ? rounds + 1 : 0, now)
                        }
                        guard stored < life.limit else { exit(1) }
                    }
                    kill(getpid(), SIGKILL)
                }
            }
        }
    }
}
