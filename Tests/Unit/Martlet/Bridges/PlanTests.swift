import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct PlanTests {
    private static let amqp = BridgeEnd(
        name: "amqp",
        capabilities: [
            .confirmedPublish, .durableQueues, .redelivery, .responderDetection, .expiry, .headers, .separateHeaders,
            .lastingSubscriptions, .durableSubscriptions,
        ]
    )
    private static let redis = BridgeEnd(
        name: "redis",
        capabilities: [.redelivery, .headers, .expiry, .responderDetection]
    )
    private static let mqtt = BridgeEnd(
        name: "mqtt",
        capabilities: [.retain, .confirmedPublish, .exactlyOnce, .headers]
    )

    private static func plan(_ from: BridgeEnd, _ to: BridgeEnd, _ route: Forward) throws -> RoutePlan {
        try #require(try Bridge.plan(between: BridgeEnds(from: from, to: to)) { route }.first)
    }

    @Test(
        arguments: [
            (amqp, mqtt, Guarantee.atLeastOnce), (amqp, redis, .atMostOnce), (redis, amqp, .atMostOnce),
            (mqtt, amqp, .atMostOnce),
        ]
    )
    func topicsAreAsSureAsTheLesserSide(from: BridgeEnd, to: BridgeEnd, expected: Guarantee) throws {
        let plan = try Self.plan(from, to, Forward("a.#"))
        #expect(plan.guarantee?.guarantee == expected)
        #expect(plan.guarantee?.outlivesBridge == false)
        #expect(plan.guarantee?.reasons.isEmpty == false)
    }

    @Test(
        arguments: [
            (amqp, redis, Guarantee.atLeastOnce, true), (redis, amqp, .atLeastOnce, true),
            (mqtt, amqp, .atMostOnce, false), (amqp, mqtt, .atMostOnce, false),
        ]
    )
    func queuesAreAsSureAsTheLesserSide(
        from: BridgeEnd,
        to: BridgeEnd,
        expected: Guarantee,
        outlivesBridge: Bool
    ) throws {
        let plan = try Self.plan(from, to, Forward(queue: "q"))
        #expect(plan.guarantee?.guarantee == expected)
        #expect(plan.guarantee?.outlivesBridge == outlivesBridge)
    }

    @Test func whatIsDemandedAndCannotBeGivenIsAnErrorAtStart() async throws {
        let demand = RouteOptions(guarantee: .atLeastOnce)
        #expect(throws: MessagingError.self) { try Self.plan(Self.redis, Self.amqp, Forward("a.#", options: demand)) }
        _ = try Self.plan(Self.redis, Self.amqp, Forward(queue: "a", options: demand))
        let once = RouteOptions(guarantee: .exactlyOnce)
        #expect(throws: MessagingError.self) { try Self.plan(Self.amqp, Self.amqp, Forward(queue: "a", options: once)) }
        let kept = RouteOptions(retain: .all)
        #expect(throws: MessagingError.self) { try Self.plan(Self.mqtt, Self.redis, Forward("a", options: kept)) }
        // A running bridge finds out as well, before it does anything.
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { Forward("a", options: RouteOptions(guarantee: .atLeastOnce)) }
        #expect(await errorCode { try await bridge.run() } == .unsupported)
        #expect(fixture.brokerA.presence.clients.allSatisfy { $0.subscriptions.isEmpty })
    }

    @Test func aDurableRouteOutlivesItsBridge() async throws {
        let durable = RouteOptions(guarantee: .atLeastOnce, isDurable: true)
        let plan = try Self.plan(Self.amqp, Self.amqp, Forward("a.#", options: durable))
        #expect(plan.guarantee?.outlivesBridge == true)
        #expect(plan.guarantee?.reasons.isEmpty == true)
        #expect(throws: MessagingError.self) {
            try Self.plan(Self.redis, Self.amqp, Forward("a.#", options: RouteOptions(isDurable: true)))
        }
        let drops = RouteOptions(isDurable: true, overflow: .dropOldest)
        #expect(throws: MessagingError.self) { try Self.plan(Self.amqp, Self.amqp, Forward("a", options: drops)) }
    }

    /// A bridge knows no more than at least once, and says so where its source has more.
    @Test func exactlyOnceEndsAtABridge() throws {
        let kept = BridgeEnd(name: "kept", capabilities: Self.mqtt.capabilities.union(.lastingSubscriptions))
        let text = "what is published exactly once at kept may arrive twice at amqp"
        let plan = try Self.plan(kept, Self.amqp, Forward("a", toQueue: "q"))
        #expect(plan.guarantee?.guarantee == .atLeastOnce)
        #expect(plan.guarantee?.reasons.contains(text) == true)
        // What may be lost is not said to come twice.
        #expect(try Self.plan(kept, Self.redis, Forward("a")).guarantee?.reasons.count == 2)
        #expect(try Self.plan(Self.mqtt, Self.amqp, Forward("a")).guarantee?.reasons.count == 1)
    }

    @Test func whoDropsPromisesNothing() throws {
        let plan = try Self.plan(Self.amqp, Self.amqp, Forward("a", options: RouteOptions(overflow: .dropOldest)))
        #expect(plan.guarantee?.guarantee == .atMostOnce)
    }

    @Test func saysWhatOneShouldKnow() throws {
        #expect(try Self.plan(Self.mqtt, Self.redis, Forward("a")).warnings.count == 2)
        #expect(try Self.plan(Self.redis, Self.amqp, Forward("a")).warnings.isEmpty)
        let few = RouteOptions(retry: Backoff(attempts: 3))
        #expect(try Self.plan(Self.redis, Self.amqp, Forward("a", options: few)).warnings.count == 1)
    }

    @Test(
        arguments: [
            Forward("a.#.b"), Forward("a", as: "b.{1}"), Forward("a", as: "b.*"), Forward(queue: "a.*"),
            Forward("a", toQueue: ""), Forward("a.*", as: "b", direction: .both),
            Forward("a", as: "b", toQueue: "c"), Forward(queue: "a", toQueue: "b", as: "c"),
            Forward("a", toQueue: "b", direction: .back), Forward(queue: "a", as: "b", direction: .both),
            Forward("a", options: RouteOptions(rate: RateLimit(perSecond: 1e-300))),
            Forward("a", options: RouteOptions(window: 0)), Forward("a", options: RouteOptions(deduplication: -1)),
            Forward("a", options: RouteOptions(expiry: .zero)),
            Forward("a", options: RouteOptions(sampling: .every(0))),
            Forward("a", options: RouteOptions(rate: RateLimit(perSecond: .nan))),
            Forward("a", options: RouteOptions(deadLetters: "x.#")),
        ]
    )
    func whatIsNotValidIsAnErrorAtStart(route: Forward) {
        #expect(throws: MessagingError.self) { try Self.plan(Self.amqp, Self.amqp, route) }
    }

    @Test func aBridgeRunsOnce() async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { Forward("a") }
        try await bridge.whileRunning {}
        #expect(await errorCode { try await bridge.run() } == .alreadyRunning)
        #expect(await errorCode { try await bridge.waitUntilReady() } == .notRunning)
    }

    @Test func itTellsHowItsRoutesAre() async throws {
        let fixture = try await BridgeFixture()
        fixture.from.cut()
        let bridge = fixture.bridge {
            Forward("a.*", as: "b.{1}")
            Forward("a.*", as: "b.{1}")
        }
        #expect(bridge.health.isEmpty)
        try await withBackground {
            await until { bridge.health.map(\.state) == [.starting, .starting] }
            fixture.from.restore()
        } _: {
            try await bridge.whileRunning {
                #expect(bridge.health.map(\.state) == [.running, .running])
                #expect(bridge.health.map(\.name) == ["a.* → b.{1}", "a.* → b.{1} #2"])
            }
        }
        #expect(bridge.health.map(\.state) == [.ended, .ended])
    }

    @Test func theGuaranteeIsLogged() async throws {
        let fixture = try await BridgeFixture()
        try await fixture.bridge { Forward("a.#", as: "b.{rest}") }.whileRunning {}
        let line = fixture.logs.lines.first { $0.contains("a.# → b.{rest}") }
        #expect(line?.contains("at most once (from keeps nothing for a subscriber whose link is away)") == true)
    }
}
