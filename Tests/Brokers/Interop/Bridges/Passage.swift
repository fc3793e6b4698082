import IntegrationSupport
import Martlet
import MartletTesting

/// Two brokers with a bridge between, and peers of commlib-py at both. Each thing that they do returns what the table says.
struct Passage: Sendable {
    let near: Stage
    let far: Stage

    /// Runs `body` while a bridge passes on what the near side's name stands for to the far side's.
    private func bridged<Result: Sendable>(
        options: BridgeOptions = BridgeOptions(),
        @RouteBuilder _ routes: () -> [any Route],
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let routes = routes()
        return try await near.broker.withConnection { from in
            try await far.broker.withConnection { to in
                try await Bridge(from: from, to: to, options: options) { routes }
                    .whileRunning(readyWithin: .seconds(60), body)
            }
        }
    }

    // MARK: Calls

    private var calls: ForwardCalls { ForwardCalls(QueueName(near.name), to: QueueName(far.name)) }

    /// Waits until a service on the far side answers a caller on the near one; its library does not tell when it has begun
    /// to listen.
    private func reach(_ service: PythonPeer) async throws { try await near.reach(service) }

    private func reply(_ request: Pair, timeout: Double = 10) async throws -> JSON {
        let arguments: [String: JSON] = ["type": "add", "requests": [request.json], "timeout": .number(timeout)]
        return try await near.withPeer("call", arguments) { try await $0.next("reply") }
    }

    func calls() async throws -> String {
        try await bridged {
            calls
        } _: {
            try await far.withPeer("serve") { service in
                try await reach(service)
                let requests = JSON.array((0..<10).map { Pair.sample($0).json })
                try await near.withPeer("call", ["type": "add", "requests": requests]) { caller in
                    for number in 0..<10 {
                        let pair = Pair.sample(number)
                        let reply = try await caller.next("reply")
                        try require(reply["data"], is: ["c": .number(Double(pair.a + pair.b))], "call \(number)")
                    }
                }
            }
        }
        return "yes"
    }

    /// commlib-py has no word for an error: its services answer with an empty response, or on MQTT not at all. The caller
    /// finds what it finds without a bridge.
    func callsAFailingService() async throws -> String {
        try await bridged {
            calls
        } _: {
            try await far.withPeer("serve", ["mode": "raise"]) { service in
                try await service.next("ready")
                guard far.broker != .mqtt5 else {
                    let reply = try await reply(Pair(a: 1, b: 2), timeout: 3)
                    try require(reply["error"] != nil || reply["data"] == .null, "the caller got \(reply)")
                    return "no answer, as without"
                }
                // Once it listens.
                var code: MessagingError.Code? = .noResponder
                while code == .noResponder {
                    code = await errorCode { _ = try await near.connection.call(near.add, Pair()) }
                }
                // On AMQP it sends the response's defaults.
                try require(code, is: far.broker == .amqp ? nil : .decodingFailed, "what Martlet's own caller is told")
                let reply = try await reply(Pair(a: 1, b: 2))
                try require(reply["data"], is: ["c": 0], "the response's defaults")
                return "empty, as without"
            }
        }
    }

    /// Nobody serves on the far side. Python callers can't be told, and must not take what they get for a response;
    /// Martlet's own are told.
    func callsNobody() async throws -> String {
        try await bridged {
            calls
        } _: {
            let reply = try await reply(Pair(a: 1, b: 2), timeout: 3)
            try require(reply["error"] != nil || reply["data"] == .null, "the caller got \(reply)")
            let code = await errorCode { _ = try await near.connection.call(near.add, Pair(), timeout: .seconds(30)) }
            try require(code, is: .noResponder, "what Martlet's own caller is told")
            return reply["error"]?.string ?? "no data"
        }
    }

    /// A caller that has given up is not answered, and whoever calls next gets its own answer.
    func callsASlowService() async throws -> String {
        try await bridged {
            calls
        } _: {
            try await far.withPeer("serve", ["mode": "slow", "delay": 2]) { service in
                try await service.next("ready")
                try await until {
                    await errorCode { _ = try await near.connection.call(near.add, Pair(), timeout: .seconds(5)) }
                        == nil
                }
                let impatient = try await reply(Pair(a: 1, b: 2), timeout: 1)
                try require(impatient["error"] != nil || impatient["data"] == .null, "the caller got \(impatient)")
                let patient = try await reply(Pair(a: 30, b: 12), timeout: 20)
                try require(patient["data"], is: ["c": 42], "the next caller's response")
            }
        }
        return "yes"
    }

