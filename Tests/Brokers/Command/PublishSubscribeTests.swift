import Foundation
import IntegrationSupport
import Testing

@Suite("martlet publish, subscribe, emit", .timeLimit(.minutes(10)))
struct PublishSubscribeTests {
    @Test("a message is one JSON object on a line", arguments: TestBroker.allCases)
    func publishes(broker: TestBroker) async throws {
        let url = try await broker.url
        let topic = unique("house.door")
        let subscriber = try await Tool.start("subscribe", url, "\(topic).#", "--count", "1", until: "listening")
        let publisher = try await Tool.run("publish", url, topic, #"{ "open" : true, "ratio": 1.50 }"#)
        #expect(publisher.exit == .exited(0))
        #expect(publisher.output.isEmpty && publisher.errors.isEmpty)
        let end = try await subscriber.waitForEnd()
        #expect(end == .exited(0))
        let lines = subscriber.lines
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(line.contains(#""body":{"open":true,"ratio":1.50}"#))
        let object = try Tool.object(line)
        #expect(object["topic"] as? String == topic)
        #expect(object["headers"] is [String: Any])
        let time = try #require(object["time"] as? String)
        #expect(time.count == 24 && time.hasSuffix("Z"))
    }

    @Test("each line of standard input, a file, repeats, and bytes that are no JSON", arguments: TestBroker.allCases)
    func takesPayloads(broker: TestBroker) async throws {
        let url = try await broker.url
        let topic = unique("house.lines")
        let subscriber = try await Tool.start("subscribe", url, topic, "--count", "8", "--raw", until: "listening")
        let lines = try await Tool.run("publish", url, topic, input: .text("{\"line\":1}\r\n\n{\"line\":2}\n3"))
        #expect(lines.exit == .exited(0))
        let folder = try TemporaryFolder("payload")
        defer { folder.remove() }
        let file = try folder.write("{\"from\":\n\"file\"}", to: "payload.json")
        try await #expect(Tool.run("publish", url, topic, "@\(file)").exit == .exited(0))
        try await #expect(Tool.run("publish", url, topic, "@-", input: .text("[1,\n2]")).exit == .exited(0))
        try await #expect(Tool.run("publish", url, topic, "not json", "--raw").exit == .exited(0))
        try await #expect(
            Tool.run("publish", url, topic, "true", "--count", "2", "--rate", "100").exit == .exited(0)
        )
        try await subscriber.waitForEnd()
        #expect(
            subscriber.output == """
                {"line":1}
                {"line":2}
                3
                {"from":
                "file"}
                [1,
                2]
                not json
                true
                true

                """
        )
    }

    @Test("what is no JSON is shown as text or base64, and said so")
    func showsBytes() async throws {
        let url = try await TestBroker.mqtt.url
        let topic = unique("house.bytes")
        let subscriber = try await Tool.start("subscribe", url, topic, "--count", "3", until: "listening")
        try await #expect(Tool.run("publish", url, topic, "caf\u{E9}", "--raw").exit == .exited(0))
        let folder = try TemporaryFolder("payload")
        defer { folder.remove() }
        try Data([0xFF, 0, 1]).write(to: URL(fileURLWithPath: folder.path("bytes")))
        try await #expect(Tool.run("publish", url, topic, "@\(folder.path("bytes"))", "--raw").exit == .exited(0))
        try await #expect(Tool.run("publish", url, topic, "[NaN]", "--header", "kind=python").exit == .exited(0))
        try await subscriber.waitForEnd()
        let objects = try subscriber.lines.map(Tool.object)
        #expect(objects.map { $0["encoding"] as? String } == ["text", "base64", nil])
        #expect(objects[0]["body"] as? String == "caf\u{E9}")
        #expect(objects[1]["body"] as? String == "/wAB")
        #expect(subscriber.lines[2].contains(#""body":[null]"#))
        #expect((objects[2]["headers"] as? [String: Any])?["kind"] as? String == "python")
    }

    @Test("a retained message waits, and is left out when only fresh ones are wanted")
    func retains() async throws {
        let url = try await TestBroker.mqtt.url
        let topic = unique("house.kept")
        try await #expect(Tool.run("publish", url, topic, "1", "--retain", "--qos", "1").exit == .exited(0))
        let kept = try await Tool.run("subscribe", url, topic, "--count", "1", "--qos", "1")
        #expect(kept.exit == .exited(0))
        #expect(try kept.objects.first?["retained"] as? Bool == true)
        let fresh = try await Tool.run("subscribe", url, topic, "--fresh", "--timeout", "500ms")
        #expect(fresh.exit == .exited(0))
        #expect(fresh.output.isEmpty)
    }

    @Test("what a broker can't give is an error", arguments: [TestBroker.amqp, .redis])
    func refusesRetain(broker: TestBroker) async throws {
        let outcome = try await Tool.run("publish", broker.url, unique("house"), "1", "--retain")
        #expect(outcome.exit == .exited(64))
        #expect(outcome.errors.hasPrefix("martlet: unsupported: "))
    }

    @Test("an event has a name, a place and a payload", arguments: TestBroker.allCases)
    func emits(broker: TestBroker) async throws {
        let url = try await broker.url
        let uri = unique("events.door")
        let subscriber = try await Tool.start("subscribe", url, uri, "--count", "2", until: "listening")
        let payload = #"{"open":true}"#
        try await #expect(Tool.run("emit", url, uri, payload, "--event", "DoorOpened").exit == .exited(0))
        try await #expect(Tool.run("emit", url, uri).exit == .exited(0))
        try await subscriber.waitForEnd()
        let bodies = try subscriber.lines.map { try #require(Tool.object($0)["body"] as? [String: Any]) }
        #expect(bodies[0]["name"] as? String == "DoorOpened")
        #expect(bodies[0]["uri"] as? String == uri)
        #expect((bodies[0]["payload"] as? [String: Bool]) == ["open": true])
        #expect(bodies[1]["name"] as? String == uri.split(separator: ".").last.map(String.init))
        #expect((bodies[1]["payload"] as? [String: Bool]) == [:])
    }

    @Test("MARTLET_URL is the broker where none is named")
    func usesEnvironment() async throws {
        let environment = ["MARTLET_URL": try await TestBroker.redis.url]
        let topic = unique("house")
        let subscriber = try await Tool.start(
            "subscribe",
            topic,
            "--count",
            "1",
            until: "listening",
            environment: environment
        )
        try await #expect(Tool.run("publish", topic, "[1]", environment: environment).exit == .exited(0))
        let end = try await subscriber.waitForEnd()
        #expect(end == .exited(0))
        #expect(subscriber.lines.count == 1)
    }

    @Test("--timeout ends what waits: quietly, or with 124 when --count wanted more", arguments: TestBroker.allCases)
    func timesOut(broker: TestBroker) async throws {
        let url = try await broker.url
        let quiet = try await Tool.run("subscribe", url, unique("nothing"), "--timeout", "300ms")
        #expect(quiet.exit == .exited(0))
        #expect(quiet.output.isEmpty && quiet.errors.isEmpty)
        let early = try await Tool.run("subscribe", url, unique("nothing"), "--timeout", "0.3", "--count", "2")
        #expect(early.exit == .exited(124))
        #expect(early.errors.contains("0 of 2 messages came within 0.3s"))
        #expect(early.errors.contains("--timeout"))
    }

    @Test("a flood of lines arrives whole and in order", arguments: TestBroker.allCases)
    func survivesFlood(broker: TestBroker) async throws {
        let url = try await broker.url
        let topic = unique("house.flood")
        let numbers = (1...20_000).map { "\($0)\n" }.joined()
        let subscriber = try await Tool.start("subscribe", url, topic, "--count", "20000", "--raw", until: "listening")
        try await #expect(Tool.run("publish", url, topic, input: .text(numbers)).exit == .exited(0))
        let end = try await subscriber.waitForEnd()
        #expect(end == .exited(0))
        #expect(subscriber.output == numbers)
    }

    @Test("TLS with the broker's own authority, a user, and a socket of this machine")
    func takesSecureURLs() async throws {
        let certificates = try await TestCertificates.shared
        let secured = try await MosquittoServer.sharedSecured()
        let port = try #require(secured.tlsPort)
        let trusted = "mqtts://alice:sesame@127.0.0.1:\(port)?cafile=\(certificates.authority)"
        try await #expect(Tool.run("publish", trusted, "house", "1", "--qos", "1").exit == .exited(0))
        let stranger = try await Tool.run("publish", "mqtts://alice:sesame@127.0.0.1:\(port)", "house", "1")
        #expect(stranger.exit == .exited(69))
        #expect(stranger.errors.contains("does not let us in") && stranger.errors.contains("cafile"))

        var options = RedisOptions()
        options.listensOnUnixSocket = true
        try await RedisServer.withServer(options) { server in
            let socket = try #require(server.unixSocket)
            try await #expect(Tool.run("send", "unix://\(socket)", "jobs", "[1]").exit == .exited(0))
            try await #expect(
                Tool.run("receive", "unix://\(socket)", "jobs", "--count", "1", "--raw").output == "[1]\n"
            )
        }
    }
}

/// Names as MQTT writes them.
@Suite("martlet on MQTT's own names", .timeLimit(.minutes(10)))
struct MQTTNameTests {
    @Test(
        "a name with slashes is MQTT's own",
        arguments: ["zigbee2mqtt/Living Room Lamp", "spBv1.0/g/NCMD/e", "/a//b/"]
    )
    func publishesToMQTTsOwn(name: String) async throws {
        let url = try await TestBroker.mqtt.url
        let base = unique("own").replacing(".", with: "-")
        let program = try Program.find("mosquitto_sub", package: "mosquitto-clients")
        let subscriber = try await Tool.start("subscribe", url, "\(base)/#", "--count", "1", until: "listening")
        let publisher = try await Tool.run("publish", url, "\(base)/\(name)", "1", "--retain")
        #expect(publisher.exit == .exited(0), "\(publisher.errors)")
        let port = try await MosquittoServer.shared().port
        let heard = try await Program.run(
            program,
            ["-h", "127.0.0.1", "-p", "\(port)", "-t", "\(base)/#", "-C", "1", "-F", "%t %p", "-W", "30"]
        )
        #expect(heard == "\(base)/\(name) 1\n")
        try await subscriber.waitForEnd()
        let topic = try #require(try Tool.object(subscriber.lines[0])["topic"] as? String)
        #expect(topic == "\(base).\(name.replacing(".", with: "%2E").replacing("/", with: "."))")
    }

