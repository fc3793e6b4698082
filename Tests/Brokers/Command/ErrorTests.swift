import Foundation
import IntegrationSupport
import Testing

@Suite("What can go wrong with martlet", .timeLimit(.minutes(10)))
struct ErrorTests {
    static let wrong: [([String], String)] = [
        (["publish"], "There is no URL"),
        (["publish", "kafka://host", "topic", "1"], "There is no broker 'kafka:'"),
        (["publish", "mqtt://host"], "Missing expected argument '<topic>'"),
        (["publish", "mqtt://host", "topic", "1", "2"], "'2'"),
        (["publish", "mqtt://host", "topic", "1", "--count", "0"], "--count is 0"),
        (["publish", "mqtt://host", "topic", "1", "--rate", "0"], "--rate"),
        (["publish", "mqtt://host", "topic", "1", "--qos", "3"], "'0', '1' or '2'"),
        (["publish", "mqtt://host", "topic", "1", "--timeout", "soon"], "--timeout"),
        (["subscribe", "mqtt://host", "filter", "--count", "0"], "--count is 0"),
        (["receive", "mqtt://host", "queue", "--requeue", "--count", "2000"], "at most 1000"),
        (["receive", "mqtt://host", "queue", "--requeue", "--ack"], "--ack"),
        (["serve", "mqtt://host", "name"], "--exec or --echo"),
        (["serve", "mqtt://host", "name", "--echo", "--exec", "cat"], "--exec or --echo"),
        (["goal", "mqtt://host", "name", "--cancel-after", "0"], "--cancel-after is 0"),
        (["bench", "memory:", "--size", "1"], "--size is 1"),
        (["bench", "memory:", "--in-flight", "0"], "--in-flight is 0"),
        (["bench", "memory:", "--only", "all"], "'pubsub', 'queue' or 'rpc'"),
        (["publish", "memory:", "topic", "1"], "memory: is a broker inside this process"),
        (["call", "memory:house", "name"], "memory:house is a broker inside this process"),
        (["nodes", "memory:"], "it is for demo, bench and bridge"),
        (["broker", "--keep-alive", "20h"], "--keep-alive is a time of whole seconds"),
        (["broker", "--keep-alive", "1500ms"], "--keep-alive is a time of whole seconds"),
        (["pubish", "mqtt://host"], "pubish"),
    ]

