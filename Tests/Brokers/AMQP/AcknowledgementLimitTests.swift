import IntegrationSupport
import Logging
import Martlet
import MartletTesting
import Synchronization
import Testing

@testable import MartletAMQP

/// The broker closes the channel of a client that holds a delivery for longer than a limit: here after six seconds. Nothing is
/// held that nobody works on, and what the broker takes back is worked on once it comes again.
@Suite(.timeLimit(.minutes(10))) struct AcknowledgementLimitTests {
    private static let server = SharedServer<RabbitMQServer>()

    private static var port: Int {
        get async throws {
            try await server {
                var options = RabbitMQOptions()
                options.acknowledgementLimit = 6_000
                return try RabbitMQServer(options)
            }.port
        }
    }

    @Test func aQuietTopicLosesNothing() async throws {
        let port = try await Self.port
        try await withAMQP(port: port) { reader in
            try await withAMQP(port: port) { writer in
                let topic = TopicName(unique("quiet"))
                let subscription = try await reader.subscribe(to: TopicPattern(topic))
                let count = 200
                async let sending: Void = {
                    for number in 0..<count {
                        try await writer.publish(Message("\(number)"), to: topic)
                        try await Task.sleep(for: .milliseconds(100))
                    }
                }()
                var missing: [Int] = []
                var expected = 0
                while expected < count, let delivery = try await subscription.next() {
                    let number = Int(delivery.message.text ?? "") ?? -1
                    missing += Array(expected..<max(expected, number))
                    expected = number + 1
                }
                try await sending
                #expect(missing.isEmpty)
                #expect(reader.statistics.gaps == 0 && subscription.dropped == 0)
            }
        }
    }

    @Test(arguments: [
        SubscribeOptions(limit: 10), SubscribeOptions(limit: 10, guarantee: .atLeastOnce),
        SubscribeOptions(limit: 10, group: "shared"),
    ])
    func aReaderThatPausesLosesNothing(_ options: SubscribeOptions) async throws {
        let port = try await Self.port
        try await withAMQP(port: port) { reader in
            try await withAMQP(port: port) { writer in
                let topic = TopicName(unique("paused"))
                let subscription = try await reader.subscribe(to: TopicPattern(topic), options: options)
                let sure = PublishOptions(guarantee: .atLeastOnce)
                for number in 0..<100 { try await writer.publish(Message("\(number)"), to: topic, options: sure) }
                // Twice the limit.
                try await Task.sleep(for: .seconds(12))
                // The broker holds the rest.
                #expect(subscription.waiting <= 30)
                for number in 100..<110 { try await writer.publish(Message("\(number)"), to: topic, options: sure) }
                var read: [String] = []
                while read.count < 110 { read.append(try #require(try await subscription.next()).message.text ?? "") }
                #expect(read == (0..<110).map(String.init))
                #expect(reader.statistics.gaps == 0)
                // And it flows again.
                try await writer.publish(Message("last"), to: topic, options: sure)
                #expect(try await subscription.next()?.message.text == "last")
            }
        }
    }

    @Test func aReaderThatIsOnlySlowLosesNothing() async throws {
        let port = try await Self.port
        try await withAMQP(port: port) { reader in
            let topic = TopicName(unique("slow"))
            let subscription = try await reader.subscribe(to: TopicPattern(topic), options: SubscribeOptions(limit: 2))
            for number in 0..<12 { try await reader.publish(Message("\(number)"), to: topic) }
            for number in 0..<12 {
                #expect(try await subscription.next()?.message.text == "\(number)")
                try await Task.sleep(for: .milliseconds(1_500))
            }
            #expect(reader.statistics.gaps == 0)
        }
    }

    @Test func aWillIsPublishedOnceAndOnlyWhenItsConnectionIsLost() async throws {
        let port = try await Self.port
        try await TCPProxy.withProxy(to: port) { proxy in
            try await withAMQP(port: port) { watcher in
                let topic = TopicName(unique("offline"))
                let wills = try await watcher.subscribe(to: TopicPattern(topic))
                try await withAMQP(
                    port: proxy.port,
                    { $0.connection.will = Will(topic: topic, message: Message("I am gone"), retain: false) },
                    { robot in
                        let sure = PublishOptions(guarantee: .atLeastOnce)
                        for _ in 0..<4 {
                            try await robot.publish(Message("here"), to: "alive", options: sure)
                            try await Task.sleep(for: .seconds(4))
                        }
                        #expect(wills.waiting == 0, "it was published while the connection was there")
                        try await proxy.cut()
                        #expect(try await wills.next()?.message.text == "I am gone")
                        try await robot.runtime.waitUntilConnected(within: .seconds(30))
                        // The next link has one, too.
                        try await Task.sleep(for: .seconds(9))
                        #expect(wills.waiting == 0)
                        try await proxy.cut()
                        #expect(try await wills.next()?.message.text == "I am gone")
                        try await robot.runtime.waitUntilConnected(within: .seconds(30))
                    }
                )
                // In order, it says nothing.
                try await Task.sleep(for: .seconds(2))
                #expect(wills.waiting == 0)
            }
        }
    }

    /// A channel that was lost takes the will along: a new one is left with the broker.
    @Test func aWillWhoseQueueWasDeletedIsLeftAnew() async throws {
        let port = try await Self.port
        try await TCPProxy.withProxy(to: port) { proxy in
            try await withAMQP(port: port) { watcher in
                let topic = TopicName(unique("offline"))
                let wills = try await watcher.subscribe(to: TopicPattern(topic))
                try await withAMQP(
                    port: proxy.port,
                    { $0.connection.will = Will(topic: topic, message: Message("gone"), retain: false) },
                    { robot in
                        let first = await robot.session.willQueue
                        try await watcher.deleteQueue(first)
                        try await until { await robot.session.willQueue != first }
                        try await Task.sleep(for: .seconds(1))
                        #expect(wills.waiting == 0)
                        try await proxy.cut()
                        #expect(try await wills.next()?.message.text == "gone")
                    }
                )
            }
        }
    }

    @Test(arguments: [AMQPQueue.Kind.classic, .quorum])
    func aSlowWorkerGetsDone(_ kind: AMQPQueue.Kind) async throws {
        let port = try await Self.port
        try await withAMQP(port: port, { $0.queueKind = kind }) { broker in
            let queue = QueueName(unique("jobs"))
            for number in 0..<8 { try await broker.send(Message("\(number)"), to: queue) }
            let jobs = try await broker.consume(from: queue, options: ConsumeOptions(prefetch: 8))
            var handled = 0
            var done: Set<String> = []
            let start = ContinuousClock.now
            while done.count < 8, .now - start < .seconds(60) {
                let job = try #require(try await jobs.next())
                handled += 1
                // Not half of the limit: a job that is begun just before the queue comes anew leaves time for the next one.
                try await Task.sleep(for: .seconds(2))
                do {
                    try job.ack()
                    done.insert(job.message.text ?? "")
                } catch {
                    #expect((error as? MessagingError)?.code == .connectionLost)
                }
            }
            #expect(done.count == 8, "\(handled) were handled")
            // Of those that a new channel brings the first is in time, whatever the worker was at before.
            #expect(handled <= 16)
            #expect(broker.statistics.staleDeliveries > 0)
            try await broker.deleteQueue(queue.text)
        }
    }

    /// A handler that takes longer than the limit costs what it has in hand, which comes again, and nothing else.
    @Test func componentsOutliveAHandlerThatTakesTooLong() async throws {
        struct Number: Codable, Sendable { var number: Int }
        try await withAMQP(port: try await Self.port) { (connection: AMQPConnection) async throws -> Void in
            let name = unique("late")
            let (handled, served) = (Recorder<Int>(), Recorder<Void>())
            let node = Node("late-\(name)", on: connection) {
                ConsumeExchange("\(name)-in", key: name, on: connection) { (number: Number) in
                    handled.record(number.number)
                    if handled.values.count == 1 { try await Task.sleep(for: .seconds(12)) }
                }
                ServeMethods(of: name, on: connection, style: .farine) {
                    Method("slow") { (_: NoArguments) in
                        served.signal()
                        let count = served.values.count
                        if count == 1 { try await Task.sleep(for: .seconds(12)) }
                        return count
                    }
                    Method("quick") { (number: Number) in number.number }
                }
            }
            try await node.whileRunning {
                let publish = ExchangePublisher(to: "\(name)-in", key: name, on: connection, of: Number.self)
                for number in 1...2 { try await publish(Number(number: number)) }
                let client = MethodClient(of: name, on: connection, style: .farine)
                async let late = client.call("slow", returning: Int.self)
                for number in 0..<10 {
                    let answer = try await client.call("quick", Number(number: number), returning: Int.self)
                    #expect(answer == number)
                    try await Task.sleep(for: .seconds(1))
                }
                // Its caller hears the reply, though the request comes again.
                let count = try await late
                #expect(count == 1)
                try await served.wait(for: 2)
                try await handled.wait(for: 3)
                #expect(handled.values == [1, 1, 2])
                await client.close()
                #expect(node.health.components.allSatisfy { $0.restarts == 0 && $0.handlerErrors == 0 })
            }
            try await connection.deleteExchange("\(name)-in")
            for queue in [name, "\(name)__slow", "\(name)__quick"] { try await connection.deleteQueue(queue) }
        }
    }

    /// For half a minute, or as long as `MARTLET_TIMES` says, handlers take from no time to more than twice the limit, and some give back what they got.
    @Test func whatIsAcknowledgedWasHandledAndWhatWasSentIsHandled() async throws {
        let port = try await Self.port
        try await withAMQP(port: port, { $0.queueKind = .classic }) { broker in
            let queue = QueueName(unique("mixed"))
            let topic = TopicName(unique("mixed"))
            let heard = try await broker.subscribe(to: TopicPattern(topic), options: SubscribeOptions(limit: 4))
            let sent = Recorder<String>()
            let handled = Recorder<String>()
            let acknowledged = Recorder<String>()
            let over = Recorder<Void>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let end = ContinuousClock.now + .seconds(times(30))
                    var number = 0
                    while .now < end {
                        try await broker.send(Message("\(number)"), to: queue)
                        try await broker.publish(Message("\(number)"), to: topic)
                        sent.record("\(number)")
                        number += 1
                        try await Task.sleep(for: .milliseconds(700))
                    }
                    try await acknowledged.wait { values in Set(values).isSuperset(of: sent.values) }
                    over.signal()
                }
                for worker in 0..<4 {
                    let jobs = try await broker.consume(from: queue, options: ConsumeOptions(prefetch: 3))
                    group.addTask {
                        var random = SplitMix64(seed: UInt64(worker))
                        while over.values.isEmpty, let job = try await jobs.next() {
                            let text = job.message.text ?? ""
                            // Only the first time is one too slow, or it would never be done.
                            let isSlow = !handled.values.contains(text) && Int.random(in: 0..<6, using: &random) == 0
                            handled.record(text)
                            try await Task.sleep(
                                for: .milliseconds(isSlow ? 15_000 : Int.random(in: 0..<1_500, using: &random))
                            )
                            if !isSlow, Int.random(in: 0..<8, using: &random) == 0 {
                                try? job.nack(requeue: true)
                            } else if (try? job.ack()) != nil {
                                acknowledged.record(text)
                            }
                        }
                    }
                }
                try await over.wait(for: 1)
                #expect(Set(acknowledged.values).isSubset(of: handled.values))
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError) { throw error }
                }
            }
            // The subscription was not read meanwhile, and has all the same everything.
            var texts: [String] = []
            while texts.count < sent.values.count {
                texts.append(try #require(try await heard.next()).message.text ?? "")
            }
            #expect(texts == sent.values)
            #expect(broker.statistics.gaps == 0)
            try await broker.deleteQueue(queue.text)
        }
    }
}
