import BridgeSupport
import Foundation
import IntegrationSupport
import Martlet
import Testing

extension OwnProcessTests {
    /// A sink that is slower than its source: the source is held back, or what is too much is dropped and counted. Each in a
    /// process of its own, whose memory is measured.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct SlowSinkTests {
        private static let count = 1_500
        private static let window = 32
        private static let body = [UInt8](repeating: 7, count: 50_000)

        /// What one bridge may need: its windows on both sides, and what the allocator keeps. All messages are 75 MB. What a
        /// sanitizer needs is not the bridge's.
        private static let memory = ProcessInfo.processInfo.environment["MARTLET_FLOOD"] == nil ? 40 << 20 : Int.max

        /// What a process has to know.
        private struct Scene: Codable, Sendable {
            var from: BrokerKind
            var fromPort: Int
            var toPort: Int
            var name = "slow\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        }

        private func scene(_ from: BrokerKind, to: BrokerKind) async throws -> Scene {
            Scene(from: from, fromPort: try await from.port, toPort: try await to.port)
        }

        @Test(arguments: [BrokerKind.amqp, .redis])
        func aQueueIsHeldBack(from: BrokerKind) async throws {
            let scene = try await scene(from, to: .redis)
            await #expect(processExitsWith: .success) { [scene = scene as Scene] in
                try await SlowSinkTests.holdBack(scene)
            }
        }

        private static func holdBack(_ scene: Scene) async throws {
            try await TCPProxy.withProxy(to: scene.toPort) { link in
                let (feeder, from) = (
                    try await scene.from.connect(port: scene.fromPort),
                    try await scene.from.connect(port: scene.fromPort)
                )
                let (to, consumer) = (
                    try await BrokerKind.redis.connect(port: link.port),
                    try await BrokerKind.redis.connect(port: scene.toPort)
                )
                let (here, there) = (QueueName(scene.name), QueueName("\(scene.name).there"))
                let jobs = try await consumer.consume(from: there, options: ConsumeOptions(prefetch: window))
                let bridge = Bridge(from: from, to: to) {
                    Forward(queue: here, toQueue: there, options: RouteOptions(window: window))
                }
                try await bridge.whileRunning(readyWithin: .seconds(60)) {
                    link.set(.stall)
                    let before = ProcessFigures.residentBytes
                    for _ in 0..<count { try await feeder.send(Message(body), to: here) }
                    try await until { bridge.reports[0].statistics.received >= window }
                    // The source has all the rest.
                    #expect(bridge.reports[0].statistics.received <= 2 * window + 1)
                    #expect(bridge.reports[0].statistics.forwarded == 0)
                    #expect(ProcessFigures.residentBytes - before < memory)
                    // Then the link is there a tenth of the time.
                    var highest = 0
                    var arrived = 0
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            while !Task.isCancelled {
                                link.set(.forward)
                                try await Task.sleep(for: .milliseconds(2))
                                link.set(.stall)
                                try await Task.sleep(for: .milliseconds(18))
                            }
                        }
                        while arrived < count / 5, let job = try await jobs.next() {
                            try job.ack()
                            arrived += 1
                            highest = max(highest, bridge.reports[0].statistics.inFlight)
                        }
                        group.cancelAll()
                    }
                    #expect(highest <= 2 * window + 1)
                    #expect(ProcessFigures.residentBytes - before < memory)
                    link.set(.forward)
                    while arrived < count, let job = try await jobs.next() {
                        try job.ack()
                        arrived += 1
                    }
                    #expect(arrived == count)
                }
                #expect(bridge.reports[0].statistics.dropped == 0)
                for connection in [feeder, from, to, consumer] { await connection.close() }
            }
        }

        @Test(arguments: [BrokerKind.redis, .mqtt], [true, false])
        func whatIsTooMuchOfATopicIsDroppedAndCounted(from: BrokerKind, keepsNewest: Bool) async throws {
            struct DropScene: Codable, Sendable {
                var scene: Scene
                var keepsNewest: Bool
            }
            let scene = DropScene(scene: try await scene(from, to: .amqp), keepsNewest: keepsNewest)
            await #expect(processExitsWith: .success) { [scene = scene as DropScene] in
                try await SlowSinkTests.drop(scene.scene, scene.keepsNewest ? .dropOldest : .dropNewest)
            }
        }

        private static func drop(_ scene: Scene, _ overflow: Overflow) async throws {
            try await TCPProxy.withProxy(to: scene.toPort) { link in
                let (publisher, from) = (
                    try await scene.from.connect(port: scene.fromPort),
                    try await scene.from.connect(port: scene.fromPort)
                )
                let to = try await BrokerKind.amqp.connect(port: link.port)
                let bridge = Bridge(from: from, to: to) {
                    Forward(TopicPattern(scene.name), options: RouteOptions(window: window, overflow: overflow))
                }
                try await bridge.whileRunning(readyWithin: .seconds(60)) {
                    link.set(.stall)
                    let before = ProcessFigures.residentBytes
                    for number in 1...count {
                        try await publisher.publish(Message(body), to: TopicName(scene.name))
                        // No faster than the bridge reads, or the broker itself would drop.
                        guard number.isMultiple(of: 50) else { continue }
                        try await until {
                            let statistics = bridge.reports[0].statistics
                            return statistics.received + statistics.overflowed >= number - 2 * window
                        }
                    }
                    // All that does not fit into the windows has been dropped.
                    try await until { bridge.reports[0].statistics.overflowed >= count - 4 * window }
                    #expect(bridge.reports[0].statistics.inFlight <= 2 * window + 1)
                    #expect(ProcessFigures.residentBytes - before < memory)
                    link.set(.forward)
                    try await until {
                        let statistics = bridge.reports[0].statistics
                        return statistics.forwarded + statistics.overflowed == count
                    }
                }
                let statistics = bridge.reports[0].statistics
                #expect(statistics.received == statistics.forwarded)
                #expect(statistics.dropped == statistics.overflowed)
                for connection in [publisher, from, to] { await connection.close() }
            }
        }
    }
}
