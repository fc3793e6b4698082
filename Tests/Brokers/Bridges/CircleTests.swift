import BridgeSupport
import IntegrationSupport
import Martlet
import Testing

/// Several bridges between several brokers: what is said at one of them is heard once at each.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CircleTests {
    private static let count = 50

    @Test func aRingOfTwo() async throws {
        try await hearsEverythingOnce([.mqtt, .amqp]) { number, next, topic, connections in
            let options = BridgeOptions(fromBroker: "broker-\(number)", toBroker: "broker-\(next)")
            return Bridge(from: connections.0, to: connections.1, name: "ring-\(number)", options: options) {
                Forward(topic)
            }
        }
    }

    @Test func aTriangleThatGoesAround() async throws {
        try await hearsEverythingOnce([.mqtt, .amqp, .redis]) { number, next, topic, connections in
            let options = BridgeOptions(fromBroker: "broker-\(number)", toBroker: "broker-\(next)")
            return Bridge(from: connections.0, to: connections.1, name: "around-\(number)", options: options) {
                Forward(topic)
            }
        }
    }

    @Test func aTriangleBothWays() async throws {
        try await hearsEverythingOnce([.mqtt, .amqp, .redis]) { number, _, topic, connections in
            let options = BridgeOptions(mesh: "site")
            return Bridge(from: connections.0, to: connections.1, name: "both-\(number)", options: options) {
                Forward(topic, direction: .both, options: RouteOptions(allowsLoop: true))
            }
        }
    }

    /// Runs a bridge from each broker to the next, says something at each, and looks what is heard where.
    private func hearsEverythingOnce(
        _ kinds: [BrokerKind],
        _ bridge: (_ number: Int, _ next: Int, TopicPattern, (any Connection, any Connection)) -> Bridge
    ) async throws {
        let topic = TopicName("circle\(String(UInt64.random(in: 0...UInt64.max), radix: 36))")
        var bridges: [Bridge] = []
        var connections: [any Connection] = []
        var listeners: [(connection: any Connection, heard: Subscription)] = []
        for (number, kind) in kinds.enumerated() {
            let next = (number + 1) % kinds.count
            let ends = (try await kind.connect(), try await kinds[next].connect())
            bridges.append(bridge(number, next, TopicPattern(topic), ends))
            let listener = try await kind.connect()
            let heard = try await listener.subscribe(to: TopicPattern(topic), options: SubscribeOptions(limit: 1_000))
            listeners.append((listener, heard))
            connections += [ends.0, ends.1, listener]
        }
        let all = Self.count * kinds.count
        try await running(bridges[...]) { [listeners, bridges] in
            for round in 0..<Self.count {
                for (number, listener) in listeners.enumerated() {
                    try await listener.connection.publish(Message("\(number)/\(round)"), to: topic)
                }
            }
            try await until { listeners.allSatisfy { $0.heard.waiting >= all } }
            // What is under way has arrived, also what would come a second time.
            try await until { bridges.allSatisfy { $0.reports.allSatisfy { $0.statistics.inFlight == 0 } } }
        }
        for (connection, heard) in listeners {
            // Nothing passes any more; whatever came before this is there before it.
            try await connection.publish(Message("end"), to: topic)
            var texts: [String] = []
            while let text = try await heard.next()?.message.text, text != "end" { texts.append(text) }
            #expect(texts.count == all)
            #expect(Set(texts).count == all)
        }
        for connection in connections { await connection.close() }
    }

    private func running(
        _ bridges: ArraySlice<Bridge>,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        guard let first = bridges.first else { return try await body() }
        try await first.whileRunning(readyWithin: .seconds(60)) { try await running(bridges.dropFirst(), body) }
    }
}
