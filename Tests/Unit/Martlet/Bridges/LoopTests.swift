import Martlet
import Testing

@Suite(.timeLimit(.minutes(10)))
struct LoopTests {
    private static func plan(@RouteBuilder routes: () -> [any Route]) throws -> [RoutePlan] {
        let end = BridgeEnd(name: "end", capabilities: [.confirmedPublish, .redelivery, .separateHeaders])
        return try Bridge.plan(between: BridgeEnds(from: end, to: end), routes: routes)
    }

    // MARK: Refused at start

    @Test func whatWouldComeBackIsRefused() {
        #expect(throws: MessagingError.self) { try Self.plan { Forward("chat.#", direction: .both) } }
        #expect(throws: MessagingError.self) {
            try Self.plan {
                Forward("a.#", as: "b.{rest}")
                Forward("a.x", as: "b.y", direction: .back)
            }
        }
        // In a circle of three.
        #expect(throws: MessagingError.self) {
            try Self.plan {
                Forward("a.*", toQueue: "q")
                Forward(queue: "p", toQueue: "q", direction: .back)
                Forward(queue: "p", as: "c.x")
                Forward("a.*", as: "c.{1}", direction: .back)
            }
        }
    }

    @Test func whatKeepsTheSidesApartIsNot() throws {
        let plans = try Self.plan {
            Forward("up.#", as: "site.up.{rest}")
            Forward("down.#", as: "site.down.{rest}", direction: .back)
            // A queue and a topic of one name are not the same.
            Forward("x", toQueue: "y")
            Forward("z", as: "y", direction: .back)
        }
        #expect(plans.count == 4)
    }

    @Test func whatIsAllowedIsPlanned() throws {
        let plans = try Self.plan { Forward("chat.#", direction: .both, options: RouteOptions(allowsLoop: true)) }
        #expect(plans.map(\.source) == [.from, .to])
    }

    /// To cut such a circle would be to lose the message, which nobody else gets.
    @Test func aQueueIsNoPartOfACircleEvenIfItIsAllowed() {
        let options = RouteOptions(allowsLoop: true)
        #expect(throws: MessagingError.self) {
            try Self.plan { Forward(queue: "jobs", direction: .both, options: options) }
        }
        #expect(throws: MessagingError.self) {
            let end = BridgeEnd(name: "end", capabilities: [.confirmedPublish, .redelivery, .separateHeaders])
            _ = try Bridge.plan(between: BridgeEnds(from: end, to: end), areOne: true) {
                Forward("jobs", toQueue: "jobs", options: options)
                Forward(queue: "jobs", as: "jobs", options: options)
            }
        }
    }

    @Test func withOneConnectionForBothSidesThereIsOneSide() async throws {
        let connection = try await MemoryBroker().connect(name: "one")
        let bridge = Bridge(from: connection, to: connection) { Forward("a.#", as: "a.b.{rest}") }
        #expect(throws: MessagingError.self) { try bridge.plan() }
        let apart = Bridge(from: connection, to: connection) { Forward("a.#", as: "b.{rest}") }
        #expect(try apart.plan().count == 1)
        let end = BridgeEnd(connection)
        let ends = BridgeEnds(from: end, to: end)
        #expect(try Bridge.plan(between: ends) { Forward("a.#", as: "a.b.{rest}") }.count == 1)
        #expect(throws: MessagingError.self) {
            try Bridge.plan(between: ends, areOne: true) { Forward("a.#", as: "a.b.{rest}") }
        }
    }

    @Test func aLoopCannotBeCutWithoutMarks() async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge(options: BridgeOptions(marking: .never)) {
            Forward("chat.#", direction: .both, options: RouteOptions(allowsLoop: true))
        }
        #expect(throws: MessagingError.self) { try bridge.plan() }
    }

    // MARK: Cut while they run

    @Test func aRingOfTwoPassesEverythingOnOnce() async throws {
        try await hearsEverythingOnce(atEachOf: 2)
    }

    @Test func aTriangleOfThreePassesEverythingOnOnce() async throws {
        try await hearsEverythingOnce(atEachOf: 3)
    }

    /// Three brokers with a bridge both ways between each two: what is said at one comes to another directly, and would
    /// come by way of the third.
    @Test func aMeshOfThreePassesEverythingOnOnce() async throws {
        let brokers = (0..<3).map { _ in MemoryBroker() }
        var bridges: [Bridge] = []
        var listeners: [(connection: MemoryConnection, heard: Subscription)] = []
        for (number, broker) in brokers.enumerated() {
            let next = brokers[(number + 1) % 3]
            let (from, to) = try await (broker.connect(name: "from"), next.connect(name: "to"))
            let bridge = Bridge(from: from, to: to, name: "bridge-\(number)", options: BridgeOptions(mesh: "site")) {
                Forward("chat.#", direction: .both, options: RouteOptions(allowsLoop: true))
            }
            bridges.append(bridge)
            let connection = try await broker.connect(name: "listener")
            let heard = try await connection.subscribe(to: "chat.#", options: SubscribeOptions(limit: 10_000))
            listeners.append((connection, heard))
        }
        try await running(bridges[...]) { [listeners] in
            for round in 0..<100 {
                for (number, listener) in listeners.enumerated() {
                    try await listener.connection.publish("\(number)/\(round)", to: "chat.x")
                }
            }
            await until { listeners.allSatisfy { $0.heard.waiting >= 300 } }
        }
        for (_, heard) in listeners {
            heard.finish()
            let texts = try await heard.texts(.max)
            #expect(texts.count == 300)
            #expect(Set(texts).count == 300)
        }
    }

    /// Neither knows of what the other is passing on. That they are of one mesh keeps it from coming back.
    @Test func twoSideBySideInAMeshPassEverythingOnTwice() async throws {
        let (left, right) = (MemoryBroker(), MemoryBroker())
        var bridges: [Bridge] = []
        for number in 0..<2 {
            let (from, to) = try await (left.connect(name: "from"), right.connect(name: "to"))
            bridges.append(
                Bridge(from: from, to: to, name: "bridge-\(number)", options: BridgeOptions(mesh: "site")) {
                    Forward("chat.#", direction: .both, options: RouteOptions(allowsLoop: true))
                }
            )
        }
        var listeners: [(connection: MemoryConnection, heard: Subscription)] = []
        for broker in [left, right] {
            let connection = try await broker.connect(name: "listener")
            let heard = try await connection.subscribe(to: "chat.#", options: SubscribeOptions(limit: 10_000))
            listeners.append((connection, heard))
        }
        try await running(bridges[...]) { [listeners] in
            for round in 0..<100 {
                for (number, listener) in listeners.enumerated() {
                    let message = Message("\(number)/\(round)", headers: ["message-id": .string("\(number)/\(round)")])
                    try await listener.connection.publish(message, to: "chat.x")
                }
            }
            // What is said here once, and what is said there once by each bridge.
            await until { listeners.allSatisfy { $0.heard.waiting >= 300 } }
        }
        for (number, listener) in listeners.enumerated() {
            listener.heard.finish()
            var counts: [String: Int] = [:]
            // Readers know it by its ID.
            while let delivery = try await listener.heard.next() {
                counts[delivery.message.headers.messageID ?? "none", default: 0] += 1
            }
            #expect(counts.count == 200)
            #expect(counts.allSatisfy { id, count in count == (id.hasPrefix("\(number)/") ? 1 : 2) })
        }
    }

    /// Runs so many brokers with a bridge from each to the next, and says something at each of them.
    private func hearsEverythingOnce(atEachOf count: Int) async throws {
        let brokers = (0..<count).map { _ in MemoryBroker() }
        var bridges: [Bridge] = []
        var listeners: [(connection: MemoryConnection, heard: Subscription)] = []
        for (number, broker) in brokers.enumerated() {
            let next = (number + 1) % count
            let (from, to) = try await (broker.connect(name: "from"), brokers[next].connect(name: "to"))
            let options = BridgeOptions(fromBroker: "broker-\(number)", toBroker: "broker-\(next)")
            bridges.append(Bridge(from: from, to: to, name: "bridge-\(number)", options: options) { Forward("chat.#") })
            let connection = try await broker.connect(name: "listener")
            let heard = try await connection.subscribe(to: "chat.#", options: SubscribeOptions(limit: 10_000))
            listeners.append((connection, heard))
        }
        try await running(bridges[...]) { [listeners] in
            for round in 0..<100 {
                for (number, listener) in listeners.enumerated() {
                    try await listener.connection.publish("\(number)/\(round)", to: "chat.x")
                }
            }
            await until { listeners.allSatisfy { $0.heard.waiting >= 100 * count } }
            // Whatever else is under way has arrived by the time the bridges have ended.
        }
        for (_, heard) in listeners {
            heard.finish()
            let texts = try await heard.texts(.max)
            #expect(texts.count == 100 * count)
            #expect(Set(texts).count == 100 * count)
        }
        #expect(bridges.map { $0.reports[0].statistics.looped } == Array(repeating: 100, count: count))
    }

    private func running(_ bridges: ArraySlice<Bridge>, _ body: @escaping @Sendable () async throws -> Void)
        async throws
    {
        guard let first = bridges.first else { return try await body() }
        try await first.whileRunning { try await running(bridges.dropFirst(), body) }
    }

    @Test func whatHasPassedTooManyBridgesGoesNoFurther() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: "#")
        let bridge = fixture.bridge(options: BridgeOptions(hopLimit: 2)) { Forward("a") }
        try await bridge.whileRunning {
            try await fixture.a.publish(Message("far", headers: ["bridge-path": "x,y"]), to: "a")
            try await fixture.a.publish(Message("near", headers: ["bridge-path": "x"]), to: "a")
            #expect(try await heard.texts(1) == ["near"])
        }
        #expect(bridge.reports[0].statistics.looped == 1)
    }
}
