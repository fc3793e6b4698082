import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

/// What a broker keeps, and what it says for those who can't any more.
@Suite(.timeLimit(.minutes(10))) struct RetainedAndWillTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)
    private static let kept = PublishOptions(guarantee: .atLeastOnce, retain: true)

    @Test(arguments: MQTTVersion.allCases) func keptMessagesComeToWhoWantsThem(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let base = "kept-\(version.rawValue.first ?? "x")"
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            try await connection.publish(Message("1"), to: TopicName("\(base).a"), options: Self.kept)
            try await connection.publish(Message("2"), to: TopicName("\(base).b"), options: Self.kept)

            let all = try await connection.subscribe(to: TopicPattern("\(base).*"))
            var texts: Set<String?> = []
            for _ in 0..<2 { texts.insert(try await all.next()?.message.text) }
            #expect(texts == ["1", "2"])

            // Somebody else, later, on the same connection: for him alone.
            let again = try await connection.subscribe(to: TopicPattern("\(base).*"))
            texts = []
            for _ in 0..<2 { texts.insert(try await again.next()?.message.text) }
            #expect(texts == ["1", "2"])

            let live = try await connection.subscribe(
                to: TopicPattern("\(base).#"),
                options: SubscribeOptions(retained: false)
            )
            // An empty one deletes what was kept, and comes to all as what it is.
            try await connection.publish(Message(), to: TopicName("\(base).a"), options: Self.kept)
            #expect(try await live.next()?.message.body == [])
            #expect(try await all.next()?.message.body == [])
            #expect(try await again.next()?.message.body == [])
            let rest = try await connection.subscribe(to: TopicPattern("\(base).*"))
            #expect(try await rest.next()?.message.text == "2")
            try await connection.publish(Message("end"), to: TopicName("\(base).end"), options: Self.promise)
            #expect(try await rest.next()?.message.text == "end")
        }
    }

    @Test(arguments: MQTTVersion.allCases) func aWillIsForWhoIsLostAndNotForWhoCloses(_ version: MQTTVersion)
        async throws
    {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("will-\(version.rawValue.first ?? "x")")
        try await MQTTConnection.withConnection(.local(server.port, version)) { observer in
            let news = try await observer.subscribe(to: TopicPattern(topic))
            try await TCPProxy.withProxy(to: server.port) { proxy in
                let options = MQTTOptions.local(proxy.port, version) {
                    $0.connection.will = Will(topic: topic, message: Message("gone"), retain: false)
                }
                try await MQTTConnection.withConnection(options) { connection in
                    // It is armed anew with each link.
                    for round in 0..<3 {
                        try await proxy.cut()
                        #expect(try await news.next()?.message.text == "gone")
                        try await connection.publish(Message("back \(round)"), to: topic, options: Self.promise)
                        #expect(try await news.next()?.message.text == "back \(round)")
                    }
                }
                // What comes next would come after a will.
                try await observer.publish(Message("end"), to: topic, options: Self.promise)
                #expect(try await news.next()?.message.text == "end")
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func aWillThatIsKeptWaitsForWhoComesLater(_ version: MQTTVersion)
        async throws
    {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("kept-will-\(version.rawValue.first ?? "x")")
        try await TCPProxy.withProxy(to: server.port) { proxy in
            let options = MQTTOptions.local(proxy.port, version) {
                $0.connection.will = Will(topic: topic, message: Message("gone", headers: ["why": "lost"]))
                $0.reconnect.attempts = 0
            }
            try await MQTTConnection.withConnection(options) { connection in
                try await proxy.cut()
                try await until { connection.state == .closed }
            }
            try await MQTTConnection.withConnection(.local(server.port, version)) { observer in
                let news = try await observer.subscribe(to: TopicPattern(topic))
                let will = try await news.next()?.message
                #expect(will?.text == "gone")
                #expect(will?.headers["why"] == "lost")
            }
        }
    }
}
