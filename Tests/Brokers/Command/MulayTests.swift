import Foundation
import IntegrationSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `martlet relay` and mulay 0.3.0 as its users get it: its senders into our relay, and what we publish into its relays.
@Suite("martlet relay and mulay", .timeLimit(.minutes(10)))
struct MulayTests {
    /// Runs a script of Python, in which `sys.argv[1]` is the first argument.
    private func run(_ script: String, _ arguments: String...) async throws -> String {
        let folder = try TemporaryFolder("mulay")
        defer { folder.remove() }
        let file = try folder.write(script, to: "script.py")
        return try await Program.run(
            try await PythonEnvironment.interpreter(),
            ["-u", file] + arguments,
            limit: .seconds(60)
        )
    }

    /// Prints a few lines that a relay of mulay's has got, and ends.
    private static let printer = """
        import os, sys, threading
        class Printer:
            def __init__(self, count): self.left = count
            def send_raw(self, line):
                print("line", line.decode() if isinstance(line, bytes) else line, flush=True)
                self.left -= 1
                if self.left == 0: os._exit(0)

        """

    private func wait(for server: CarbonServer, _ expected: Set<String>, _ run: ProgramRun) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while Set(server.received) != expected {
            guard ContinuousClock.now < deadline else {
                throw ServerError("Carbon has \(server.received)\n\(run.output)\n\(run.errors)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func end(_ run: ProgramRun) async throws {
        run.send(signal: SIGTERM)
        #expect(try await run.waitForEnd() == .exited(0), "\(run.errors)")
    }

    @Test("its sender's metrics come to Carbon over MQTT")
    func takesItsMetrics() async throws {
        try await CarbonServer.withServer { carbon in
            try await MosquittoServer.withServer { mosquitto in
                let folder = try TemporaryFolder("relay")
                defer { folder.remove() }
                let file = try folder.write(
                    "mqtt: {host: 127.0.0.1, port: \(mosquitto.port)}\ncarbon: {host: 127.0.0.1, port: \(carbon.port)}\n",
                    to: "relay.yml"
                )
                let relay = try await Tool.start("relay", file, until: "bridging")
                _ = try await run(
                    """
                    import sys
                    from mulay import helpers, mqtt
                    sender = mqtt.Sender({"host": "127.0.0.1", "port": int(sys.argv[1])})
                    sender.start()
                    sender.send_raw("my.speedtest.download 1.5 1700000000")
                    helpers.time.time = lambda: 1700000001.7
                    helpers.send_metrics(sender, {"a.b": 1, "a.c": 2.5})
                    sender.stop()
                    """,
                    "\(mosquitto.port)"
                )
                try await wait(
                    for: carbon,
                    ["my.speedtest.download 1.5 1700000000", "a.b 1 1700000001", "a.c 2.5 1700000001"],
                    relay
                )
                try await end(relay)
            }
        }
    }

    @Test("its relay gets what we publish over MQTT")
    func givesToItsRelay() async throws {
        try await MosquittoServer.withServer { mosquitto in
            async let output = run(
                Self.printer + """
                    from mulay import mqtt
                    relay = mqtt.Relay({"host": "127.0.0.1", "port": int(sys.argv[1])}, Printer(2))
                    relay.start()
                    """,
                "\(mosquitto.port)"
            )
            let url = "mqtt://127.0.0.1:\(mosquitto.port)"
            // Kept, so that it does not matter when the relay subscribes.
            let sent = try await Tool.run("publish", url, "mulay", "a.b 1 2\na.c 3 4", "--raw", "--retain")
            #expect(sent.exit == .exited(0), "\(sent.errors)")
            let text = try await output
            #expect(text.contains("line a.b 1 2\nline a.c 3 4\n"), "\(text)")
        }
    }

    @Test("its relay gets what we send to a queue")
    func givesToItsRelayByAQueue() async throws {
        let (url, queue) = (try await TestBroker.amqp.url, unique("metrics"))
        let lines = "a.b 1 2\na.c 3 4"
        let sent = try await Tool.run("send", "\(url)?queue_type=transient", queue, lines, "--raw")
        #expect(sent.exit == .exited(0), "\(sent.errors)")
        let text = try await run(
            Self.printer + """
                from mulay import amqp
                relay = amqp.Relay({"url": sys.argv[1], "queue": sys.argv[2]}, Printer(2))
                relay.start()
                """,
            url,
            queue
        )
        #expect(text.contains("line a.b 1 2\nline a.c 3 4\n"), "\(text)")
    }

    /// RabbitMQ refuses to declare a queue otherwise than it is, and ends the link of who tries.
    @Test("its relay and ours share a queue of RabbitMQ, whoever comes first", arguments: [true, false])
    func shareAQueue(_ weAreFirst: Bool) async throws {
        try await CarbonServer.withServer { carbon in
            let folder = try TemporaryFolder("relay")
            defer { folder.remove() }
            let (url, queue) = (try await TestBroker.amqp.url, unique("metrics"))
            let file = try folder.write(
                "amqp: {url: \"\(url)\", queue: \(queue)}\ncarbon: {host: 127.0.0.1, port: \(carbon.port)}\n",
                to: "relay.yml"
            )
            let theirs =
                Self.printer + """
                    from mulay import amqp
                    relay = amqp.Relay({"url": sys.argv[1], "queue": sys.argv[2]}, Printer(1))
                    relay.start()
                    """
            let sender = """
                import sys
                from mulay import amqp
                sender = amqp.Sender({"url": sys.argv[1], "queue": sys.argv[2]})
                sender.start()
                for number in range(4): sender.send_raw("a.b %d 170000000%d" % (number, number))
                sender.stop()
                """
            let declaring = """
                import pika, sys
                pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel().queue_declare(queue=sys.argv[2])
                """
            if !weAreFirst { _ = try await run(declaring, url, queue) }
            let relay = try await Tool.start("relay", file, until: "bridging")
            // Each gets some of them; its relay ends with the first.
            let text = try await withThrowingTaskGroup(of: String.self) { group in
                group.addTask { try await run(theirs, url, queue) }
                group.addTask {
                    while true { _ = try await run(sender, url, queue) }
                }
                defer { group.cancelAll() }
                return try await group.next() ?? ""
            }
            #expect(text.contains("line a.b"), "\(text)")
            while carbon.received.isEmpty { try await Task.sleep(for: .milliseconds(20)) }
            #expect(!relay.errors.contains("406"), "\(relay.errors)")
            try await end(relay)
        }
    }
}
