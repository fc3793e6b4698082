import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// What breaks, and what comes of it, on brokers of the tests' own.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FaultTests {
    @Test func theBrokersReasonForTheEndOfALinkIsTold() async throws {
        try await RabbitMQServer.withServer { server in
            let log = LogRecorder()
            try await withAMQP(port: server.port, { $0.connection.logger = log.logger }) { broker in
                let state = Recorder<ConnectionState>()
                let watching = Task { for await next in broker.states() { state.record(next) } }
                try await server.control("close_all_connections", "maintenance at noon")
                try await state.wait(for: 3)
                watching.cancel()
                let reason = broker.statistics.lastLinkFailure ?? ""
                #expect(reason.contains("320") && reason.contains("maintenance at noon"), "\(reason)")
                let warnings = log.lines.filter { $0.contains("there is no link") }
                #expect(warnings.count == 1, "\(warnings)")
                #expect(warnings.first?.contains("maintenance at noon") == true, "\(warnings)")
            }
        }
    }

    @Test func whatWasConfirmedOutlivesARestart() async throws {
        try await RabbitMQServer.withServer { server in
            try await withAMQP(port: server.port) { sender in
                try await withAMQP(port: server.port) { receiver in
                    let queue = QueueName("work")
                    let confirmed = Recorder<String>()
                    let seen = Recorder<String>()
                    let redelivered = Recorder<String>()
                    let over = Recorder<Void>()
                    let consumer = try await receiver.consume(from: queue, options: ConsumeOptions(prefetch: 8))
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for task in 0..<4 {
                            group.addTask {
                                var number = 0
                                while over.values.isEmpty {
                                    let text = "\(task).\(number)"
                                    try await sender.send(Message(text), to: queue)
                                    confirmed.record(text)
                                    number += 1
                                }
                            }
                        }
                        group.addTask {
                            for try await delivery in consumer {
                                let text = delivery.message.text ?? ""
                                if delivery.redeliveries > 0 { redelivered.record(text) }
                                seen.record(text)
                                // Fails if the link was lost meanwhile: then it comes again.
                                try? delivery.ack()
                            }
                        }
                        // RabbitMQ writes down what quorum queues it has twice a second: one that is younger when the
                        // machine fails comes back without its messages.
                        try await confirmed.wait(for: 8_000)
                        server.kill()
                        try await server.start()
                        let before = confirmed.values.count
                        try await confirmed.wait(for: before + 50)
                        over.signal()
                        try await seen.wait { Set(confirmed.values).isSubset(of: $0) }
                        group.cancelAll()
                        while let result = await group.nextResult() {
                            if case .failure(let error) = result, !(error is CancellationError) { throw error }
                        }
                    }
                    // What came twice, because its settlement was lost, says so.
                    var first: Set<String> = []
                    let twice = seen.values.filter { !first.insert($0).inserted }
                    #expect(twice.count <= redelivered.values.count + 8)
                }
            }
        }
    }

    @Test func anAlarmSuspendsPublishersAndNobodyElse() async throws {
        try await RabbitMQServer.withServer { server in
            try await withAMQP(port: server.port) { sender in
                try await withAMQP(port: server.port) { receiver in
                    let queue = QueueName("alarmed")
                    for number in 0..<20 { try await sender.send(Message("\(number)"), to: queue) }
                    let events = sender.events()
                    let noted = Recorder<AMQPEvent>()
                    let watching = Task { for await event in events { noted.record(event) } }
                    try await server.control("set_vm_memory_high_watermark", "0")
                    let waiting = Recorder<Void>()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            try await sender.send(Message("late"), to: queue)
                            waiting.signal()
                        }
                        try await noted.wait(for: 1)
                        #expect(sender.blockedReason != nil)
                        #expect(sender.state == .connected)
                        // Without a guarantee, publishes are taken, and wait here; a consumer goes on.
                        try await sender.publish(Message("waits"), to: "alarmed.topic")
                        let held = await sender.session.holdings
                        #expect(held.inOutbox == 1 && held.backlog == 0)
                        let consumer = try await receiver.consume(from: queue, options: ConsumeOptions(prefetch: 4))
                        for number in 0..<20 {
                            let delivery = try #require(try await consumer.next())
                            #expect(delivery.message.text == "\(number)")
                            try delivery.ack()
                        }
                        #expect(waiting.values.isEmpty)
                        try await server.control("set_vm_memory_high_watermark", "0.4")
                        try await group.waitForAll()
                        let last = try #require(try await consumer.next())
                        #expect(last.message.text == "late")
                        try last.ack()
                    }
                    try await noted.wait(for: 2)
                    #expect(noted.values.last == .unblocked)
                    #expect(sender.blockedReason == nil)
                    watching.cancel()
                    await watching.value
                }
            }
        }
    }

    @Test func aSilentLinkIsFoundByItsHeartbeat() async throws {
        try await TCPProxy.withProxy(to: RabbitMQServer.shared().port) { proxy in
            try await withAMQP(port: proxy.port, { $0.heartbeat = .seconds(1) }) { broker in
                let states = Recorder<ConnectionState>()
                let watching = Task { for await state in broker.states() { states.record(state) } }
                try await states.wait(for: 1)
                proxy.set(.swallow)
                try await states.wait(for: 2)
                #expect(states.values.last == .disconnected)
                proxy.set(.forward)
                try await states.wait(for: 3)
                #expect(states.values.last == .connected)
                watching.cancel()
                await watching.value
            }
        }
    }

    @Test func idlingLongerThanTwoHeartbeatsIsNoSilence() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port, { $0.heartbeat = .seconds(1) }) { broker in
            let states = Recorder<ConnectionState>()
            let watching = Task { for await state in broker.states() { states.record(state) } }
            let consumer = try await broker.consume(from: QueueName(unique("idle")))
            // It is time that is tested here.
            try await Task.sleep(for: .seconds(5))
            #expect(states.values == [.connected])
            #expect(consumer.waiting == 0)
            watching.cancel()
            await watching.value
        }
    }

    @Test func aConnectionThatTheBrokerClosesComesBack() async throws {
        try await RabbitMQServer.withServer { server in
            try await withAMQP(port: server.port, { $0.connection.name = "closed" }) { broker in
                let queue = QueueName("here")
                let exchange = AMQPExchange("mine", kind: .fanout, isDurable: false)
                try await broker.declare(exchange)
                let own = AMQPQueue("own", isDurable: false, isExclusive: true)
                try await broker.declare(own)
                try await broker.bindQueue(AMQPBinding(from: "mine", to: "own"))
                let channel = try await broker.openChannel()
                let native = try await channel.consume(from: "own")
                let consumer = try await broker.consume(from: queue)
                try await broker.send(Message("held"), to: queue)
                let held = try #require(try await consumer.next())
                let states = Recorder<ConnectionState>()
                let watching = Task { for await state in broker.states() { states.record(state) } }
                try await states.wait(for: 1)
                let silent = try await broker.consumeRequests(from: "silent", options: ConsumeOptions())
                // RabbitMQ's command may take longer than a call does by default.
                async let asked = replyCode {
                    _ = try await broker.call("silent", Message("?"), timeout: .seconds(300))
                }
                _ = try #require(try await silent.next())
                try await server.control("close_all_connections", "--vhost", "/", "over")
                let reason = await asked
                #expect(reason == 320)
                try await states.wait(for: 3)
                #expect(states.values == [.connected, .disconnected, .connected])
                let code = await errorCode { try held.ack() }
                #expect(code == .connectionLost)
                let again = try #require(try await consumer.next())
                #expect(again.redeliveries == 1)
                try again.ack()
                try await channel.publish(AMQPMessage("x"), to: "mine")
                let delivery = try #require(try await native.next())
                try delivery.ack()
                watching.cancel()
                await watching.value
            }
        }
    }

    /// The broker takes longer to see that a link is gone than this side does: what is that link's own is locked.
    @Test func whatIsExclusiveComesBackWhenTheOldLinkIsGone() async throws {
        let shared = try await RabbitMQServer.shared()
        try await TCPProxy.withProxy(to: shared.port) { proxy in
            try await withAMQP(port: shared.port) { sender in
                try await withAMQP(port: proxy.port, { $0.heartbeat = .seconds(2) }) { broker in
                    let exchange = AMQPExchange(unique("news"), kind: .fanout, isAutoDeleted: true)
                    try await broker.declare(exchange)
                    let own = AMQPQueue(unique("own"), isExclusive: true)
                    try await broker.declare(own)
                    try await broker.bindQueue(AMQPBinding(from: exchange.name, to: own.name))
                    let single = AMQPQueue(unique("single"))
                    try await broker.declare(single)
                    let verbs = AMQPQueue(unique("verbs"), isExclusive: true)
                    try await broker.declare(verbs)

                    let channels = [try await broker.openChannel(), try await broker.openChannel()]
                    let fromOwn = try await channels[0].consume(from: own.name)
                    let fromSingle = try await channels[1].consume(from: single.name, options: .init(isExclusive: true))
                    let fromVerbs = try await broker.consume(from: QueueName(verbs.name))
                    let states = Recorder<ConnectionState>()
                    let watching = Task { for await state in broker.states() { states.record(state) } }
                    try await states.wait(for: 1)

                    // The client hears nothing any more. What it says, and its end, arrives so late that it is back before.
                    proxy.set(.swallow, .toClient)
                    proxy.set(.delay(.seconds(2)), .toServer)
                    try await states.wait(for: 2)
                    proxy.set(.forward)
                    try await states.wait(for: 3)
                    #expect(states.values == [.connected, .disconnected, .connected])
                    // Meanwhile it publishes, by the channel that is not open again yet.
                    try await channels[0].publish(AMQPMessage("by its own"), to: "", routingKey: single.name)
                    let first = try #require(try await fromSingle.next())
                    #expect(first.message.body == Array("by its own".utf8))
                    try first.ack()

                    let publishing = try await sender.openChannel()
                    try await until {
                        await broker.session.holdings.isRestored
                    }
                    try await publishing.publish(AMQPMessage("x"), to: exchange.name)
                    let delivery = try #require(try await fromOwn.next())
                    try delivery.ack()
                    try await broker.send(Message("y"), to: QueueName(verbs.name))
                    let last = try #require(try await fromVerbs.next())
                    #expect(last.message.text == "y")
                    try last.ack()
                    try await broker.deleteQueue(single.name)
                    watching.cancel()
                    await watching.value
                }
            }
        }
    }

    /// Nor does the queue that was to go with its last consumer.
    @Test func aConsumerThatIsLeftWithoutALinkDoesNotComeBack() async throws {
        let shared = try await RabbitMQServer.shared()
        try await TCPProxy.withProxy(to: shared.port) { proxy in
            try await withAMQP(port: shared.port) { watcher in
                try await withAMQP(port: proxy.port) { broker in
                    let lasting = AMQPQueue(unique("lasting"))
                    let passing = AMQPQueue(unique("passing"), isAutoDeleted: true)
                    let channel = try await broker.openChannel()
                    var consumers: [AMQPConsumer] = []
                    for queue in [lasting, passing] {
                        try await broker.declare(queue)
                        consumers.append(try await channel.consume(from: queue.name))
                    }
                    try await proxy.refuseConnections()
                    try await proxy.cut()
                    for await state in broker.states() where state == .disconnected { break }
                    for consumer in consumers { consumer.cancel() }
                    try await proxy.acceptConnections()
                    try await broker.runtime.waitUntilConnected(within: .seconds(30))
                    try await until { await broker.session.holdings.isRestored }
                    try await until { try await watcher.declare(lasting, passive: true).consumers == 0 }
                    try await until { await replyCode { try await watcher.declare(passing, passive: true) } == 404 }
                    try await watcher.deleteQueue(lasting.name)
                }
            }
        }
    }

    @Test func whatWasNotConfirmedIsSentAgain() async throws {
        let shared = try await RabbitMQServer.shared()
        try await TCPProxy.withProxy(to: shared.port) { proxy in
            try await withAMQP(port: shared.port) { receiver in
                try await withAMQP(port: proxy.port) { sender in
                    let queue = AMQPQueue(unique("again"))
                    try await receiver.declare(queue)
                    let topic = TopicName(unique("again"))
                    let subscription = try await receiver.subscribe(to: TopicPattern(topic))
                    let channel = try await sender.openChannel()
                    try await sender.send(Message("known"), to: QueueName(queue.name))
                    // What is sent now is lost.
                    proxy.set(.swallow, .toServer)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await sender.send(Message("sent"), to: QueueName(queue.name)) }
                        group.addTask { try await channel.publish(AMQPMessage("native"), routingKey: queue.name) }
                        let options = PublishOptions(guarantee: .atLeastOnce)
                        group.addTask { try await sender.publish(Message("published"), to: topic, options: options) }
                        try await until {
                            let unconfirmed = await sender.session.holdings.unconfirmed
                            return unconfirmed.verbs == 2 && unconfirmed.all == 3
                        }
                        try await proxy.cut()
                        proxy.set(.forward)
                        try await group.waitForAll()
                    }
                    #expect(try await subscription.next()?.message.text == "published")
                    let consumer = try await receiver.consume(from: QueueName(queue.name))
                    var texts: Set<String> = []
                    for _ in 0..<3 {
                        let delivery = try #require(try await consumer.next())
                        texts.insert(delivery.message.text ?? "")
                        try delivery.ack()
                    }
                    #expect(texts == ["known", "sent", "native"])
                    try await receiver.deleteQueue(queue.name)
                }
            }
        }
    }

    @Test func aRefusalCostsNoCall() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let echo = RPC<Int, Int>(QueueName(unique("echo")))
            let queue = AMQPQueue(unique("killed"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            try await channel.publish(AMQPMessage("x"), routingKey: queue.name)
            let delivery = try #require(try await channel.get(from: queue.name))
            let arrived = Recorder<Void>()
            let gate = Recorder<Void>()
            let node = Node("echo", on: broker) {
                Respond(to: echo) { number in
                    arrived.signal()
                    try await gate.wait(for: 1)
                    return number
                }
            }
            try await node.whileRunning {
                try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                    for number in 0..<100 {
                        group.addTask { (number, try await broker.call(echo, number, timeout: .seconds(60))) }
                    }
                    try await arrived.wait(for: 1)
                    try delivery.ack()
                    try delivery.ack()
                    let code = await replyCode {
                        while true { _ = try await channel.get(from: queue.name) }
                    }
                    #expect(code == 406)
                    gate.signal()
                    for try await (number, answer) in group { #expect(answer == number) }
                }
            }
        }
    }

    @Test func aConsumerOutlivesItsQueue() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let queue = QueueName(unique("deleted"))
            let consumer = try await broker.consume(from: queue)
            let events = broker.events()
            let channel = try await broker.openChannel()
            let own = AMQPQueue(unique("own"), isExclusive: true)
            try await broker.declare(own)
            let native = try await channel.consume(from: own.name)
            try await broker.deleteQueue(own.name)
            let code = await errorCode { _ = try await native.next() }
            #expect(code == .refused)
            try await broker.deleteQueue(queue.text)
            for await event in events where event == .consumerCancelled(queue: queue.text) { break }
            try await broker.send(Message("x"), to: queue)
            let delivery = try #require(try await consumer.next())
            #expect(delivery.message.text == "x")
            try delivery.ack()
            try await broker.deleteQueue(queue.text)
        }
    }

    @Test func aMessageThatTheBrokerRefusesFailsAlone() async throws {
        var options = RabbitMQOptions()
        options.maximumMessageSize = 1_000
        try await RabbitMQServer.withServer(options) { server in
            try await withAMQP(port: server.port) { broker in
                let queue = QueueName("limited")
                let unguaranteed = SendOptions(guarantee: .atMostOnce)
                let large = Message([UInt8](repeating: 0, count: 2_000))
                try await broker.send(Message("known"), to: queue)
                let outcomes = try await withThrowingTaskGroup(of: (Int, Int?).self) { group in
                    for number in 0..<50 {
                        if number % 7 == 0 {
                            // Nobody is told that these are refused, and nobody else is to be blamed.
                            group.addTask {
                                try await broker.send(large, to: queue, options: unguaranteed)
                                return (-1, nil)
                            }
                        }
                        group.addTask {
                            let body = [UInt8](repeating: 0, count: number % 10 == 0 ? 2_000 : 10)
                            return (number, await replyCode { try await broker.send(Message(body), to: queue) })
                        }
                    }
                    return try await group.reduce(into: [Int: Int?]()) { $0[$1.0] = $1.1 }
                }
                for (number, code) in outcomes where number >= 0 { #expect(code == (number % 10 == 0 ? 406 : nil)) }
            }
        }
    }

    @Test func aRequestThatTheBrokerRefusesEndsItsCall() async throws {
        var options = RabbitMQOptions()
        options.maximumMessageSize = 1_000
        try await RabbitMQServer.withServer(options) { server in
            try await withAMQP(port: server.port) { broker in
                let echo = RPC<String, String>("limited.echo")
                let node = Node("echo", on: broker) { Respond(to: echo) { $0 } }
                try await node.whileRunning {
                    let code = await replyCode {
                        _ = try await broker.call(echo, String(repeating: "x", count: 2_000), timeout: .seconds(100))
                    }
                    #expect(code == 406)
                    let answer = try await broker.call(echo, "small")
                    #expect(answer == "small")
                }
            }
        }
    }

    @Test func callsNeedNoConfirmsAndLeaveNothingUnsettled() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let echo = RPC<Int, Int>(QueueName(unique("plain")))
            let node = Node("echo", on: broker) { Respond(to: echo) { $0 } }
            try await node.whileRunning {
                try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                    for number in 0..<100 { group.addTask { (number, try await broker.call(echo, number)) } }
                    for try await (number, answer) in group { #expect(answer == number) }
                }
                #expect(await broker.session.confirms == false)
                let missing = RPC<Int, Int>(QueueName(unique("missing")))
                let code = await errorCode { _ = try await broker.call(missing, 1, timeout: .seconds(100)) }
                #expect(code == .noResponder)
                // The last acknowledgements may still be under way to the loop.
                try await until { await broker.session.unsettled == 0 }
            }
        }
    }

    @Test func aServerThatSaysNothingIsGivenUp() async throws {
        try await SilentServer.withServer { server in
            let code = await errorCode {
                try await withAMQP(port: server.port, { $0.connectTimeout = .milliseconds(200) }) { _ in }
            }
            #expect(code == .timeout)
        }
    }

    /// Again and again: the socket may get room in any moment of the loop.
    @Test func closingSendsWhatWasAccepted() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { reader in
            let topic = TopicName(unique("closing"))
            let subscription = try await reader.subscribe(to: TopicPattern(topic), options: .init(limit: 3_000))
            for _ in 0..<times(50) {
                try await withAMQP(port: RabbitMQServer.shared().port) { sender in
                    for _ in 0..<2_000 {
                        try await sender.publish(Message([UInt8](repeating: 1, count: 10_000)), to: topic)
                    }
                }
                for _ in 0..<2_000 { _ = try #require(try await subscription.next()) }
            }
        }
    }
}