    @Test("wrong arguments: exit code 64 and how it is used", arguments: wrong.indices)
    func refusesArguments(index: Int) async throws {
        let (arguments, hint) = Self.wrong[index]
        let outcome = try await Tool.run(arguments)
        #expect(outcome.exit == .exited(64))
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains(hint))
        #expect(outcome.errors.contains("Usage: martlet"))
    }

    @Test("names that are none", arguments: TestBroker.allCases)
    func refusesNames(broker: TestBroker) async throws {
        let url = try await broker.url
        for arguments in [
            ["publish", url, "a.*", "1"], ["subscribe", url, "a.#.b"], ["call", url, "a.*"], ["send", url, "#", "1"],
        ] {
            let outcome = try await Tool.run(arguments)
            #expect(outcome.exit == .exited(64))
            #expect(outcome.errors.contains("is not valid"))
        }
    }

    @Test("a payload that is no JSON: exit code 65, and nothing is sent")
    func refusesPayload() async throws {
        let url = try await TestBroker.redis.url
        let text = try await Tool.run("send", url, unique("jobs"), "hello")
        #expect(text.exit == .exited(65))
        #expect(text.errors.contains("the payload is no JSON"))
        #expect(text.errors.contains("--raw"))
        let line = try await Tool.run("send", url, unique("jobs"), input: .text("1\n{\n3\n"))
        #expect(line.exit == .exited(65))
        #expect(line.errors.contains("line 2 of standard input is no JSON"))
    }

    @Test("a file that is not there: exit code 66")
    func missesFile() async throws {
        let outcome = try await Tool.run("publish", TestBroker.redis.url, "topic", "@/no/such/file")
        #expect(outcome.exit == .exited(66))
        #expect(outcome.errors.contains(#""/no/such/file" can't be read: No such file or directory"#))
    }

    @Test("standard input that can't be read: exit code 66, and no kept value is taken back")
    func cannotReadInput() async throws {
        let url = try await TestBroker.mqtt.url
        let topic = unique("kept")
        try await #expect(Tool.run("publish", url, topic, "1", "--retain").exit == .exited(0))
        for payload in ["@-", "-"] {
            let outcome = try await Tool.run("publish", url, topic, payload, "--raw", "--retain", input: .path("/"))
            #expect(outcome.exit == .exited(66))
            #expect(outcome.errors.contains("standard input can't be read: Is a directory"))
        }
        let kept = try await Tool.run("subscribe", url, topic, "--count", "1", "--timeout", "30s")
        #expect(try kept.objects.map { $0["body"] as? Int } == [1])
    }

    @Test("no broker: exit code 69, where, why and for how long", arguments: ["mqtt", "amqp", "redis"])
    func findsNoBroker(scheme: String) async throws {
        let port = try ReservedPort()
        let url = "\(scheme)://somebody:s3sam3@127.0.0.1:\(port.number)"
        let outcome = try await Tool.run("publish", url, "topic", "1")
        #expect(outcome.exit == .exited(69))
        #expect(
            outcome.errors.contains("\(scheme)://somebody:***@127.0.0.1:\(port.number) can't be reached; tried for")
        )
        #expect(outcome.errors.contains("Connection refused"))
        #expect(outcome.errors.contains("See whether the broker runs there"))
        #expect(!outcome.errors.contains("s3sam3"))
    }

    @Test("a broker that says nothing is given up after --connect-timeout", arguments: ["mqtt", "amqp", "redis"])
    func meetsSilence(scheme: String) async throws {
        try await SilentServer.withServer { server in
            let url = "\(scheme)://127.0.0.1:\(server.port)"
            let outcome = try await Tool.run("call", url, "name", "--connect-timeout", "500ms")
            #expect(outcome.exit == .exited(69))
            #expect(outcome.errors.contains("can't be reached; tried for"))
            #expect(outcome.errors.contains("timeout: it gave no answer"))
        }
    }

    @Test("a user who may not: exit code 69, and no password is shown")
    func isNotLetIn() async throws {
        let port = try await MosquittoServer.sharedSecured().port
        let urls = [
            "mqtt://alice:wrongs3sam3@127.0.0.1:\(port)",
            "amqp://guest:wrongs3sam3@127.0.0.1:\(try await RabbitMQServer.shared().port)",
        ]
        for url in urls {
            let outcome = try await Tool.run("publish", url, "topic", "1", "--verbose")
            #expect(outcome.exit == .exited(69))
            #expect(outcome.errors.contains("does not let us in"))
            #expect(outcome.errors.contains("Check the user and the password"))
            #expect(!outcome.errors.contains("s3sam3"))
        }
    }

    @Test(
        "no password of a URL is ever shown, wherever the URL stands",
        arguments: [
            ["mqtt://user:s3sam3@host", "publish"], ["publish", "mqtt://user:s3sam3@host"],
            ["publish", "topic", "mqtt://user:s3sam3@host", "1", "2"],
            ["publish", "--count", "mqtt://user:s3sam3@host", "topic"],
            ["publish", "--count=mqtt://user:s3sam3@host", "topic"], ["publish", "kafka://user:s3sam3@host", "topic"],
            ["publish", "mqtt://user:s3s@m3@s3sam3", "topic", "1"], ["call", "mqtt://user:s3sam3@host?no=1", "name"],
            ["call", "mqtts://user@host?keypassword=s3sam3", "name", "1", "--connect-timeout", "1ms"],
            ["call", "redis://:s3sam3@127.0.0.1:1/x", "name"], ["amqp://user:s3sam3@host"],
        ]
    )
    func keepsSecrets(arguments: [String]) async throws {
        for arguments in [arguments, arguments + ["--verbose"]] {
            let outcome = try await Tool.run(arguments)
            #expect(outcome.exit != .exited(0))
            #expect(!outcome.output.contains("s3sam3") && !outcome.errors.contains("s3sam3"))
        }
        let environment = ["MARTLET_URL": "kafka://user:s3sam3@host"]
        let outcome = try await Tool.run("publish", "topic", "1", environment: environment)
        #expect(outcome.exit == .exited(64))
        #expect(outcome.errors.contains("as MARTLET_URL says"))
        #expect(!outcome.errors.contains("s3sam3"))
    }

    @Test("the link that is lost and comes back is told")
    func tellsLosses() async throws {
        try await MosquittoServer.withServer { server in
            let url = "mqtt://127.0.0.1:\(server.port)"
            let topic = unique("house")
            let listening = try await Tool.start("subscribe", url, topic, "--count", "1", until: "listening")
            try await server.restart()
            try await listening.waitForErrors("is lost")
            try await listening.waitForErrors("is back")
            try await #expect(Tool.run("publish", url, topic, "1", "--retain").exit == .exited(0))
            let end = try await listening.waitForEnd()
            #expect(end == .exited(0))
        }
    }
}
