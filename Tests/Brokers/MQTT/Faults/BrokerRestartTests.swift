import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// What a broker confirmed is with its subscribers in the end, however often the broker dies.
@Suite(.timeLimit(.minutes(10))) struct BrokerRestartTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)

    /// A mosquitto that keeps sessions, with no limit to what is under way.
    private var persistent: MosquittoOptions {
        var options = MosquittoOptions()
        options.isPersistent = true
        options.maximumInFlight = 0
        return options
    }

    @Test func confirmedMessagesSurviveTwentyKillsUnderLoad() async throws {
        try await MosquittoServer.withServer(persistent) { server in
            let begun = Shared<Set<String>>([])
            let confirmed = Shared<Set<String>>([])
            let received = Shared<[MQTTVersion: Set<String>]>([.v311: [], .v5: []])
            let publishers = Shared<[MQTTConnection]>([])
            let isOver = Shared(false)
            // What the broker may have confirmed and not yet saved when it died: what becomes of that is its affair.
            var unsaved: Set<String> = []
            try await withSubscribers(of: server, received) { subscribers in
                try await server.save()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for version in MQTTVersion.allCases {
                        for session in [MQTTSessionState.clean, .persistent()] {
                            let name = "publisher-\(version)-\(session == .clean)"
                            group.addTask {
                                let options = MQTTOptions.local(server.port, version, name: name) {
                                    $0.session = session
                                }
                                try await publish(options, name, begun, confirmed, publishers, isOver)
                            }
                        }
                    }
                    for _ in 0..<20 {
                        let before = confirmed.value.count
                        // Everyone is back, and there is load.
                        try await until {
                            publishers.value.count == 4 && subscribers.allSatisfy { $0.state == .connected }
                                && confirmed.value.count > before + 50
                        }
                        let saved = confirmed.value
                        try await server.save()
                        server.kill()
                        // Its last words may be in a publisher's hands, which will say so later.
                        try await until { publishers.value.allSatisfy { $0.state == .disconnected } }
                        unsaved.formUnion(begun.value.subtracting(saved))
                        try await server.start()
                    }
                    isOver.withLock { $0 = true }
                    try await group.waitForAll()
                }
                let owed = confirmed.value.subtracting(unsaved)
                #expect(owed.count > 400)
                let deadline = ContinuousClock.now + .seconds(60)
                try await until {
                    received.value.values.allSatisfy { $0.isSuperset(of: owed) } || .now > deadline
                }
                for (version, texts) in received.value {
                    #expect(owed.subtracting(texts).sorted() == [], "of \(owed.count), by \(version)")
                }
            }
        }
    }

    /// Runs `body` with a subscriber of each version, and writes down what they get.
    private func withSubscribers(
        of server: MosquittoServer,
        _ received: Shared<[MQTTVersion: Set<String>]>,
        _ body: ([MQTTConnection]) async throws -> Void
    ) async throws {
        func options(_ version: MQTTVersion) -> MQTTOptions {
            .local(server.port, version, name: "subscriber-\(version)") { $0.session = .persistent() }
        }
        try await MQTTConnection.withConnection(options(.v311)) { old in
            try await MQTTConnection.withConnection(options(.v5)) { new in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (version, connection) in [(MQTTVersion.v311, old), (.v5, new)] {
                        let options = SubscribeOptions(guarantee: .atLeastOnce)
                        let subscription = try await connection.subscribe(to: "load.#", options: options)
                        group.addTask {
                            for try await delivery in subscription {
                                let text = delivery.message.text ?? "?"
                                received.withLock { _ = $0[version]?.insert(text) }
                            }
                        }
                    }
                    try await body([old, new])
                    group.cancelAll()
                    while let result = await group.nextResult() {
                        if case .failure(let error) = result, !(error is CancellationError) { throw error }
                    }
                }
            }
        }
    }

    /// Publishes message after message, several at a time, and writes down which were confirmed.
    private func publish(
        _ options: MQTTOptions,
        _ name: String,
        _ begun: Shared<Set<String>>,
        _ confirmed: Shared<Set<String>>,
        _ publishers: Shared<[MQTTConnection]>,
        _ isOver: Shared<Bool>
    ) async throws {
        try await MQTTConnection.withConnection(options) { connection in
            publishers.withLock { $0.append(connection) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<4 {
                    group.addTask {
                        var number = 0
                        while !isOver.value {
                            let text = "\(name)-\(lane)-\(number)"
                            begun.withLock { _ = $0.insert(text) }
                            try await connection.publish(
                                Message(text),
                                to: TopicName("load.\(lane)"),
                                options: Self.promise
                            )
                            confirmed.withLock { _ = $0.insert(text) }
                            number += 1
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// The subscriber is away while messages are published, the broker saves them and dies.
    @Test(arguments: MQTTVersion.allCases)
    func aSubscriberThatWasAwayGetsWhatTheBrokerSaved(_ version: MQTTVersion) async throws {
        try await MosquittoServer.withServer(persistent) { server in
            try await TCPProxy.withProxy(to: server.port) { proxy in
                let options = MQTTOptions.local(proxy.port, version, name: "away") { $0.session = .persistent() }
                try await MQTTConnection.withConnection(options) { subscriber in
                    let subscription = try await subscriber.subscribe(
                        to: "away.#",
                        options: SubscribeOptions(guarantee: .atLeastOnce)
                    )
                    for round in 0..<3 {
                        try await proxy.refuseConnections()
                        try await proxy.cut()
                        try await until { subscriber.state == .disconnected }
                        try await MQTTConnection.withConnection(.local(server.port, version)) { publisher in
                            for number in 0..<50 {
                                try await publisher.publish(
                                    Message("\(round)-\(number)"),
                                    to: "away.x",
                                    options: Self.promise
                                )
                            }
                        }
                        try await server.save()
                        try await server.restart()
                        try await proxy.acceptConnections()
                        var missing = Set((0..<50).map { "\(round)-\($0)" })
                        while !missing.isEmpty {
                            let text = try await subscription.next()?.message.text
                            missing.remove(try #require(text))
                        }
                    }
                }
            }
        }
    }

    /// Both ends keep their sessions, so that nothing arrives twice either. The links of both are cut
    /// at any step of the exchange, and any number of times while one message is under way.
    @Test(arguments: MQTTVersion.allCases)
    func exactlyOnceIsOnceOverLinksThatAreCut(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let topic = "once.\(version == .v5 ? "new" : "old")"
        func options(_ port: Int, _ name: String) -> MQTTOptions {
            .local(port, version, name: "\(name)-\(version.rawValue)") { $0.session = .persistent() }
        }
        try await TCPProxy.withProxy(to: server.port) { proxy in
            try await MQTTConnection.withConnection(options(proxy.port, "once-in")) { subscriber in
                try await MQTTConnection.withConnection(options(proxy.port, "once-out")) { publisher in
                    let subscription = try await subscriber.subscribe(
                        to: TopicPattern(topic),
                        options: SubscribeOptions(guarantee: .exactlyOnce)
                    )
                    async let counts = collect(until: "end", from: subscription)
                    let isOver = Shared(false)
                    async let cutting: Void = cut(proxy, of: [subscriber, publisher], times: 40, then: isOver)
                    var number = 0
                    while !isOver.value || number < 400 {
                        try await publisher.publish(
                            Message("\(number)"),
                            to: TopicName(topic),
                            options: PublishOptions(guarantee: .exactlyOnce)
                        )
                        number += 1
                    }
                    try await cutting
                    try await publisher.publish(
                        Message("end"),
                        to: TopicName(topic),
                        options: PublishOptions(guarantee: .exactlyOnce)
                    )
                    let result = try await counts
                    #expect(result.count == number)
                    #expect(result.allSatisfy { $0.value == 1 }, "\(result.filter { $0.value != 1 })")
                }
            }
        }
    }

    /// Cuts links by chance, each after another number of bytes. Not before they are restored: mosquitto 2.0 forgets which
    /// messages it has released when a link ends while it says so again.
    private func cut(
        _ proxy: TCPProxy,
        of connections: [MQTTConnection],
        times: Int,
        then isOver: Shared<Bool>
    ) async throws {
        defer { isOver.withLock { $0 = true } }
        var generator = SplitMix64(seed: 11)
        for _ in 0..<times {
            try await until { connections.allSatisfy { $0.state == .connected } }
            let links = proxy.counts.connections
            proxy.cut(
                .reset,
                after: Int.random(in: 1...160, using: &generator),
                Bool.random(using: &generator) ? .toServer : .toClient
            )
            try await until { proxy.counts.connections > links }
        }
    }

    private func collect(until end: String, from subscription: Subscription) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for try await delivery in subscription {
            let text = delivery.message.text ?? "?"
            if text == end { break }
            counts[text, default: 0] += 1
        }
        return counts
    }
}
