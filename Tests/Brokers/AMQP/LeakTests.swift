import Foundation
import IntegrationSupport
import Martlet
import MartletTransport
import Testing

@testable import MartletAMQP

/// What is opened and closed again leaves nothing behind.
@Suite(.timeLimit(.minutes(10))) struct LeakTests {
    @Test func connectionsAndChannelsLeaveNothing() async throws {
        try await RabbitMQServer.withServer { server in
            // In a process of its own: what other tests had need not all go back to the system.
            await #expect(processExitsWith: .success) { [port = server.port as Int] in
                func connect() async throws {
                    try await withAMQP(port: port) { broker in
                        let subscription = try await broker.subscribe(to: "leak.#")
                        try await broker.publish(Message("x"), to: "leak.x")
                        _ = try await subscription.next()
                        _ = try await broker.openReplyAddress { _, _ in }
                    }
                }
                for _ in 0..<100 { try await connect() }
                let before = LeakTests.usage()
                for _ in 0..<900 { try await connect() }
                try await withAMQP(port: port) { broker in
                    for _ in 0..<10 {
                        var channels: [AMQPChannel] = []
                        for _ in 0..<100 { channels.append(try await broker.openChannel()) }
                        for channel in channels { await channel.close() }
                    }
                    // They are gone at the broker as well, whose limit is 2,047.
                    for _ in 0..<3 {
                        var channels: [AMQPChannel] = []
                        for _ in 0..<1_000 { channels.append(try await broker.openChannel(confirms: false)) }
                    }
                }
                // A thread that has ended may be counted for a moment. Thirty kilobytes a connection would be as much.
                let deadline = ContinuousClock.now + .seconds(30)
                while true {
                    let after = LeakTests.usage()
                    if after.descriptors <= before.descriptors + 2, after.threads <= before.threads + 2,
                        after.bytes < before.bytes + (32 << 20)
                    {
                        break
                    }
                    guard .now < deadline else { fatalError("there were \(before), and now there are \(after)") }
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            // What has queues that outlive a link takes them along when it is closed.
            try await withAMQP(
                port: server.port,
                {
                    $0.replies = .queue
                    $0.connection.will = Will(topic: "leak.will", message: Message("gone"), retain: false)
                },
                { broker in
                    _ = try await broker.openReplyAddress { _, _ in }
                    let subscription = try await broker.subscribe(to: "leak.#", options: .init(guarantee: .atLeastOnce))
                    let queues = try await server.control("list_queues", "name")
                    #expect(queues.contains("martlet"))
                    #expect(subscription.waiting == 0)
                }
            )
            let queues = try await server.control("list_queues", "name")
            #expect(!queues.contains("martlet"))
        }
    }

    /// An answer that comes before anybody waits for it would leave its asker waiting for ever.
    @Test func anAnswerNeverComesTooEarly() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let queue = AMQPQueue(unique("early"), isExclusive: true)
            func round() async throws {
                try await broker.withChannel { _ in _ = try await broker.declare(queue) }
            }
            for _ in 0..<times(2_500) { try await round() }
            // One is the verbs'. The farewells of the last ones may not have been heard yet.
            try await until { await broker.session.holdings.channels <= 1 }
        }
    }

    @Test func nothingOfAClosedConnectionStartsAThreadWhenItIsDropped() async throws {
        var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: try await RabbitMQServer.shared().port)])
        options.connection.name = unique("dropped")
        var connection: AMQPConnection? = try await AMQPConnection.connect(options)
        var subscription: Subscription? = try await connection?.subscribe(to: "dropped.topic")
        var channel: AMQPChannel? = try await connection?.openChannel()
        let loop = try #require(connection?.session.loop)
        await connection?.close()
        try await until { !loop.isRunning }
        let threads = loop.statistics.threads
        withExtendedLifetime((subscription, channel)) {}
        subscription = nil
        channel = nil
        connection = nil
        #expect(loop.statistics.threads == threads)
    }

    private struct Usage {
        var descriptors: Int
        var threads: Int
        var bytes: Int
    }

    /// Of this process.
    private static func usage() -> Usage {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        func number(_ name: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
            return Int(line.filter(\.isNumber)) ?? 0
        }
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
        return Usage(descriptors: descriptors, threads: number("Threads:"), bytes: number("VmRSS:") << 10)
    }
}
