import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

/// Wills of clients whose sessions the broker keeps.
@Suite(.timeLimit(.minutes(10))) struct KeptWillTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)
    private static let guaranteed = SubscribeOptions(guarantee: .atLeastOnce)

    private func options(_ port: Int, _ version: MQTTVersion, _ name: String, will: Will? = nil) -> MQTTOptions {
        .local(port, version, name: "\(name)-\(version.rawValue)") {
            $0.session = .persistent(expiry: .seconds(600))
            $0.connection.will = will
        }
    }

    /// It is armed anew with each link, also where the session goes on; and it is not for one who closes.
    @Test(arguments: MQTTVersion.allCases)
    func aKeptSessionsWillIsForEachLostLink(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("kept-session-will-\(version.rawValue.first ?? "x")")
        try await MQTTConnection.withConnection(.local(server.port, version)) { observer in
            let news = try await observer.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
            try await TCPProxy.withProxy(to: server.port) { proxy in
                let will = Will(topic: topic, message: Message("gone"), retain: false)
                let options = options(proxy.port, version, "will", will: will)
                try await MQTTConnection.withConnection(options) { connection in
                    for round in 0..<3 {
                        try await proxy.cut()
                        #expect(try await news.next()?.message.text == "gone")
                        try await connection.publish(Message("back \(round)"), to: topic, options: Self.promise)
                        #expect(try await news.next()?.message.text == "back \(round)")
                    }
                }
                // The proxy's end would cut off the farewell.
                try await until { proxy.counts.openConnections == 0 }
            }
            try await observer.publish(Message("end"), to: topic, options: Self.promise)
            #expect(try await news.next()?.message.text == "end")
        }
    }

    /// A will waits for those that are away as any other message with a guarantee does.
    @Test(arguments: MQTTVersion.allCases)
    func aWillWaitsForThoseThatAreAway(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("awaited-will-\(version.rawValue.first ?? "x")")
        try await MQTTConnection.withConnection(options(server.port, version, "watcher")) { connection in
            _ = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
        }
        try await TCPProxy.withProxy(to: server.port) { proxy in
            var options = options(
                proxy.port,
                version,
                "mortal",
                will: Will(topic: topic, message: Message("gone"), retain: false)
            )
            options.reconnect.attempts = 0
            try await MQTTConnection.withConnection(options) { connection in
                try await proxy.cut()
                try await until { connection.state == .closed }
            }
        }
        try await MQTTConnection.withConnection(options(server.port, version, "watcher")) { connection in
            let news = try await connection.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
            #expect(try await news.next()?.message.text == "gone")
        }
    }

    /// The process before has hung; the one that takes its place says that it is there, and nothing contradicts it later.
    @Test(arguments: MQTTVersion.allCases)
    func aNewProcessOfTheSameNameHasTheLastWord(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("taken-over-\(version.rawValue.first ?? "x")")
        let will = Will(topic: topic, message: Message("0"), retain: true)
        let online = PublishOptions(guarantee: .atLeastOnce, retain: true)
        try await TCPProxy.withProxy(to: server.port) { proxy in
            var hung = options(proxy.port, version, "device", will: will)
            hung.reconnect.attempts = 0
            try await MQTTConnection.withConnection(hung) { before in
                try await before.publish(Message("1"), to: topic, options: online)
                let after = options(server.port, version, "device", will: will)
                try await MQTTConnection.withConnection(after) { connection in
                    try await connection.publish(Message("1 again"), to: topic, options: online)
                    try await until { before.state == .closed }
                    try await MQTTConnection.withConnection(.local(server.port, version)) { observer in
                        let news = try await observer.subscribe(to: TopicPattern(topic), options: Self.guaranteed)
                        #expect(try await news.next()?.message.text == "1 again")
                        try await observer.publish(Message(""), to: topic, options: online)
                    }
                }
            }
        }
    }
}
