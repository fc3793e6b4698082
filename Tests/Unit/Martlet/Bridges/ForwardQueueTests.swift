import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ForwardQueueTests {
    @Test func aQueueIsPassedOnToAQueueAndATopic() async throws {
        let fixture = try await BridgeFixture()
        let jobs = try await fixture.b.consume(from: "cloud.jobs")
        let news = try await fixture.b.subscribe(to: "news.#")
        let bridge = fixture.bridge {
            Forward(queue: "jobs", toQueue: "cloud.jobs")
            Forward(queue: "news", as: "news.today")
        }
        try await bridge.whileRunning {
            for number in 0..<100 { try await fixture.a.send(Message("\(number)"), to: "jobs") }
            #expect(try await jobs.texts(100) == (0..<100).map(String.init))
            try await fixture.a.send(Message("extra"), to: "news")
            #expect(try await news.texts(1) == ["extra"])
            await until { fixture.brokerA.isDone(with: "jobs") }
        }
    }

    @Test func topicsGoIntoAQueueAndComeOutAsWhatTheyWere() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.a.subscribe(to: "again.#")
        let bridge = fixture.bridge("there") { Forward("sensors.#", toQueue: "ingest") }
        let back = Bridge(from: fixture.to, to: fixture.from, name: "back") {
            Forward(queue: "ingest", as: "again.{origin}")
        }
        try await bridge.whileRunning {
            try await back.whileRunning {
                try await fixture.a.publish("x", to: "sensors.door.front")
                let delivery = try #require(try await heard.next())
                #expect(delivery.topic == "again.sensors.door.front")
                #expect(delivery.message.headers["bridge-path"] == "there,back")
            }
        }
    }

    @Test func theSourceIsAcknowledgedAfterTheSinkHasConfirmed() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let arrived = try await fixture.b.consume(from: "jobs")
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs") }
        try await bridge.whileRunning {
            try await fixture.a.send(Message("one"), to: "jobs")
            #expect(try await arrived.texts(1) == ["one"])
            // It has arrived, and the sink has not said so yet.
            #expect(fixture.brokerA.queue("jobs")?.unsettled == 1)
            #expect(bridge.reports[0].statistics.inFlight == 1)
            promise.end(.success(()))
            await until { fixture.brokerA.isDone(with: "jobs") }
        }
    }

    @Test func whatIsUnderWayStaysWithTheSourceWhenTheBridgeIsCancelled() async throws {
        let fixture = try await BridgeFixture()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(Promise()) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs") }
        for text in ["one", "two", "three"] { try await fixture.a.send(Message(text), to: "jobs") }
        try await withBackground {
            try await bridge.run()
        } _: {
            await until { bridge.reports.first?.statistics.inFlight == 3 }
        }
        let left = try await fixture.a.consume(from: "jobs")
        #expect(try await left.texts(3) == ["one", "two", "three"])
    }

    @Test func noMoreThanAWindowIsUnderWay() async throws {
        let fixture = try await BridgeFixture()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(Promise()) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs", options: RouteOptions(window: 4)) }
        for number in 0..<20 { try await fixture.a.send(Message("\(number)"), to: "jobs") }
        try await withBackground {
            try await bridge.run()
        } _: {
            await until { fixture.brokerA.queue("jobs")?.unsettled == 4 }
            #expect(fixture.brokerA.queue("jobs")?.waiting == 16)
        }
    }

    /// Also if the source would give it more.
    @Test func theBridgeItselfHoldsItsWindow() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let source = ScriptedConnection(fixture.from, prefetch: 1_000)
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: source, to: sink) { Forward(queue: "jobs", options: RouteOptions(window: 4)) }
        for number in 0..<200 { try await fixture.a.send(Message("\(number)"), to: "jobs") }
        try await bridge.whileRunning {
            // The window, and one that waits for room.
            await until { bridge.reports[0].statistics.inFlight >= 4 + 1 }
            for _ in 0..<1_000 { await Task.yield() }
            // And what was taken from it together and is waited for.
            #expect(bridge.reports[0].statistics.inFlight <= 2 * 4 + 1)
            promise.end(.success(()))
            await until { bridge.reports[0].statistics.forwarded == 200 }
        }
    }

    @Test func aSlowSinkHasATopicCountItsDrops() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward("t", options: RouteOptions(window: 8, overflow: .dropOldest))
        }
        try await bridge.whileRunning {
            for number in 0..<1_000 { try await fixture.a.publish("\(number)", to: "t") }
            await until { bridge.reports[0].statistics.overflowed > 900 }
            // The window, what was read of it ahead, and one that waits for room.
            #expect(bridge.reports[0].statistics.inFlight <= 2 * 8 + 1)
            promise.end(.success(()))
        }
        let statistics = bridge.reports[0].statistics
        #expect(statistics.forwarded + statistics.overflowed == 1_000)
    }
}
