import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct StoreAndForwardTests {
    @Test func whatComesWhileTheSinkIsAwayIsKeptAndPassedOnInOrder() async throws {
        let (fixture, folder) = (try await BridgeFixture(), try Folder())
        let heard = try await fixture.b.consume(from: "out", options: ConsumeOptions(prefetch: 1_000))
        let bridge = fixture.bridge {
            Forward(
                queue: "in",
                toQueue: "out",
                options: RouteOptions(window: 16, store: StoreOptions(folder: folder.path))
            )
        }
        try await bridge.whileRunning {
            fixture.to.cut()
            for number in 0..<2_000 { try await fixture.a.send(Message("\(number)", headers: ["n": "x"]), to: "in") }
            // All of it has been taken from the source.
            await until { fixture.brokerA.isDone(with: "in") }
            #expect(bridge.reports[0].statistics.stored > 1_000)
            fixture.to.restore()
            #expect(try await heard.texts(2_000) == (0..<2_000).map(String.init))
            await until { bridge.reports[0].statistics.stored == 0 }
        }
        #expect(bridge.reports[0].statistics.forwarded == 2_000)
    }

    @Test func theNextBridgeGoesOnWhereTheLastOneEnded() async throws {
        let (fixture, folder) = (try await BridgeFixture(), try Folder())
        let options = RouteOptions(window: 16, store: StoreOptions(folder: folder.path))
        let heard = try await fixture.b.subscribe(to: "#", options: SubscribeOptions(limit: 10_000))
        fixture.to.cut()
        let first = fixture.bridge("one", options: BridgeOptions(drainLimit: .zero)) {
            Forward("t.#", options: options)
        }
        try await first.whileRunning {
            for number in 0..<500 { try await fixture.a.publish("\(number)", to: "t.x") }
            await until { first.reports[0].statistics.stored == 500 }
        }
        fixture.to.restore()
        let second = fixture.bridge("one") { Forward("t.#", options: options) }
        try await second.whileRunning {
            let texts = try await heard.texts(500)
            #expect(texts == (0..<500).map(String.init))
        }
        #expect(second.reports[0].statistics.stored == 0)
        #expect(heard.nextIfReady() == nil)
    }

    @Test func aFullStoreHoldsItsSourceBack() async throws {
        let (fixture, folder) = (try await BridgeFixture(), try Folder())
        let store = StoreOptions(folder: folder.path, limit: 20_000, segmentBytes: 5_000)
        let heard = try await fixture.b.consume(from: "out", options: ConsumeOptions(prefetch: 1_000))
        let bridge = fixture.bridge {
            Forward(queue: "in", toQueue: "out", options: RouteOptions(window: 8, store: store))
        }
        try await bridge.whileRunning {
            fixture.to.cut()
            let body = String(repeating: "x", count: 100)
            for number in 0..<500 { try await fixture.a.send(Message("\(number)\(body)"), to: "in") }
            await until { fixture.logs.lines.contains { $0.contains("holds its source back") } }
            // What is not on disk is still the source's.
            let queue = try #require(fixture.brokerA.queue("in"))
            #expect(bridge.reports[0].statistics.stored + queue.waiting + queue.unsettled == 500)
            #expect(queue.waiting + queue.unsettled > 0)
            fixture.to.restore()
            #expect(try await heard.texts(500) == (0..<500).map { "\($0)\(body)" })
        }
        #expect(bridge.reports[0].statistics.storeDropped == 0)
    }

    @Test func aStoreThatDropsPromisesNothing() throws {
        let end = BridgeEnd(name: "end", capabilities: [.confirmedPublish, .redelivery, .separateHeaders])
        func plan(_ store: StoreOptions) throws -> RoutePlan? {
            try Bridge.plan(between: BridgeEnds(from: end, to: end)) {
                Forward(queue: "a", options: RouteOptions(store: store))
            }.first
        }
        #expect(try plan(StoreOptions(folder: "x"))?.guarantee?.guarantee == .atLeastOnce)
        #expect(try plan(StoreOptions(folder: "x", overflow: .dropOldest))?.guarantee?.guarantee == .atMostOnce)
        for wrong in [
            StoreOptions(folder: ""), StoreOptions(folder: "x", limit: 1), StoreOptions(folder: "x", segmentBytes: 1),
        ] {
            #expect(throws: MessagingError.self) { try plan(wrong) }
        }
    }
}