    // MARK: Actions

    private var action: ForwardActions { ForwardActions(QueueName(near.name), to: QueueName(far.name)) }

    /// Waits until an action's server on the far side takes a goal of the near side to its end.
    private func reach(server: PythonPeer) async throws {
        let goal = try await near.sendGoal(1, to: server)
        try await server.go()
        _ = try await goal.outcome
        try await server.next("finished")
    }

    func sendsAGoal() async throws -> String {
        try await bridged {
            action
        } _: {
            try await far.withPeer("perform", ["waits": true]) { server in
                try await reach(server: server)
                try await near.withPeer("send_goal", ["target": 10, "expected_feedback": 10]) { client in
                    try await require(client.next("goal")["status"], is: 1, "the goal is taken on")
                    // Its client hears nothing before the reply to its goal.
                    try await server.go()
                    let end = try await client.next("result")
                    try require(end["seen"], is: true, "the client is told of the end")
                    try require(end["status"], is: 4, "the status")
                    try require(end["data"], is: ["count": 10], "the result")
                    try require(end["feedback"]?.array?.compactMap(\.integer), is: Array(1...10), "the feedback")
                }
            }
        }
        return "yes"
    }

    func cancelsAGoal() async throws -> String {
        try await bridged {
            action
        } _: {
            try await far.withPeer("perform") { server in
                try await reach(server: server)
                try await near.withPeer("send_goal", ["target": 1_000, "cancel_after": 3]) { client in
                    try await require(client.next("cancel")["status"], is: 1, "the goal can be cancelled")
                    let reached = try await server.next("cancelled")["count"]
                    let end = try await client.next("result")
                    try require(end["seen"], is: true, "the client is told of the end")
                    try require(end["status"], is: 6, "the status")
                    try require(end["data"]?["count"], is: reached, "the result")
                }
            }
        }
        return "yes"
    }

    // MARK: Topics

    /// What is passed on keeps the form that commlib-py's subscribers know also where headers have no place of their own.
    private static let plain = BridgeOptions(marking: .whereNative)

    /// On AMQP all messages of commlib-py have the same ID, which makes none of them a duplicate.
    private var topic: Forward {
        Forward(TopicPattern(near.name), as: far.name, options: RouteOptions(deduplication: 1_000))
    }

    func publishes() async throws -> String {
        try await bridged(options: Self.plain) {
            topic
        } _: {
            try await far.withPeer("subscribe", ["type": "reading"]) { subscriber in
                try await near.probe(subscriber, near.name, Reading())
                // Its queues hold ten messages on AMQP, and lose the oldest.
                let messages = (0..<8).map { Reading.sample($0).json }
                let arguments: [String: JSON] = [
                    "names": [.string(near.name)], "type": "reading", "messages": .array(messages),
                ]
                try await near.withPeer("publish", arguments) { _ in
                    for (number, message) in messages.enumerated() {
                        try await require(far.message(subscriber)["data"], is: message, "message \(number)")
                    }
                }
            }
        }
        return "yes"
    }

    func emits() async throws -> String {
        try await bridged(options: Self.plain) {
            topic
        } _: {
            try await far.withPeer("subscribe", ["type": "event"]) { listener in
                try await near.probe(listener, near.name, Event(name: "Probe", uri: TopicName(near.name)))
                let header: JSON = ["msg_id": 7, "node_id": "n1", "properties": ["floor": 2]]
                let events: [JSON] = [true, false].map { ["header": header, "payload": ["open": .boolean($0)]] }
                let arguments: [String: JSON] = [
                    "names": [.string(near.name)], "type": "event", "messages": .array(events),
                ]
                try await near.withPeer("publish", arguments) { _ in
                    for isOpen in [true, false] {
                        var event = try await listener.next("message")
                        while event["data"]?["payload"] == [:] { event = try await listener.next("message") }
                        try require(event["data"]?["payload"], is: ["open": .boolean(isOpen)], "the payload")
                        try require(event["data"]?["header"]?["node_id"], is: "n1", "who told it")
                        try require(event["data"]?["header"]?["properties"], is: ["floor": 2], "its properties")
                    }
                }
            }
        }
        return "yes"
    }
}
