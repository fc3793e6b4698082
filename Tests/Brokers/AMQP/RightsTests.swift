import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// A user who may not configure anything does what the other rights allow, and is told which right is missing.
@Suite(.timeLimit(.minutes(10))) struct RightsTests {
    /// Runs `body` with the broker's port, and names of users of the test's own who have these rights, with their names as
    /// passwords.
    private func withUsers<Result>(
        _ rights: [(configure: String, write: String, read: String)],
        _ body: (Int, [AMQPOptions.Credentials]) async throws -> Result
    ) async throws -> Result {
        let server = try await RabbitMQServer.shared()
        var users: [AMQPOptions.Credentials] = []
        for right in rights {
            let name = unique("user")
            try await server.control("add_user", name, name)
            try await server.control("set_permissions", name, right.configure, right.write, right.read)
            users.append(.plain(user: name, password: name))
        }
        return try await body(server.port, users)
    }

    private func error(_ body: () async throws -> Void) async -> MessagingError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? MessagingError
        }
    }

    @Test(arguments: [AMQPQueue.Kind.classic, .quorum])
    func aQueueThatExistsIsConsumedAndSentTo(_ kind: AMQPQueue.Kind) async throws {
        let prefix = unique("lp")
        try await withUsers([("^$", "^$", "\(prefix)\\..*"), ("^$", ".*", "^$")]) { port, users in
            try await withAMQP(port: port) { administrator in
                var queue = AMQPQueue("\(prefix).jobs")
                queue.kind = kind
                try await administrator.declare(queue)
                let name = QueueName(queue.name)
                try await administrator.send(Message("1"), to: name)
                try await withAMQP(port: port, { $0.credentials = users[1] }) { writer in
                    try await writer.send(Message("2"), to: name)
                    try await writer.send(Message("3"), to: name, options: SendOptions(guarantee: .atMostOnce))
                    try await writer.send(Message("4"), to: name)
                }
                try await withAMQP(port: port, { $0.credentials = users[0] }) { reader in
                    let jobs = try await reader.consume(from: name)
                    for number in 1...4 {
                        let job = try #require(try await jobs.next())
                        #expect(job.message.text == "\(number)")
                        try job.ack()
                    }
                }
                try await administrator.deleteQueue(queue.name)
            }
        }
    }

    @Test func aQueueThatDoesNotExistIsAnErrorThatNamesTheRight() async throws {
        try await withUsers([("^$", ".*", ".*")]) { port, users in
            try await withAMQP(port: port, { $0.credentials = users[0] }) { broker in
                let queue = QueueName(unique("none"))
                let errors = [
                    await error { _ = try await broker.consume(from: queue) },
                    await error { try await broker.send(Message("x"), to: queue) },
                    await error {
                        try await broker.send(Message("x"), to: queue, options: .init(guarantee: .atMostOnce))
                    },
                    await error { _ = try await broker.subscribe(to: "news.#") },
                    await error { _ = try await broker.consumeRequests(from: queue, options: ConsumeOptions()) },
                    await error { try await broker.declare(AMQPQueue(queue.text)) },
                ]
                for error in errors {
                    #expect(error?.code == .refused)
                    #expect(error?.amqpReplyCode == 403)
                    #expect(error?.message.contains("configure") == true, "\(error?.message ?? "")")
                }
            }
        }
    }

    @Test func eachMissingRightIsNamed() async throws {
        let prefix = unique("lp")
        try await withUsers([("\(prefix).*", "^$", "^$")]) { port, users in
            try await withAMQP(port: port, { $0.credentials = users[0] }) { broker in
                let queue = AMQPQueue("\(prefix).own", isExclusive: true)
                try await broker.declare(queue)
                let reading = await error {
                    _ = try await broker.withChannel { try await $0.consume(from: queue.name) }
                }
                #expect(
                    reading?.message.hasSuffix("the right that is missing: read") == true,
                    "\(String(describing: reading))"
                )
                let writing = await error {
                    try await broker.withChannel { try await $0.publish(AMQPMessage("x"), routingKey: queue.name) }
                }
                #expect(
                    writing?.message.hasSuffix("the right that is missing: write") == true,
                    "\(String(describing: writing))"
                )
                let binding = await error { try await broker.bindQueue(AMQPBinding(from: "amq.topic", to: queue.name)) }
                #expect(
                    binding?.message.hasSuffix("the right that is missing: write") == true,
                    "\(String(describing: binding))"
                )
                // Reserved, not a matter of rights.
                let reserved = await error { try await broker.declare(AMQPQueue("amq.mine")) }
                #expect(reserved?.message.contains("right") == false)
            }
        }
    }

    @Test func callsNeedNoQueueOfTheCallers() async throws {
        try await withUsers([("^$", ".*", ".*")]) { port, users in
            try await withAMQP(port: port) { responder in
                let echo = RPC<Int, Int>(QueueName(unique("lp.rpc")))
                let node = Node("echo", on: responder) { Respond(to: echo) { $0 + 1 } }
                try await node.whileRunning {
                    try await withAMQP(port: port, { $0.credentials = users[0] }) { caller in
                        for number in 0..<10 {
                            let answer = try await caller.call(echo, number, timeout: .seconds(60))
                            #expect(answer == number + 1)
                        }
                    }
                }
            }
        }
    }

    /// Its queue and its bindings were made by somebody else.
    @Test func aDurableSubscriptionThatExistsIsReadAsItIs() async throws {
        let prefix = unique("lp")
        try await withUsers([("^$", "^$", "\(prefix)\\..*")]) { port, users in
            try await withAMQP(port: port) { administrator in
                let topic = TopicName("\(prefix).news")
                let durable = SubscribeOptions(durableName: "\(prefix).durable")
                try await administrator.declare(AMQPQueue("\(prefix).durable"))
                try await administrator.bindQueue(
                    AMQPBinding(from: "amq.topic", to: "\(prefix).durable", routingKey: topic.text)
                )
                try await withAMQP(port: port, { $0.credentials = users[0] }) { reader in
                    let news = try await reader.subscribe(to: TopicPattern(topic), options: durable)
                    try await administrator.publish(Message("x"), to: topic)
                    let delivery = try #require(try await news.next())
                    #expect(delivery.message.text == "x")
                    try delivery.ack()
                }
                try await administrator.deleteQueue("\(prefix).durable")
            }
        }
    }

    @Test func aWillThatMayNotBeLeftIsTold() async throws {
        try await withUsers([("^$", ".*", ".*")]) { port, users in
            let log = LogRecorder()
            try await withAMQP(
                port: port,
                {
                    $0.credentials = users[0]
                    $0.connection.logger = log.logger
                    $0.connection.will = Will(topic: "gone", message: Message("x"), retain: false)
                },
                { _ in #expect(log.lines.contains { $0.contains("will") && $0.contains("configure") }, "\(log.lines)") }
            )
        }
    }
}
