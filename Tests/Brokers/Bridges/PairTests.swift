import BridgeSupport
import Martlet
import MartletTesting
import Testing

/// Each kind of route, from each kind of broker to each.
@Suite(.serialized, .timeLimit(.minutes(15))) struct PairTests {
    private struct Pair: Codable, Sendable { var a: Int, b: Int }
    private struct Lift: Codable, Sendable { var floor: Int }
    private struct Passing: Codable, Sendable { var floor: Int }

    @Test(arguments: BrokerPair.all)
    func topicsCrossInOrderWithTheirHeaders(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let (here, there) = (ends.here, ends.there)
            let bridge = Bridge(from: ends.from, to: ends.to) {
                Forward(TopicPattern("\(here).*.#"), as: "\(there).{1}.x.{rest}")
            }
            let heard = try await ends.b.subscribe(to: TopicPattern("\(there).#"))
            try await bridge.whileRunning(readyWithin: .seconds(60)) {
                for number in 0..<500 {
                    let message = Message(
                        "{\"n\":\(number)}",
                        headers: ["colour": "red", "number": .integer(Int64(number))]
                    )
                    try await ends.a.publish(message, to: TopicName(number < 250 ? "\(here).one" : "\(here).two.deep"))
                }
                for number in 0..<500 {
                    let delivery = try #require(try await heard.next())
                    #expect(delivery.message.text == "{\"n\":\(number)}")
                    #expect(delivery.topic.text == (number < 250 ? "\(there).one.x" : "\(there).two.x.deep"))
                    #expect(delivery.message.headers["colour"]?.string == "red")
                    #expect(delivery.message.headers["number"]?.integer == Int64(number))
                    #expect(delivery.message.headers["bridge-path"]?.string == bridge.name)
                }
            }
            #expect(bridge.reports[0].statistics.forwarded == 500)
        }
    }

    /// Whatever bytes they are.
    @Test(arguments: BrokerPair.all)
    func bodiesAreNotTouched(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let bodies: [[UInt8]] = [
                [0xff, 0x00, 0xfe], Array(#"{"header":{"reply_to":""},"data":{}}"#.utf8),
                Array(repeating: 7, count: 100_000),
                Array("{ \"spaced\" : 1.50 }".utf8),
            ]
            let bridge = Bridge(from: ends.from, to: ends.to) { Forward(TopicPattern(ends.here), as: ends.there) }
            let heard = try await ends.b.subscribe(to: TopicPattern(ends.there))
            try await bridge.whileRunning(readyWithin: .seconds(60)) {
                for body in bodies { try await ends.a.publish(Message(body), to: TopicName(ends.here)) }
                for body in bodies {
                    let delivery = try #require(try await heard.next())
                    #expect(delivery.message.body == body)
                }
            }
        }
    }

    @Test(arguments: BrokerPair.all)
    func queuesCrossInOrder(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let (here, there) = (QueueName(ends.here), QueueName(ends.there))
            let bridge = Bridge(from: ends.from, to: ends.to) { Forward(queue: here, toQueue: there) }
            let jobs = try await ends.b.consume(from: there)
            try await bridge.whileRunning(readyWithin: .seconds(60)) {
                for number in 0..<300 { try await ends.a.send(Message("\(number)"), to: here) }
                for number in 0..<300 {
                    let job = try #require(try await jobs.next())
                    #expect(job.message.text == "\(number)")
                    try job.ack()
                }
            }
            #expect(bridge.reports[0].statistics.forwarded == 300)
            #expect(bridge.reports[0].statistics.lost == 0)
        }
    }

    @Test(arguments: BrokerPair.all)
    func topicsGoIntoAQueueAndBack(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let queue = QueueName("\(ends.there).queue")
            let out = Bridge(from: ends.from, to: ends.to, name: "out") {
                Forward(TopicPattern("\(ends.here).#"), toQueue: queue)
            }
            let back = Bridge(from: ends.to, to: ends.from, name: "back") {
                Forward(queue: queue, as: "\(ends.there).back.{origin}")
            }
            let heard = try await ends.a.subscribe(to: TopicPattern("\(ends.there).back.#"))
            try await back.whileRunning(readyWithin: .seconds(60)) {
                try await out.whileRunning(readyWithin: .seconds(60)) {
                    for number in 0..<100 {
                        try await ends.a.publish(Message("\(number)"), to: TopicName("\(ends.here).door.front"))
                    }
                    for number in 0..<100 {
                        let delivery = try #require(try await heard.next())
                        #expect(delivery.message.text == "\(number)")
                        #expect(delivery.topic.text == "\(ends.there).back.\(ends.here).door.front")
                        #expect(delivery.message.headers["bridge-path"]?.string == "out,back")
                    }
                }
            }
        }
    }

    @Test(arguments: BrokerPair.all)
    func callsAndStreamsCross(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let (add, addThere) = (
                RPC<Pair, Int>(QueueName("\(ends.here).add")), RPC<Pair, Int>(QueueName("\(ends.there).add"))
            )
            let (count, countThere) = (
                StreamingRPC<Int, Int>(QueueName("\(ends.here).count")),
                StreamingRPC<Int, Int>(QueueName("\(ends.there).count"))
            )
            let nobody = RPC<Int, Int>(QueueName("\(ends.here).nobody"))
            let bridge = Bridge(from: ends.from, to: ends.to) {
                ForwardCalls(add, to: addThere.name)
                ForwardCalls(count, to: countThere.name)
                ForwardCalls(nobody, to: QueueName("\(ends.there).nobody"))
            }
            try await withServer { onReady in
                try await ends.b.respond(to: addThere, onReady: onReady) { pair in
                    guard pair.b >= 0 else { throw MessagingError("negative", "b is \(pair.b)") }
                    return pair.a + pair.b
                }
            } _: {
                try await withServer { onReady in
                    try await ends.b.respond(to: countThere, onReady: onReady) { limit, writer in
                        for number in 0..<limit { try await writer.write(number) }
                    }
                } _: {
                    try await bridge.whileRunning(readyWithin: .seconds(60)) {
                        for number in 0..<50 {
                            let sum = try await ends.a.call(add, Pair(a: number, b: 1), timeout: .seconds(60))
                            #expect(sum == number + 1)
                        }
                        let negative = await errorCode {
                            _ = try await ends.a.call(add, Pair(a: 1, b: -1), timeout: .seconds(60))
                        }
                        #expect(negative == "negative")
                        let missing = await errorCode { _ = try await ends.a.call(nobody, 1, timeout: .seconds(60)) }
                        #expect(missing == .noResponder)
                        var all: [Int] = []
                        for try await number in try await ends.a.stream(count, 300, timeout: .seconds(60)) {
                            all.append(number)
                        }
                        #expect(all == Array(0..<300))
                    }
                }
            }
        }
    }

    @Test(arguments: BrokerPair.all)
    func cancellingACallCrosses(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let (wait, waitThere) = (
                RPC<Int, Int>(QueueName("\(ends.here).wait")), RPC<Int, Int>(QueueName("\(ends.there).wait"))
            )
            let bridge = Bridge(from: ends.from, to: ends.to) { ForwardCalls(wait, to: waitThere.name) }
            let (events, event) = AsyncStream.makeStream(of: String.self)
            try await withServer { onReady in
                try await ends.b.respond(to: waitThere, onReady: onReady) { number in
                    event.yield("begun")
                    do { try await Task.sleep(for: .seconds(3_600)) } catch {
                        event.yield("cancelled")
                        throw error
                    }
                    return number
                }
            } _: {
                try await bridge.whileRunning(readyWithin: .seconds(60)) {
                    var happened = events.makeAsyncIterator()
                    let call = Task { try await ends.a.call(wait, 1, timeout: .seconds(600)) }
                    #expect(await happened.next() == "begun")
                    call.cancel()
                    _ = await call.result
                    #expect(await happened.next() == "cancelled")
                }
            }
        }
    }

    @Test(arguments: BrokerPair.all)
    func actionsCross(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let lift = Action<Lift, Passing, Lift>(QueueName("\(ends.here).lift"))
            let liftThere = Action<Lift, Passing, Lift>(QueueName("\(ends.there).lift"))
            let bridge = Bridge(from: ends.from, to: ends.to) { ForwardActions(lift, to: liftThere.name) }
            let (ids, id) = AsyncStream.makeStream(of: GoalID.self)
            try await withServer { onReady in
                try await ends.b.perform(liftThere, options: ActionOptions(policy: .queue(limit: 5)), onReady: onReady)
                {
                    goal in
                    id.yield(goal.id)
                    guard goal.value.floor < 100 else {
                        try await Task.sleep(for: .seconds(3_600))
                        return goal.value
                    }
                    for floor in 0..<goal.value.floor { goal.report(Passing(floor: floor)) }
                    return goal.value
                }
            } _: {
                try await bridge.whileRunning(readyWithin: .seconds(60)) {
                    var begun = ids.makeAsyncIterator()
                    let goal = try await ends.a.send(Lift(floor: 3), to: lift, timeout: .seconds(60))
                    #expect(await begun.next() == goal.id)
                    var floors: [Int] = []
                    for try await feedback in goal.feedback { floors.append(feedback.floor) }
                    #expect(floors == floors.sorted())
                    #expect(try await goal.result.floor == 3)
                    let endless = try await ends.a.send(Lift(floor: 100), to: lift, timeout: .seconds(60))
                    #expect(await begun.next() == endless.id)
                    #expect(try await endless.cancel())
                    #expect(try await endless.outcome.status == .canceled)
                }
            }
        }
    }

    /// What is said at one broker is heard once at both, though each passes everything on to the other.
    @Test(arguments: BrokerPair.all.filter { $0.from != $0.to })
    func aLoopIsCut(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let topic = TopicName("\(ends.here).chat")
            let bridge = Bridge(from: ends.from, to: ends.to) {
                Forward(TopicPattern(topic), direction: .both, options: RouteOptions(allowsLoop: true))
            }
            let (atA, atB) = (
                try await ends.a.subscribe(to: TopicPattern(topic)), try await ends.b.subscribe(to: TopicPattern(topic))
            )
            try await bridge.whileRunning(readyWithin: .seconds(60)) {
                for number in 0..<100 {
                    try await ends.a.publish(Message("a\(number)"), to: topic)
                    try await ends.b.publish(Message("b\(number)"), to: topic)
                }
                for heard in [atA, atB] {
                    var texts: Set<String> = []
                    for _ in 0..<200 { texts.insert(try #require(try await heard.next()).message.text ?? "") }
                    #expect(texts.count == 200)
                }
            }
            #expect(atA.nextIfReady() == nil)
            #expect(atB.nextIfReady() == nil)
        }
    }
}