    @Test("a bridge's options and file read names by the kind of their broker")
    func bridgesMQTTsOwn() async throws {
        try await MosquittoServer.withServer { mosquitto in
            let (near, far) = ("mqtt://127.0.0.1:\(mosquitto.port)", try await TestBroker.amqp.url)
            let base = unique("own").replacing(".", with: "-")
            let listener = try await Tool.start("subscribe", far, "\(base).#", "--count", "2", until: "listening")
            let bridge = try await Tool.start(
                "bridge",
                near,
                far,
                "--topic",
                "spBv1.0/+/NCMD/#=\(base).{1}.{rest}",
                until: "bridging"
            )
            try await #expect(Tool.run("publish", near, "spBv1.0/g.1/NCMD/e", "1").exit == .exited(0))
            bridge.send(signal: SIGTERM)
            try await bridge.waitForEnd()
            let folder = try TemporaryFolder("own")
            defer { folder.remove() }
            let file = try folder.write(
                """
                from: \(near)
                to: \(far)
                routes:
                  - topic: "shelly-1.2/+/0"
                    as: "\(base).{1}"
                    except: ["shelly-1.2/secret/0"]
                """,
                to: "bridge.yml"
            )
            let other = try await Tool.start("bridge", "--config", file, until: "bridging")
            for name in ["secret", "relay"] {
                try await #expect(Tool.run("publish", near, "shelly-1.2/\(name)/0", "2").exit == .exited(0))
            }
            try await listener.waitForEnd()
            let topics = try listener.lines.map { try Tool.object($0)["topic"] as? String }
            #expect(topics == ["\(base).g%2E1.e", "\(base).relay"])
            other.send(signal: SIGTERM)
            try await other.waitForEnd()
        }
    }
}
