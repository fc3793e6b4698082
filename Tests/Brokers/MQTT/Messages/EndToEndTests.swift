import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// Messages between Martlet and itself, and between Martlet and mosquitto's own programs.
@Suite(.timeLimit(.minutes(10))) struct EndToEndTests {
    @Test(arguments: MQTTVersion.allCases, Guarantee.allCases)
    func messagesArriveInOrder(_ version: MQTTVersion, _ guarantee: Guarantee) async throws {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("order.\(version.rawValue.first ?? "x")-\(guarantee)")
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            let subscription = try await connection.subscribe(
                to: TopicPattern(topic),
                options: SubscribeOptions(guarantee: guarantee)
            )
            async let sent: Void = {
                for number in 0..<500 {
                    try await connection.publish(
                        Message("\(number)"),
                        to: topic,
                        options: PublishOptions(guarantee: guarantee)
                    )
                }
            }()
            for number in 0..<500 { #expect(try await subscription.next()?.message.text == "\(number)") }
            try await sent
        }
    }

    @Test(arguments: MQTTVersion.allCases) func bodiesOfAllSizesArrive(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("sizes.\(version.rawValue.first ?? "x")")
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            let subscription = try await connection.subscribe(to: TopicPattern(topic))
            // Around the lengths at which the packet's head grows (MQTT 5, 1.5.5).
            for count in [0, 1, 2, 100, 127, 128, 16_370, 16_384, 2_097_140, 2_097_152] {
                let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
                try await connection.publish(Message(body), to: topic, options: PublishOptions(guarantee: .atLeastOnce))
                let arrived = try await subscription.next()
                #expect(arrived?.message.body == body)
            }
        }
    }

    @Test func headersTravelBesideTheBody() async throws {
        let server = try await MosquittoServer.shared()
        var headers: Headers = [
            "text": "Grüße", "empty": "", "number": 42, "truth": true, "lines": "a\nb", "bytes": .bytes([0, 255, 10]),
        ]
        headers.contentType = "text/plain"
        headers.correlationID = "c-1"
        for version in MQTTVersion.allCases {
            try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
                let subscription = try await connection.subscribe(to: "headers.martlet")
                try await connection.publish(Message("body", headers: headers), to: "headers.martlet")
                let arrived = try #require(try await subscription.next()?.message)
                #expect(arrived.text == "body")
                #expect(arrived.headers["text"] == "Grüße")
                #expect(arrived.headers["empty"] == "")
                #expect(arrived.headers["number"]?.integer == 42)
                #expect(arrived.headers["truth"]?.string == "true")
                #expect(arrived.headers["lines"] == "a\nb")
                #expect(arrived.headers["bytes"] == .bytes([0, 255, 10]))
                #expect(arrived.headers.contentType == "text/plain")
                #expect(arrived.headers.correlationID == "c-1")
            }
        }
    }

    @Test func mosquittosSubscriberReadsWhatIsPublished() async throws {
        let server = try await MosquittoServer.shared()
        let program = try Program.find("mosquitto_sub", package: "mosquitto-clients")
        try await MQTTConnection.withConnection(.local(server.port)) { connection in
            try await connection.publish(
                Message("hello", headers: ["colour": "red", "größe": "5"]),
                to: "programs.out",
                options: PublishOptions(guarantee: .atLeastOnce, retain: true, expiry: .seconds(100))
            )
            let text = try await Program.run(
                program,
                [
                    "-h", "127.0.0.1", "-p", "\(server.port)", "-V", "5", "-t", "programs/out", "-C", "1", "-W", "60",
                    "-F", "%t|%p|%P|%r|%E",
                ]
            )
            let fields = text.split(separator: "|").map(String.init)
            #expect(fields[0...1] == ["programs/out", "hello"])
            #expect(fields[2].contains("colour:red") && fields[2].contains("größe:5"), "\(text)")
            #expect(fields[3] == "1")
            let expiry = Int(fields[4].trimmingPrefix { $0 == " " }.prefix { $0.isNumber })
            #expect(expiry.map { (1...100).contains($0) } == true, "\(text)")
        }
    }

    @Test(arguments: MQTTVersion.allCases) func whatMosquittosPublisherSendsIsRead(_ version: MQTTVersion) async throws
    {
        let server = try await MosquittoServer.shared()
        let program = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        let topic = "programs.in-\(version.rawValue.first ?? "x")"
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            let subscription = try await connection.subscribe(to: TopicPattern(topic))
            let properties =
                version == .v311
                ? []
                : [
                    "-D", "publish", "user-property", "colour", "red", "-D", "publish", "content-type", "text/x",
                    "-D", "publish", "response-topic", "answers/here", "-D", "publish", "correlation-data", "c-7",
                ]
            try await Program.run(
                program,
                [
                    "-h", "127.0.0.1", "-p", "\(server.port)", "-V", version == .v5 ? "5" : "311", "-q", "1",
                    "-t", topic.replacing(".", with: "/"), "-m", "hello",
                ] + properties
            )
            let arrived = try #require(try await subscription.next())
            #expect(arrived.topic == TopicName(topic))
            #expect(arrived.message.text == "hello")
            guard version == .v5 else { return }
            #expect(arrived.message.headers["colour"] == "red")
            #expect(arrived.message.headers.contentType == "text/x")
            #expect(arrived.message.headers.replyTo == "answers/here")
            #expect(arrived.message.headers.correlationID == "c-7")
        }
    }

    /// A message that has expired is not delivered to who comes later (MQTT 5, 3.3.2.3.3).
    @Test func anExpiredMessageIsNotDelivered() async throws {
        let server = try await MosquittoServer.shared()
        try await MQTTConnection.withConnection(.local(server.port)) { connection in
            func keep(
                _ text: String,
                _ topic: TopicName,
                _ expiry: Duration?,
                _ guarantee: Guarantee = .atLeastOnce
            ) async throws {
                let options = PublishOptions(guarantee: guarantee, retain: true, expiry: expiry)
                try await connection.publish(Message(text), to: topic, options: options)
            }
            // With a guarantee it would have to be confirmed before it expires.
            try await keep("short", "expiry.a", .milliseconds(1), .atMostOnce)
            try await keep("long", "expiry.b", .seconds(1_000))
            try await keep("for ever", "expiry.c", nil)
            // The broker counts whole seconds, so that it may take two until the first is gone.
            try await until {
                var texts: Set<String?> = []
                let subscription = try await connection.subscribe(to: "expiry.*")
                while !texts.isSuperset(of: ["long", "for ever"]) {
                    texts.insert(try await subscription.next()?.message.text)
                }
                return !texts.contains("short")
            }
        }
    }

    /// A broker that dies takes nothing with it that has not expired here either.
    @Test func aGuaranteedMessageThatExpiresHereIsATimeout() async throws {
        try await MosquittoServer.withServer { server in
            try await MQTTConnection.withConnection(.local(server.port)) { connection in
                server.kill()
                try await until { connection.state == .disconnected }
                for guarantee in [Guarantee.atLeastOnce, .exactlyOnce] {
                    let code = await errorCode {
                        let options = PublishOptions(guarantee: guarantee, expiry: .milliseconds(50))
                        try await connection.publish(Message("x"), to: "t", options: options)
                    }
                    #expect(code == .timeout)
                }
            }
        }
    }

    @Test func topicAliasesSpareNothingButBytes() async throws {
        var settings = MosquittoOptions()
        settings.maximumTopicAliases = 3
        try await MosquittoServer.withServer(settings) { server in
            try await TCPProxy.withProxy(to: server.port) { proxy in
                try await MQTTConnection.withConnection(.local(proxy.port) { $0.topicAliases = 100 }) { connection in
                    let subscription = try await connection.subscribe(to: "aliases.#")
                    for round in 0..<3 {
                        for number in 0..<60 {
                            let topic = TopicName("aliases.topic-\(number % 6)")
                            try await connection.publish(Message("\(number)"), to: topic)
                            let arrived = try await subscription.next()
                            #expect(arrived?.topic == topic)
                            #expect(arrived?.message.text == "\(number)")
                        }
                        // They hold for one link.
                        try await proxy.cut()
                        try await until { proxy.counts.connections == round + 2 && connection.state == .connected }
                    }
                }
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func theLongestTopicArrives(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let prefix = "long-\(version.rawValue.first ?? "x")."
        let topic = TopicName(prefix + String(repeating: "t", count: 65_535 - prefix.utf8.count))
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            let subscription = try await connection.subscribe(to: TopicPattern(prefix + "#"))
            try await connection.publish(Message("x"), to: topic, options: PublishOptions(guarantee: .atLeastOnce))
            #expect(try await subscription.next()?.topic == topic)
            let exact = try await connection.subscribe(to: TopicPattern(topic))
            try await connection.publish(Message("y"), to: topic, options: PublishOptions(guarantee: .atLeastOnce))
            #expect(try await exact.next()?.message.text == "y")
            let code = await errorCode { try await connection.publish(Message("z"), to: TopicName(topic.text + "t")) }
            #expect(code == .invalidTopic)
        }
    }
}
