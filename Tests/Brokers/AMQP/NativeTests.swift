import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

/// AMQP as it is, on a real broker.
@Suite(.timeLimit(.minutes(10))) struct NativeTests {
    private func withBroker<Result>(_ body: (AMQPConnection) async throws -> Result) async throws -> Result {
        try await withAMQP(port: RabbitMQServer.shared().port, { _ in }, body)
    }

    @Test func acknowledgementsGivenJustBeforeAChannelsEndCount() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("acknowledged"), isExclusive: true)
            try await broker.declare(queue)
            try await broker.withChannel { channel in
                for number in 0..<30 { try await channel.publish(AMQPMessage("\(number)"), routingKey: queue.name) }
            }
            try await broker.withChannel { channel in
                var remaining = 30
                for try await delivery in try await channel.consume(from: queue.name) {
                    try delivery.ack()
                    remaining -= 1
                    if remaining == 0 { break }
                }
            }
            let status = try await broker.declare(queue, passive: true)
            #expect(status.messages == 0)
        }
    }

    @Test func publishesMadeJustBeforeAChannelsEndArrive() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("published"), isExclusive: true)
            try await broker.declare(queue)
            try await broker.withChannel(confirms: false) { channel in
                for number in 0..<100 { try await channel.publish(AMQPMessage("\(number)"), routingKey: queue.name) }
            }
            // A queue that is asked how it stands answers before it has taken what came first.
            try await until { try await broker.declare(queue, passive: true).messages == 100 }
        }
    }

    /// As in a program's top-level code, which is the main actor's.
    @MainActor @Test func aChannelServesTheMainActor() async throws {
        var taken: [String] = []
        let options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: try await RabbitMQServer.shared().port)])
        let broker = try await AMQPConnection.connect(options)
        let queue = try await broker.declare(AMQPQueue("", isDurable: false, isExclusive: true))
        try await broker.withChannel { channel in
            try await channel.publish(AMQPMessage("x"), routingKey: queue.name)
            let delivery = try await channel.get(from: queue.name, noAck: true)
            taken.append(String(decoding: delivery?.message.body ?? [], as: UTF8.self))
        }
        await broker.close()
        #expect(taken == ["x"])
    }

    @Test func eachKindOfExchangePicksItsQueues() async throws {
        try await withBroker { broker in
            let channel = try await broker.openChannel()
            for (kind, key, arguments) in [
                (AMQPExchange.Kind.direct, "red", AMQPTable()),
                (.topic, "*.red", [:]),
                (.fanout, "", [:]),
                (.headers, "", ["x-match": "all", "colour": "red"]),
            ] {
                let exchange = AMQPExchange(unique("exchange"), kind: kind, isAutoDeleted: true)
                try await broker.declare(exchange)
                let queue = AMQPQueue(unique("queue"), isDurable: false, isExclusive: true)
                try await broker.declare(queue)
                let binding = AMQPBinding(
                    from: exchange.name,
                    to: queue.name,
                    routingKey: key,
                    arguments: arguments
                )
                try await broker.bindQueue(binding)
                for colour in ["red", "blue"] {
                    let message = AMQPMessage(colour, properties: .init(headers: ["colour": .string(colour)]))
                    let routingKey = kind == .topic ? "very.\(colour)" : colour
                    try await channel.publish(message, to: exchange.name, routingKey: routingKey)
                }
                var got: [String] = []
                while let delivery = try await channel.get(from: queue.name, noAck: true) {
                    got.append(String(decoding: delivery.message.body, as: UTF8.self))
                }
                #expect(got == (kind == .fanout ? ["red", "blue"] : ["red"]))
                try await broker.unbindQueue(binding)
                let code = await replyCode { try await broker.declare(exchange, passive: true) }
                #expect(code == 404, "the exchange goes with its last binding")
            }
        }
    }

    @Test func anExchangeHandsMessagesToAnother() async throws {
        try await withBroker { broker in
            let (first, second) = (unique("first"), unique("second"))
            try await broker.declare(AMQPExchange(first, kind: .fanout, isDurable: false))
            try await broker.declare(AMQPExchange(second, kind: .fanout, isDurable: false, isInternal: true))
            let binding = AMQPBinding(from: first, to: second)
            try await broker.bindExchange(binding)
            let queue = try await broker.declare(AMQPQueue("", isDurable: false, isExclusive: true))
            try await broker.bindQueue(AMQPBinding(from: second, to: queue.name))
            let channel = try await broker.openChannel()
            try await channel.publish(AMQPMessage("x"), to: first)
            let status = try await broker.declare(AMQPQueue(queue.name), passive: true)
            #expect(status.messages == 1)
            try await broker.unbindExchange(binding)
            try await channel.publish(AMQPMessage("y"), to: first)
            let purged = try await broker.purgeQueue(queue.name)
            #expect(purged == 1)
            let deleted = try await broker.deleteQueue(queue.name)
            #expect(deleted == 0)
            try await broker.deleteExchange(first)
            try await broker.deleteExchange(second)
        }
    }

    @Test func aQueuesArgumentsDoWhatTheySay() async throws {
        try await withBroker { broker in
            let dead = AMQPQueue(unique("dead"), isExclusive: true)
            try await broker.declare(dead)
            var queue = AMQPQueue(unique("short"), isExclusive: true)
            queue.maximumLength = 2
            queue.overflow = "reject-publish"
            queue.deadLetterExchange = ""
            queue.deadLetterRoutingKey = dead.name
            queue.maximumPriority = 5
            queue.messageExpiry = .seconds(600)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            try await channel.publish(AMQPMessage("low", properties: .init(priority: 1)), routingKey: queue.name)
            try await channel.publish(AMQPMessage("high", properties: .init(priority: 5)), routingKey: queue.name)
            let code = await errorCode { try await channel.publish(AMQPMessage("more"), routingKey: queue.name) }
            #expect(code == .queueFull)
            let first = try #require(try await channel.get(from: queue.name))
            #expect(first.message.body == Array("high".utf8))
            #expect(first.messageCount == 1)
            try first.reject(requeue: false)
            let second = try #require(try await channel.get(from: queue.name))
            try second.nack(requeue: true)
            let again = try #require(try await channel.get(from: queue.name))
            #expect(again.isRedelivered)
            try again.ack()
            let letter = try #require(try await channel.get(from: dead.name, noAck: true))
            #expect(letter.message.body == Array("high".utf8))
            let nothing = try await channel.get(from: queue.name)
            #expect(nothing == nil)
        }
    }

    @Test func whatIsRefusedCostsNothingElse() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("other"), isExclusive: true)
            try await broker.declare(queue)
            let other = try await broker.openChannel()
            let consumer = try await other.consume(from: queue.name)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask { try await other.publish(AMQPMessage("\(number)"), routingKey: queue.name) }
                }
                let passive = await replyCode {
                    _ = try await broker.declare(AMQPQueue(unique("missing")), passive: true)
                }
                #expect(passive == 404)
                let differs = await replyCode {
                    _ = try await broker.declare(AMQPQueue(queue.name, isExclusive: true, isAutoDeleted: true))
                }
                #expect(differs == 406)
                let own = try await broker.openChannel()
                let missing = await replyCode { _ = try await own.consume(from: unique("missing")) }
                #expect(missing == 404)
                let later = await replyCode { try await own.publish(AMQPMessage("x"), routingKey: queue.name) }
                #expect(later == 404, "what is asked later throws why the channel is gone")
                try await group.waitForAll()
            }
            var bodies: Set<String> = []
            while bodies.count < 100 {
                let delivery = try #require(try await consumer.next())
                bodies.insert(String(decoding: delivery.message.body, as: UTF8.self))
                try delivery.ack()
            }
        }
    }

    @Test func aDeliverySettledTwiceEndsItsChannelAlone() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("twice"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            try await channel.publish(AMQPMessage("x"), routingKey: queue.name)
            let consumer = try await channel.consume(from: queue.name)
            let delivery = try #require(try await consumer.next())
            try delivery.ack()
            try delivery.ack()
            let code = await replyCode { _ = try await consumer.next() }
            #expect(code == 406)
            let status = try await broker.declare(queue)
            #expect(status.messages == 0)
        }
    }

    @Test func publishesToNowhereAreErrors() async throws {
        try await withBroker { broker in
            let healthy = try await broker.openChannel()
            let channel = try await broker.openChannel()
            let code = await replyCode {
                try await channel.publish(AMQPMessage("x"), routingKey: unique("missing"), isMandatory: true)
            }
            #expect(code == 312)
            try await channel.publish(AMQPMessage("x"), routingKey: unique("missing"))
            let missing = await replyCode { try await channel.publish(AMQPMessage("x"), to: unique("missing")) }
            #expect(missing == 404)
            try await healthy.publish(AMQPMessage("x"), routingKey: unique("missing"))
        }
    }

    @Test func ofManyOnlyWhatIsReturnedFails() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("there"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            let outcomes = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let key = number % 3 == 0 ? "nowhere" : queue.name
                        let code = await errorCode {
                            try await channel.publish(AMQPMessage("\(number)"), routingKey: key, isMandatory: true)
                        }
                        return (number, code == nil)
                    }
                }
                return try await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
            }
            #expect(outcomes.allSatisfy { $0.value == ($0.key % 3 != 0) })
            let status = try await broker.declare(queue)
            #expect(status.messages == outcomes.count { $0.value })
        }
    }

    @Test func aChannelsPrefetchBoundsAllItsConsumers() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("bounded"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            try await channel.setPrefetch(3)
            for number in 0..<10 { try await channel.publish(AMQPMessage("\(number)"), routingKey: queue.name) }
            let consumers = [
                try await channel.consume(from: queue.name), try await channel.consume(from: queue.name),
            ]
            // A round trip after which all that was to come has.
            _ = try await broker.declare(queue)
            #expect(consumers.reduce(0) { $0 + $1.waiting } == 3)
        }
    }

    @Test func anEmptyBodyGoesBothWays() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("empty"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            let consumer = try await channel.consume(from: queue.name)
            for body in ["", "x", ""] { try await channel.publish(AMQPMessage(body), routingKey: queue.name) }
            for body in ["", "x", ""] {
                let delivery = try #require(try await consumer.next())
                #expect(delivery.message.body == Array(body.utf8))
                try delivery.ack()
            }
        }
    }

    @Test(arguments: [true, false]) func aConsumerThatLeavesCostsNotItsChannel(_ noAck: Bool) async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("left"), isExclusive: true)
            try await broker.declare(queue)
            let publishing = try await broker.openChannel(confirms: false)
            let channel = try await broker.openChannel()
            for _ in 0..<5 {
                for _ in 0..<1_000 { try await publishing.publish(AMQPMessage("x"), routingKey: queue.name) }
                let consumer = try await channel.consume(from: queue.name, options: .init(prefetch: 0, noAck: noAck))
                _ = try #require(try await consumer.next())
                consumer.cancel()
                // Once this is answered the consumer has ended; what was under way may still come.
                _ = try await channel.get(from: queue.name, noAck: true)
            }
            _ = try await channel.get(from: queue.name, noAck: true)
        }
    }

    /// What a consumer had not read when it was dropped goes back, or the channel's bound would be used up; also what was copied
    /// from a stream.
    @Test(arguments: [AMQPTable(), ["x-stream-offset": 7]])
    func whatADroppedConsumerHasNotReadGoesBack(_ headers: AMQPTable) async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("dropped"))
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            try await channel.setPrefetch(10)
            for number in 0..<30 {
                let message = AMQPMessage("\(number)", properties: .init(headers: headers))
                try await channel.publish(message, routingKey: queue.name)
            }
            var read: [[UInt8]] = []
            for _ in 0..<3 {
                let consumer = try await channel.consume(from: queue.name)
                try await until { consumer.waiting == 10 }
                let delivery = try #require(try await consumer.next())
                read.append(delivery.message.body)
                try delivery.ack()
                try await until { consumer.waiting == 10 }
            }
            // What may be of a stream goes back after a question, so that others may be read before.
            if headers == AMQPTable() { #expect(read == (0..<3).map { Array("\($0)".utf8) }) }
            #expect(Set(read).count == 3)
            try await until { try await broker.declare(queue, passive: true).messages == 27 }
            try await broker.deleteQueue(queue.name)
            #expect(broker.statistics.linkFailures == 0)
        }
    }

    /// What a broker answers to who waits no longer goes back.
    @Test func whatNobodyWaitsForAnyMoreGoesBack() async throws {
        let (asked, cancelled, settled) = (Recorder<Void>(), Recorder<Void>(), Recorder<UInt32>())
        try await FakeBroker.withBroker { peer, _ in
            try await peer.behave { frame in
                switch frame.method {
                // basic.get, and basic.get-ok.
                case 0x003C_0046:
                    asked.signal()
                    try await cancelled.wait(for: 1)
                    let answer = FakePeer.long(0) + FakePeer.long(1) + [0] + FakePeer.text("") + FakePeer.text("q")
                    let header = FakePeer.word(60) + FakePeer.word(0) + FakePeer.long(0) + FakePeer.long(1) + [0, 0]
                    try await peer.send(
                        FakePeer.method(frame.channel, 60, 71, answer + FakePeer.long(0))
                            + FakePeer.frame(2, frame.channel, header) + FakePeer.frame(3, frame.channel, [1])
                    )
                // basic.ack, and basic.nack.
                case 0x003C_0050, 0x003C_0078: settled.record(frame.method ?? 0)
                default: break
                }
            }
        } _: { fake in
            try await withAMQP(port: fake.port) { broker in
                let channel = try await broker.openChannel()
                let isCancelled = try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        do {
                            _ = try await channel.get(from: "q")
                            return false
                        } catch {
                            return error is CancellationError
                        }
                    }
                    try await asked.wait(for: 1)
                    group.cancelAll()
                    return try await group.next()
                }
                #expect(isCancelled == true)
                cancelled.signal()
                #expect(try await settled.wait(for: 1) == [0x003C_0078])
                await channel.close()
            }
        }
    }

    @Test func aHundredTasksPublishOnOneChannel() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("many"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<100 {
                    group.addTask {
                        for number in 0..<50 {
                            try await channel.publish(AMQPMessage("\(task).\(number)"), routingKey: queue.name)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let status = try await broker.declare(queue)
            #expect(status.messages == 5_000)
        }
    }

    @Test func aLargeMessageArrivesInManyFrames() async throws {
        try await withBroker { broker in
            let queue = AMQPQueue(unique("large"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel(confirms: false)
            let consumer = try await channel.consume(from: queue.name, options: .init(noAck: true))
            var body = [UInt8](repeating: 0, count: 64 << 20)
            for index in stride(from: 0, to: body.count, by: 4_093) { body[index] = UInt8(truncatingIfNeeded: index) }
            // The verbs' limit does not count here.
            let code = await errorCode { try await channel.publish(AMQPMessage(body), routingKey: queue.name) }
            #expect(code == .bodyTooLarge)
            try await withAMQP(
                port: RabbitMQServer.shared().port,
                { $0.connection.maximumBodyBytes = 64 << 20 },
                { sender in
                    let channel = try await sender.openChannel()
                    try await channel.publish(AMQPMessage(body), to: "amq.fanout")
                    try await broker.bindQueue(AMQPBinding(from: "amq.fanout", to: queue.name))
                    try await channel.publish(AMQPMessage(body), to: "amq.fanout")
                }
            )
            let delivery = try #require(try await consumer.next())
            #expect(delivery.message.body == body)
        }
    }

    @Test(arguments: [1, 10, 250, 0]) func everyMessageIsSettled(_ prefetch: Int) async throws {
        try await withBroker { broker in
            let count = times(prefetch == 1 ? 10_000 : 30_000)
            let queue = AMQPQueue(unique("settled"), isDurable: false)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await withThrowingTaskGroup(of: Void.self) { publishing in
                        for _ in 0..<10 {
                            publishing.addTask {
                                for _ in 0..<count / 10 {
                                    try await channel.publish(AMQPMessage("x"), routingKey: queue.name)
                                }
                            }
                        }
                        try await publishing.waitForAll()
                    }
                }
                let reading = try await broker.openChannel()
                let consumer = try await reading.consume(from: queue.name, options: .init(prefetch: prefetch))
                for _ in 0..<count {
                    let delivery = try #require(try await consumer.next())
                    try delivery.ack()
                }
                try await group.waitForAll()
                consumer.cancel()
                await reading.close()
            }
            // Unsettled ones would be back by now.
            let deleted = try await broker.deleteQueue(queue.name)
            #expect(deleted == 0)
        }
    }
}
