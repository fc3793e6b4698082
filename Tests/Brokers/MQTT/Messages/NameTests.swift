import IntegrationSupport
import Logging
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// Names as MQTT has them, on a real broker.
@Suite(.timeLimit(.minutes(10))) struct NameTests {
    private static let (composed, decomposed) = ("x/caf\u{E9}", "x/cafe\u{301}")

    /// Publishes by the program of mosquitto, so that the topic's bytes are known to be these.
    private func publish(_ text: String, to topic: String, _ port: Int) async throws {
        let program = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        try await Program.run(program, ["-h", "127.0.0.1", "-p", "\(port)", "-q", "1", "-t", topic, "-m", text])
    }

    @Test(arguments: MQTTVersion.allCases) func topicsThatLookAlikeAreTwo(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        // All versions use the one broker.
        let base = "alike-\(version.rawValue)"
        let (composed, decomposed) = ("\(base)/\(Self.composed)", "\(base)/\(Self.decomposed)")
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            let first = try await connection.subscribe(to: TopicPattern(mqtt: composed))
            let second = try await connection.subscribe(to: TopicPattern(mqtt: decomposed))
            try await publish("composed", to: composed, server.port)
            try await publish("decomposed", to: decomposed, server.port)
            #expect(try await first.next()?.message.text == "composed")
            #expect(try await second.next()?.message.text == "decomposed")
        }
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            let both = try await connection.subscribe(to: TopicPattern(mqtt: "\(base)/#"))
            for topic in [composed, decomposed] {
                try await connection.publish(Message(topic), to: TopicName(mqtt: topic))
                let delivery = try #require(try await both.next())
                #expect(delivery.topic.mqtt.utf8.elementsEqual(topic.utf8))
                #expect(delivery.message.text?.utf8.elementsEqual(topic.utf8) == true)
            }
        }
    }

    @Test func topicAliasesTellThemApart() async throws {
        var settings = MosquittoOptions()
        settings.maximumTopicAliases = 10
        try await MosquittoServer.withServer(settings) { server in
            let options = MQTTOptions.local(server.port) { $0.topicAliases = 10 }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(to: "x.#")
                for number in 0..<4 {
                    let topic = TopicName(mqtt: number % 2 == 0 ? Self.composed : Self.decomposed)
                    try await connection.publish(Message("\(number)"), to: topic)
                    #expect(try await subscription.next()?.topic == topic)
                }
            }
        }
    }

    @Test(
        arguments: MQTTVersion.allCases,
        [
            "zigbee2mqtt/Living Room Lamp", "/devices/a/temp", "a//b", "trail/", "star*x/y", "spBv1.0/g/DBIRTH/e",
            "shelly-1.2/relay/0", "/", "//", " ", "a/%2F/%", "%23", "*", "$aws/things/lamp/shadow/update",
            "$iothub/methods/res/200/?$rid=1", "$delayed/5/a",
        ]
    )
    func everyTopicCanBePublishedAndSubscribedTo(_ version: MQTTVersion, _ topic: String) async throws {
        let server = try await MosquittoServer.shared()
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            let subscription = try await connection.subscribe(to: TopicPattern(mqtt: topic))
            let mark = "\(UInt64.random(in: 0 ... .max))"
            func arrives() async throws {
                // All versions use the one broker.
                while let delivery = try await subscription.next() {
                    #expect(delivery.topic.mqtt == topic)
                    if delivery.message.text == mark { return }
                }
                Issue.record("it did not arrive")
            }
            try await connection.publish(Message(mark), to: TopicName(mqtt: topic))
            try await arrives()
            try await publish(mark, to: topic, server.port)
            try await arrives()
        }
    }

    /// Whatever a dot or a slash in a segment is elsewhere, here it is the segment's.
    @Test func segmentsAreLevels() async throws {
        let server = try await MosquittoServer.shared()
        try await MQTTConnection.withConnection(.local(server.port)) { connection in
            let levels = try await connection.subscribe(to: TopicPattern(mqtt: "levels/+/c/#"))
            for topic in ["levels/a.b/c/d", "levels/a/b/c/d", "levels//c", "levels/a/c"] {
                try await connection.publish(Message(topic), to: TopicName(mqtt: topic))
            }
            let name = TopicName(segments: ["levels", "a/b+#", "c"])
            #expect(name.mqtt == "levels/a%2Fb%2B%23/c")
            try await connection.publish(Message("coded"), to: name)
            var heard: [String?] = []
            for _ in 0..<4 { heard.append(try await levels.next()?.message.text) }
            #expect(heard == ["levels/a.b/c/d", "levels//c", "levels/a/c", "coded"])
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func aFirstWildcardMatchesNothingThatBeginsWithADollar(_ version: MQTTVersion) async throws {
        var settings = MosquittoOptions()
        settings.extraLines = ["sys_interval 1"]
        try await MosquittoServer.withServer(settings) { server in
            try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
                let everything = try await connection.subscribe(to: "#")
                let first = try await connection.subscribe(to: TopicPattern(mqtt: "+/broker/version"))
                let system = try await connection.subscribe(to: TopicPattern(mqtt: "$SYS/#"))
                for _ in 0..<40 { #expect(try await system.next()?.topic.segments.first == "$SYS") }
                try await connection.publish(Message("mine"), to: TopicName(mqtt: "my/broker/version"))
                #expect(try await everything.next()?.message.text == "mine")
                #expect(try await first.next()?.message.text == "mine")
            }
        }
    }

    // MARK: Groups

    @Test(arguments: MQTTVersion.allCases) func aGroupSharesAFilterWithWildcards(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let base = "demo-\(version.rawValue)"
        try await MQTTConnection.withConnection(.local(server.port, version)) { one in
            try await MQTTConnection.withConnection(.local(server.port, version)) { other in
                let first = try await one.subscribe(to: TopicPattern(mqtt: "$share/workers/\(base)/+/state"))
                let second = try await other.subscribe(
                    to: TopicPattern(mqtt: "\(base)/+/state"),
                    options: SubscribeOptions(group: "workers")
                )
                for number in 0..<50 {
                    try await one.publish(Message("\(number)"), to: TopicName(mqtt: "\(base)/\(number)/state"))
                }
                let heard = Shared<[Int]>([])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for member in [first, second] {
                        group.addTask {
                            for try await delivery in member {
                                let number = delivery.message.text.flatMap { Int($0) } ?? -1
                                heard.withLock { $0.append(number) }
                            }
                        }
                    }
                    try await until { heard.value.count >= 50 }
                    for member in [first, second] { member.finish() }
                    try await group.waitForAll()
                }
                #expect(heard.value.sorted() == Array(0..<50))
            }
        }
    }

    @Test func whatIsWrongWithAGroupIsSaid() async throws {
        let server = try await MosquittoServer.shared()
        try await MQTTConnection.withConnection(.local(server.port)) { connection in
            for group in ["", "a/b", "a+", "#"] {
                let code = await errorCode {
                    _ = try await connection.subscribe(to: "a", options: SubscribeOptions(group: group))
                }
                #expect(code == .invalidArgument)
            }
            let differing = await errorCode {
                let options = SubscribeOptions(group: "h")
                _ = try await connection.subscribe(to: TopicPattern(mqtt: "$share/g/a"), options: options)
            }
            #expect(differing == .invalidArgument)
            // Swift takes a slash and an accent behind it for one character.
            for filter in ["$share.g.a", "$share.\u{301}.a"] {
                let text = await errorCode { _ = try await connection.subscribe(to: TopicPattern(filter)) }
                #expect(text == .invalidFilter)
            }
        }
    }

    // MARK: What can't pass

    @Test(arguments: MQTTVersion.allCases) func whatCannotPassIsAnErrorWithItsReason(_ version: MQTTVersion)
        async throws
    {
        let server = try await MosquittoServer.shared()
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            for (segments, reason) in [([""], "empty"), (["a\u{1}"], "control character"), (["\u{FFFE}"], "none")] {
                let error = await #expect(throws: MessagingError.self) {
                    try await connection.publish(Message(), to: TopicName(segments: segments))
                }
                #expect(error?.code == .invalidTopic)
                #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
            }
            let tooLong = TopicName(segments: [String(repeating: "/", count: 30_000)])
            #expect(await errorCode { try await connection.publish(Message(), to: tooLong) } == .invalidTopic)
            #expect(connection.state == .connected)
        }
    }

    @Test func aSlashInATextIsToldOnce() async throws {
        let server = try await MosquittoServer.shared()
        let (logger, lines) = recordingLogger()
        let options = MQTTOptions.local(server.port) { $0.connection.logger = logger }
        try await MQTTConnection.withConnection(options) { connection in
            try await connection.publish(Message(), to: TopicName(mqtt: "slash/a"))
            try await connection.publish(Message(), to: TopicName(segments: ["slash/a"]))
            #expect(!lines.value.contains { $0.contains("slash") })
            for _ in 0..<3 { try await connection.publish(Message(), to: "slash/b") }
            _ = try await connection.subscribe(to: "slash/c")
            #expect(lines.value.count { $0.contains("slash") } == 1)
            #expect(lines.value.contains { $0.contains("notice") && $0.contains("TopicName(mqtt:)") })
        }
    }
}
