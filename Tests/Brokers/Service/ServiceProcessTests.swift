import Foundation
import IntegrationSupport
import Logging
import Martlet
import MartletMQTT
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite("A service in a process", .serialized, .timeLimit(.minutes(5)))
struct ServiceProcessTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder("service")
    }

    /// Starts a service with settings of its own.
    private func start(_ name: String, port: Int, _ more: String = "", _ arguments: [String] = []) throws -> ProgramRun
    {
        let text = "broker: {host: 127.0.0.1, port: \(port)}\n" + more
        let file = try folder.write(text, to: "settings-\(name).yml")
        return try ProgramUnderTest.start(
            ["--start", name, "--config", file] + arguments,
            environment: ["STATE_DIRECTORY": folder.path]
        )
    }

    private func next(_ texts: AsyncStream<String>, _ text: String) async {
        for await found in texts where found == text { return }
        Issue.record("\(text) did not come")
    }

    /// What is published on topics, as `topic=text`.
    private func texts(of deliveries: Subscription) -> AsyncStream<String> {
        AsyncStream {
            guard let delivery = try? await deliveries.first(where: { _ in true }) else { return nil }
            return "\(delivery.topic.mqtt)=\(String(decoding: delivery.message.body, as: UTF8.self))"
        }
    }

    @Test func `answers, repeats, and says that it is there`() async throws {
        try await MosquittoServer.withServer { server in
            let listener = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let texts = self.texts(of: try await listener.subscribe(to: TopicPattern(mqtt: "service/#")))
            let echo = try start("echo", port: server.port, "services: {echo: {custom_value: hello}}")
            await next(texts, "service/echo/online=1")
            await next(texts, "service/echo/foofoo={\"answer\":42.01,\"config_demo\":\"hello\"}")
            try await listener.publish(Message("Hi there"), to: TopicName(mqtt: "service/echo/echo"))
            await next(texts, "service/echo/echo_response=Hi there")
            echo.send(signal: SIGTERM)
            await next(texts, "service/echo/online=0")
            #expect(try await echo.waitForEnd() == .exited(0))
            await listener.close()
        }
    }

    @Test func `is called in its help as it is in the shell`() async throws {
        #expect(try await ProgramUnderTest.output(["--help"]).contains("USAGE: service-under-test [<subcommand>]"))
    }

    @Test func `is said to be gone when it is killed`() async throws {
        try await MosquittoServer.withServer { server in
            let listener = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let texts = self.texts(of: try await listener.subscribe(to: TopicPattern(mqtt: "#")))
            let minimal = try start("minimal", port: server.port)
            await next(texts, "service/minimal/online=1")
            minimal.send(signal: SIGKILL)
            await next(texts, "service/minimal/online=0")
            await listener.close()
        }
    }

    @Test func `remembers from one run to the next`() async throws {
        try await MosquittoServer.withServer { server in
            let listener = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let texts = self.texts(of: try await listener.subscribe(to: TopicPattern(mqtt: "service/#")))
            for run in 1...2 {
                let gadget = try start("gadget-1", port: server.port)
                await next(texts, "service/gadget-1/online=1")
                let topic = TopicName(mqtt: "service/gadget-1/sms/send/0049")
                try await listener.publish(Message("hello"), to: topic)
                await next(texts, "service/gadget-1/sms/sent=\(run): 0049: hello")
                try await listener.publish(Message("on"), to: TopicName(mqtt: "service/gadget-1/powersave"))
                await next(texts, "service/gadget-1/state/powersave=1")
                // It takes the first one's place at the broker for a moment, so that nothing is waited for after it.
                if run == 2 {
                    let second = try start("gadget-1", port: server.port)
                    #expect(try await second.waitForEnd() == .exited(1))
                    #expect(second.errors.contains("is in use: does the service run a second time?"))
                }
                gadget.send(signal: SIGTERM)
                #expect(try await gadget.waitForEnd() == .exited(0))
                if run == 1 { await next(texts, "service/gadget-1/online=0") }
            }
            await listener.close()
        }
    }

    @Test func `logs in at its broker, and trusts whom its settings say`() async throws {
        let server = try await MosquittoServer.sharedSecured()
        let link = try await MQTTConnection.connect(to: "mqtt://alice:sesame@127.0.0.1:\(server.port)")
        let texts = self.texts(of: try await link.subscribe(to: TopicPattern(mqtt: "service/minimal/online")))
        let port = try #require(server.tlsPort)
        let authority = try await TestCertificates.shared.authority
        let settings = """
            broker: {host: 127.0.0.1, port: \(port)}
            auth: {username: alice, password: sesame}
            tls: {ca_certs: \(authority), cert_reqs: CERT_REQUIRED, tls_version: PROTOCOL_SSLv23, ciphers: None}
            """
        let minimal = try ProgramUnderTest.start(
            ["--start", "minimal", "--config", folder.write(settings, to: "secured.yml")],
            environment: ["STATE_DIRECTORY": folder.path]
        )
        await next(texts, "service/minimal/online=1")
        minimal.send(signal: SIGTERM)
        await next(texts, "service/minimal/online=0")
        #expect(try await minimal.waitForEnd() == .exited(0))
        await link.close()
    }

    @Test func `has its log read elsewhere, if its settings say so`() async throws {
        try await MosquittoServer.withServer { server in
            let client = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let entries = try await client.subscribe(to: Topic<LogEntry>(mqtt: "logs/switched"))
            let online = self.texts(of: try await client.subscribe(to: TopicPattern(mqtt: "service/switched/online")))
            let settings = "log_level: notice\nservices: {switched: {log_topic: logs/switched}}"
            let switched = try start("switched", port: server.port, settings)
            await next(online, "service/switched/online=1")
            try await client.publish(
                Message("0"),
                to: TopicName(mqtt: "service/switched/enabled"),
                options: PublishOptions(guarantee: .atLeastOnce, retain: true)
            )
            // What is less serious, as that the node runs, is left out.
            let entry = try #require(try await entries.next()?.value)
            #expect(entry.message == "the service was stopped by its topic 'enabled'")
            #expect(entry.level == .notice)
            switched.send(signal: SIGTERM)
            #expect(try await switched.waitForEnd() == .exited(0))
            // The node's own, up to its end.
            let minimal = try start("minimal", port: server.port, "services: {minimal: {log_topic: logs/switched}}")
            for message in ["the node runs", "the node has ended"] {
                let entry = try #require(try await entries.next()?.value)
                #expect(entry.message == message)
                #expect(entry.metadata["node"] == "minimal")
                if message == "the node runs" { minimal.send(signal: SIGTERM) }
            }
            #expect(try await minimal.waitForEnd() == .exited(0))
            await client.close()
        }
    }

    @Test func `waits for its broker, and outlives it`() async throws {
        let server = try MosquittoServer()
        let echo = try start("echo", port: server.port, "services: {echo: {custom_value: hello}}")
        for _ in 1...2 {
            // It publishes five times a second meanwhile.
            try await Task.sleep(for: .seconds(1))
            try await server.start()
            let listener = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let texts = self.texts(of: try await listener.subscribe(to: TopicPattern(mqtt: "service/#")))
            await next(texts, "service/echo/online=1")
            try await listener.publish(Message("again"), to: TopicName(mqtt: "service/echo/echo"))
            await next(texts, "service/echo/echo_response=again")
            await listener.close()
            server.kill()
        }
        echo.send(signal: SIGTERM)
        #expect(try await echo.waitForEnd() == .exited(0))
    }

    @Test func `ends in order while it waits for its broker`() async throws {
        let server = try MosquittoServer()
        let minimal = try start("minimal", port: server.port)
        try await minimal.waitForErrors("connect")
        minimal.send(signal: SIGTERM)
        #expect(try await minimal.waitForEnd() == .exited(0))
    }

    @Test func `ends in order when its terminal is gone`() async throws {
        let file = try folder.write("broker: mqtt://127.0.0.1:1\n", to: "settings.yml")
        let run = try TerminalRun(
            ProgramUnderTest.path,
            ["--start", "minimal", "--config", file],
            environment: ["STATE_DIRECTORY": folder.path]
        )
        try await run.waitForScreen("the node runs")
        run.send(signal: SIGHUP)
        #expect(try await run.waitForEnd() == .exited(0))
    }

    // MARK: Two of one name

    @Test func `gives up when another client keeps taking its name`() async throws {
        try await MosquittoServer.withServer { server in
            let echo = try start("echo", port: server.port, "services: {echo: {custom_value: hello}}")
            let listener = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let texts = self.texts(of: try await listener.subscribe(to: TopicPattern(mqtt: "service/echo/online")))
            for _ in 0..<3 {
                await next(texts, "service/echo/online=1")
                // It bears that for a while.
                try await Task.sleep(for: .milliseconds(1_200))
                let other = try await MQTTConnection.connect(
                    to: "mqtt://127.0.0.1:\(server.port)",
                    connection: ConnectionOptions(name: "echo")
                )
                await next(texts, "service/echo/online=0")
                await other.close()
            }
            #expect(try await echo.waitForEnd() == .exited(1))
            #expect(echo.errors.contains("the broker has ended the link of 'echo' 3 times in a minute"))
            await listener.close()
        }
    }

    // MARK: Switching

    @Test func `is stopped and started by its topic, if it says so`() async throws {
        try await MosquittoServer.withServer { server in
            let client = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let texts = self.texts(of: try await client.subscribe(to: TopicPattern(mqtt: "service/#")))
            let enabled = TopicName(mqtt: "service/switched/enabled")
            // Whoever starts it later finds it stopped.
            try await client.publish(
                Message("0"),
                to: enabled,
                options: PublishOptions(guarantee: .atLeastOnce, retain: true)
            )
            let switched = try start("switched", port: server.port)
            try await switched.waitForErrors("the service was stopped by its topic")
            await next(texts, "service/switched/online=1")
            try await client.publish(Message("on"), to: enabled)
            await next(texts, "service/switched/pi=3.1")
            for text in ["maybe", "false"] { try await client.publish(Message(text), to: enabled) }
            while switched.errors.components(separatedBy: "was stopped by its topic").count < 3 {
                try await Task.sleep(for: .milliseconds(5))
            }
            try await client.publish(Message("end"), to: TopicName(mqtt: "service/end"))
            await next(texts, "service/end=end")
            try await Task.sleep(for: .milliseconds(300))
            try await client.publish(Message("later"), to: TopicName(mqtt: "service/end"))
            var after: [String] = []
            for await text in texts {
                if text == "service/end=later" { break }
                after.append(text)
            }
            #expect(after == [])
            switched.send(signal: SIGTERM)
            #expect(try await switched.waitForEnd() == .exited(0))
            await client.close()
        }
    }

    @Test func `is not stopped by the topic otherwise`() async throws {
        try await MosquittoServer.withServer { server in
            let client = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let texts = self.texts(of: try await client.subscribe(to: TopicPattern(mqtt: "service/echo/#")))
            let echo = try start("echo", port: server.port, "services: {echo: {custom_value: hello}}")
            await next(texts, "service/echo/online=1")
            try await client.publish(Message("0"), to: TopicName(mqtt: "service/echo/enabled"))
            await next(texts, "service/echo/enabled=0")
            for _ in 0..<3 { await next(texts, "service/echo/foofoo={\"answer\":42.01,\"config_demo\":\"hello\"}") }
            echo.send(signal: SIGTERM)
            #expect(try await echo.waitForEnd() == .exited(0))
            await client.close()
        }
    }

    // MARK: Trying it out

    @Test func `publishes elsewhere on request, and listens where it does`() async throws {
        try await MosquittoServer.withServer { server in
            let client = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let texts = self.texts(of: try await client.subscribe(to: TopicPattern(mqtt: "#")))
            let echo = try start(
                "echo",
                port: server.port,
                "services: {echo: {custom_value: hello}}",
                ["--debug-prefix", "try/it/"]
            )
            await next(texts, "try/it/service/echo/online=1")
            try await client.publish(Message("Hi there"), to: TopicName(mqtt: "service/echo/echo"))
            await next(texts, "try/it/service/echo/echo_response=Hi there")
            echo.send(signal: SIGKILL)
            await next(texts, "try/it/service/echo/online=0")
            await client.close()
        }
    }

    // MARK: The command line

    @Test func `is checked without a broker`() async throws {
        let run = try start("echo", port: 1, "services: {echo: {custom_value: x}}", ["--check"])
        #expect(try await run.waitForEnd() == .exited(0))
        #expect(run.lines.contains("service: echo"))
        #expect(run.lines.contains("broker: mqtt://127.0.0.1:1"))
        #expect(run.lines.contains("topics below: service/echo"))
        #expect(run.lines.contains("state file: \(folder.path)/echo.json"))
    }

    @Test func `finds its settings where it is told to, and in its folder`() async throws {
        let ini = try folder.write("[DEFAULT]\namqp_uri = amqp://a\n\n[echo]\ncustom_value = x\n", to: "farine.ini")
        let yaml = try folder.write("broker: mqtt://b\nservices: {echo: {custom_value: x}}\n", to: "miqro.yml")
        let settings = [
            ([:], "settings: miqro.yml", "broker: mqtt://b"),
            (["FARINE_INI": ini], "settings: \(ini)", "broker: amqp://a"),
            (["FARINE_INI": ini, "MARTLET_CONFIG": yaml], "settings: \(yaml)", "broker: mqtt://b"),
        ]
        for (environment, file, broker) in settings {
            let command = "cd \(folder.path) && exec \(ProgramUnderTest.path) --start echo --check"
            let run = try ProgramRun("/bin/sh", ["-c", command], environment: environment)
            #expect(try await run.waitForEnd() == .exited(0), "\(run.errors)")
            #expect(run.lines.contains(file) && run.lines.contains(broker), "\(run.output)")
        }
    }

    @Test func `says what is wrong with its settings, and where`() async throws {
        let run = try start("echo", port: 1, "services:\n  echo: {custom_valu: x}")
        #expect(try await run.waitForEnd() == .exited(1))
        #expect(run.errors.contains("settings-echo.yml:3:10: services.echo"))
    }

    @Test func `does not run if the settings say so`() async throws {
        let run = try start("minimal", port: 1, "services: {minimal: {enabled: false}}")
        #expect(try await run.waitForEnd() == .exited(0))
    }

    @Test func `is chosen by its name`() async throws {
        let unknown = try ProgramUnderTest.start(["--start", "lamp"])
        #expect(try await unknown.waitForEnd() == .exited(1))
        #expect(
            unknown.errors.contains(
                "there is no service 'lamp' here; there is echo, minimal, gadget-1, broken, ailing, switched, house"
            )
        )
        let none = try ProgramUnderTest.start([])
        #expect(try await none.waitForEnd() == .exited(1))
        #expect(none.errors.contains("--start: echo, minimal, gadget-1, broken, ailing, switched, house"))
    }
}
