import Martlet
import MartletTesting
import ServiceLifecycle
import Testing

// The examples of README.md, as it shows them. Each one runs.

struct Pair: Codable, Sendable {
    var a: Int
    var b: Int
}

struct Sonar: Codable, Sendable {
    var distance: Double
}

struct Move: Codable, Sendable {
    var target: Int
}

struct Progress: Codable, Sendable {
    var current: Int
}

struct Reached: Codable, Sendable {
    var position: Int
}

struct Door: Codable, Sendable {
    var isOpen: Bool
}

let add = RPC<Pair, Int>("ops.add")
let sonar = Topic<Sonar>("sensors.sonar.front")
let anySonar = TopicFilter<Sonar>("sensors.sonar.*")
let jobs = Queue<String>("jobs")
let count = StreamingRPC<Int, Int>("ops.count")
let move = Action<Move, Progress, Reached>("arm.move")

/// The owner alone may arm the alarm, and every alarm is also a job for the police.
struct House: BrokerHandler {
    mutating func dispatches(
        _ dispatch: BrokerDispatch,
        from client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<BrokerDispatch> {
        guard dispatch.destination == .topic("house.alarm", retain: false) else { return .accept }
        guard client.name == "owner" else { return .refuse("only the owner may") }
        actions.dispatch(dispatch.message, to: .queue("police"))
        return .accept
    }
}

@Suite(.timeLimit(.minutes(10))) struct ReadmeExamples {
    @Test func first() async throws {
        let broker = MemoryBroker()
        let arm = try await broker.connect(name: "arm")
        let desk = try await broker.connect(name: "desk")

        let readings = try await desk.subscribe(to: anySonar)
        try await arm.publish(Sonar(distance: 2.5), to: sonar)
        for try await reading in readings {
            print(reading.topic, reading.value.distance)
            break
        }

        let node = Node("arm", on: arm) {
            Respond(to: add) { pair in pair.a + pair.b }
        }
        try await node.whileRunning {
            print(try await desk.call(add, Pair(a: 1, b: 2)))
        }
    }

    @Test func publishing() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        try await connection.publish(Sonar(distance: 2.5), to: sonar, options: PublishOptions(retain: true))

        let publisher = Publisher(to: sonar, on: connection, filter: .onlyIfChanged(maximumAge: .seconds(60)))
        try await publisher.publish(Sonar(distance: 2.5))

        let latest = try await connection.subscribe(to: anySonar, options: SubscribeOptions(overflow: .conflate))
        print(try await latest.next()?.value.distance ?? 0, latest.dropped)
    }

    @Test func queues() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        try broker.declareQueue("jobs", options: QueueOptions(maximumDeliveries: 3, deadLetters: "jobs.dead"))
        try await connection.send("resize", to: jobs)
        for try await job in try await connection.consume(from: jobs, options: ConsumeOptions(prefetch: 4)) {
            print(job.value)
            try job.ack()
            break
        }
    }

    @Test func calls() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await connection.respond(to: add) { pair in
                    guard pair.b >= 0 else { throw MessagingError("negative", "b is \(pair.b)") }
                    return pair.a + pair.b
                }
            }
            group.addTask {
                try await connection.respond(to: count) { limit, writer in
                    for number in 0..<limit { try await writer.write(number) }
                }
            }
            while broker.presence.queues.count < 2, !Task.isCancelled { await Task.yield() }
            do {
                print(try await connection.call(add, Pair(a: 1, b: -2), timeout: .seconds(60)))
            } catch let error as MessagingError where error.code == "negative" {
                print(error.message)
            }
            for try await number in try await connection.stream(count, 1_000_000) where number == 5 { break }
            group.cancelAll()
        }
    }

    @Test func actions() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await connection.perform(move, options: ActionOptions(policy: .preemptLatest)) { goal in
                    for centimetre in 0..<goal.value.target {
                        try await Task.sleep(for: .milliseconds(1))
                        goal.report(Progress(current: centimetre))
                    }
                    return Reached(position: goal.value.target)
                }
            }
            while broker.presence.queues.count < 3, !Task.isCancelled { await Task.yield() }
            let goal = try await connection.send(Move(target: 5), to: move)
            for try await feedback in goal.feedback { print(feedback.current) }
            print(try await goal.result.position)
            group.cancelAll()
        }
    }

    @Test func events() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let doors = try await connection.subscribe(to: Topic<Event<Door>>("events.door"))
        let emitter = EventEmitter(on: connection)
        try await emitter.emit("DoorOpened", at: "events.door", payload: Door(isOpen: true))
        print(try await doors.next()?.value.payload.isOpen ?? false)
    }

    @Test func nodes() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let node = Node("arm", on: connection) {
            Respond(to: add) { pair in pair.a + pair.b }
            Subscribe(to: anySonar) { reading in print(reading.value.distance) }
            Every(.seconds(10)) { try await connection.publish(Sonar(distance: 1), to: sonar) }
                .onFailure(.restart(Backoff()))
        }
        try await withThrowingTaskGroup { group in
            group.addTask { try await node.run() }
            try await node.waitUntilReady()
            #expect(try await connection.call(add, Pair(a: 1, b: 2)) == 3)
            group.cancelAll()
        }
    }

    @Test func ownBroker() async throws {
        let broker = MemoryBroker(handler: House())
        let guest = try await broker.connect(name: "guest")
        await #expect(throws: MessagingError.self) { try await guest.publish(Message("armed"), to: "house.alarm") }
    }

    @Test func testing() async throws {
        let clock = TestClock()
        let caller = try await MemoryBroker().connect(options: ConnectionOptions(clock: clock))
        let service = try await caller.consume(from: "ops.add")
        let sum = Task { try await caller.call(add, Pair(a: 1, b: 2), timeout: .seconds(5)) }
        try await clock.waitForSleepers()
        clock.advance(by: .seconds(5))
        await #expect(throws: MessagingError.self) { try await sum.value }
        service.finish()
    }
}
