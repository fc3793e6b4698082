import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ComponentTests {
    private let numbers = Topic<Int>("numbers.all")

    // MARK: Respond

    @Test func respondAnswersCallsStreamsAndMessages() async throws {
        let fixture = try await NodeFixture()
        let double = RPC<Int, Int>("double")
        let count = StreamingRPC<Int, Int>("count")
        let node = fixture.node {
            Respond(to: double) { $0 * 2 }
            Respond(to: count) { limit, writer in
                for number in 0..<limit { try await writer.write(number) }
            }
            Respond(to: "raw") { Message("re: \($0.text ?? "")") }
        }
        try await running(node) {
            #expect(try await fixture.peer.call(double, 21) == 42)
            var counted: [Int] = []
            for try await number in try await fixture.peer.stream(count, 3) { counted.append(number) }
            #expect(counted == [0, 1, 2])
            #expect(try await fixture.peer.call("raw", Message("hello")).text == "re: hello")
        }
    }

    @Test func whatAResponderThrowsIsItsCallersBusiness() async throws {
        let fixture = try await NodeFixture()
        let fails = RPC<Int, Int>("fails")
        let node = fixture.node { Respond(to: fails) { _ in throw Fault() } }
        try await running(node) {
            #expect(await code { _ = try await fixture.peer.call(fails, 1) } == .handlerFailed)
            #expect(node.health.isHealthy)
        }
    }

    // MARK: Subscribe

    @Test func subscribeHandlesTopicsFiltersAndMessagesInOrder() async throws {
        let fixture = try await NodeFixture()
        let values = Recorder<Int>()
        let topics = Recorder<String>()
        let texts = Recorder<String>()
        let node = fixture.node {
            Subscribe(to: numbers) { values.record($0.value) }
            Subscribe(to: TopicFilter<Int>("numbers.*")) { topics.record("\($0.topic) \($0.value)") }
            Subscribe(to: "numbers.#") { texts.record($0.message.text ?? "") }
        }
        try await running(node) {
            for number in 1...3 { try await fixture.peer.publish(number, to: numbers) }
            #expect(try await values.wait(for: 3) == [1, 2, 3])
            #expect(try await topics.wait(for: 3) == ["numbers.all 1", "numbers.all 2", "numbers.all 3"])
            #expect(try await texts.wait(for: 3) == ["1", "2", "3"])
        }
    }

    @Test func byDefaultAHandlersErrorIsCountedAndLoggedAndTheNextMessageHandled() async throws {
        let fixture = try await NodeFixture()
        let handled = Recorder<Int>()
        let node = fixture.node {
            Subscribe(to: numbers) { received in
                if received.value < 3 { throw Fault() }
                handled.record(received.value)
            }
        }
        try await running(node) {
            for number in 1...3 { try await fixture.peer.publish(number, to: numbers) }
            try await handled.wait(for: 1)
            let health = try #require(node.health["Subscribe numbers.all"])
            #expect(health.handlerErrors == 2)
            #expect(health.lastError == "out of order")
            #expect(health.state == .running)
            #expect(fixture.logs.lines.count { $0.hasPrefix("a handler threw an error") } == 1)
        }
    }

    @Test func onRequestAHandlersErrorIsTheComponentsFailure() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Subscribe(to: numbers, onHandlerError: .fail) { _ in throw Fault() } }
        let error = await outcome(of: node) {
            try await node.waitUntilReady()
            try await fixture.peer.publish(1, to: numbers)
        }
        #expect(error as? Fault == Fault())
    }

    @Test func whatCannotBeReadIsSkipped() async throws {
        let fixture = try await NodeFixture()
        let values = Recorder<Int>()
        let node = fixture.node { Subscribe(to: numbers) { values.record($0.value) } }
        try await running(node) {
            try await fixture.peer.publish(Message("no number"), to: numbers.name)
            try await fixture.peer.publish(1, to: numbers)
            #expect(try await values.wait(for: 1) == [1])
            #expect(fixture.connection.statistics.undecodable == 1)
        }
    }

    // MARK: Listen

    @Test func listenHandlesEvents() async throws {
        let fixture = try await NodeFixture()
        let heard = Recorder<Event<[String: Bool]>>()
        let node = fixture.node {
            Listen(to: "events.*", for: [String: Bool].self) { heard.record($0) }
        }
        try await running(node) {
            let told = try await EventEmitter(on: fixture.peer)
                .emit("DoorOpened", at: "events.door", payload: ["open": true])
            #expect(try await heard.wait(for: 1) == [told])
        }
    }

    // MARK: Consume

    private let jobs = Queue<Int>("jobs")

    @Test func consumeAcknowledgesWhatItsHandlerHasReturnedFrom() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Int>()
        let finish = Recorder<Void>()
        let node = fixture.node {
            Consume(from: jobs) { job in
                begun.record(job.value)
                try await finish.wait(for: 1)
            }
        }
        try await running(node) {
            try await fixture.peer.send(1, to: jobs)
            try await begun.wait(for: 1)
            #expect(fixture.broker.presence.queues.first?.unsettled == 1)
            finish.signal()
            await until { fixture.broker.presence.queues.first?.unsettled == 0 }
        }
    }

    @Test func aDeliveryThatFailsComesAgainAndInTheEndIsADeadLetter() async throws {
        let fixture = try await NodeFixture()
        try fixture.broker.declareQueue("jobs", options: QueueOptions(deadLetters: "dead"))
        let tries = Recorder<Int>()
        let handled = Recorder<Int>()
        let node = fixture.node {
            Consume(from: jobs, onHandlerError: .requeue(deliveries: 3)) { job in
                if job.value == 1 {
                    tries.record(job.delivery.redeliveries)
                    throw Fault()
                }
                handled.record(job.value)
            }
        }
        let dead = try await fixture.peer.consume(from: "dead")
        try await running(node) {
            try await fixture.peer.send(1, to: jobs)
            try await fixture.peer.send(2, to: jobs)
            #expect(try await dead.next()?.message.text == "1")
            #expect(tries.values == [0, 1, 2])
            try await handled.wait(for: 1)
            #expect(node.health["Consume jobs"]?.handlerErrors == 3)
        }
    }

    @Test func onRequestADeliveryThatFailsIsADeadLetterAtOnce() async throws {
        let fixture = try await NodeFixture()
        try fixture.broker.declareQueue("jobs", options: QueueOptions(deadLetters: "dead"))
        let node = fixture.node { Consume(from: "jobs", onHandlerError: .reject) { _ in throw Fault() } }
        let dead = try await fixture.peer.consume(from: "dead")
        try await running(node) {
            try await fixture.peer.send(1, to: jobs)
            let letter = try #require(try await dead.next()?.message)
            #expect(letter.headers[Headers.Standard.deathDeliveries] == 1)
        }
    }

    @Test func orItFailsTheComponentAndGoesBack() async throws {
        let fixture = try await NodeFixture()
        try fixture.broker.declareQueue("jobs", options: QueueOptions())
        let node = fixture.node { Consume(from: "jobs", onHandlerError: .fail) { _ in throw Fault() } }
        let error = await outcome(of: node) {
            try await node.waitUntilReady()
            try await fixture.peer.send(1, to: jobs)
        }
        #expect(error as? Fault == Fault())
        #expect(fixture.broker.presence.queues.first?.waiting == 1)
    }

    @Test func aHandlerMaySettleItsDeliveryItself() async throws {
        let fixture = try await NodeFixture()
        try fixture.broker.declareQueue("jobs", options: QueueOptions(deadLetters: "dead"))
        let node = fixture.node { Consume(from: jobs) { try $0.nack(requeue: false) } }
        let dead = try await fixture.peer.consume(from: "dead")
        try await running(node) {
            try await fixture.peer.send(1, to: jobs)
            #expect(try await dead.next()?.message.text == "1")
        }
    }

    // MARK: All of them

    @Test func theBuilderTakesConditionsLoopsAndLists() async throws {
        let fixture = try await NodeFixture()
        func components(_ flag: Bool) -> [any Component] {
            let extra: [any Component] = [Execute("extra") {}]
            return fixture.node {
                if flag { Execute("if") {} }
                if flag { Execute("first") {} } else { Execute("other") {} }
                for number in 0..<2 { Execute("loop") { _ = number } }
                extra
                Group("group") {
                    Group("inner") { Execute("leaf") {} }
                }
            }
            .health.components.map { Execute($0.name) {} }
        }
        #expect(
            components(true).map(\.name)
                == [
                    "if", "first", "loop", "loop #2", "extra", "group", "group/inner", "group/inner/leaf",
                ]
        )
        #expect(components(false).map(\.name).first == "other")
    }

    @Test func whatIsNotValidIsAnErrorAtStart() async throws {
        let fixture = try await NodeFixture()
        let wrong: [(MessagingError.Code, any Component)] = [
            (.invalidFilter, Subscribe(to: "a.#.b") { _ in }),
            (.invalidArgument, Subscribe(to: "a", options: SubscribeOptions(limit: 0)) { _ in }),
            (.invalidQueue, Respond(to: "a.*") { $0 }),
            (.invalidArgument, Respond(to: "a", options: RespondOptions(concurrency: 0)) { $0 }),
            (.invalidQueue, Consume(from: "") { _ in }),
            (.invalidArgument, Consume(from: "a", onHandlerError: .requeue(deliveries: 0)) { _ in }),
            (.invalidFilter, Group { Listen(to: "#.a", for: NoPayload.self) { _ in }.onFailure(.restart()) }),
        ]
        for (expected, component) in wrong {
            let node = fixture.node { [component] }
            #expect(await code { try await node.run() } == expected)
            #expect(node.state == .idle)
        }
    }

    @Test func aComponentOfOnesOwnIsAFewLines() async throws {
        struct Announcer: Component {
            let name = "announcer"
            func run(in context: NodeContext) async throws {
                try await context.connection.publish(Message("here"), to: "announcements")
            }
        }
        let fixture = try await NodeFixture()
        let heard = try await fixture.peer.subscribe(to: "announcements")
        try await fixture.node { Announcer().named("me") }.run()
        #expect(try await heard.next()?.message.text == "here")
    }
}
