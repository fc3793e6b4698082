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

/// `martlet relay`, between real brokers and a real Carbon.
@Suite("martlet relay", .timeLimit(.minutes(10)))
struct RelayTests {
    private func wait(for server: CarbonServer, _ expected: [String], _ run: ProgramRun) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while Set(server.received) != Set(expected) {
            guard ContinuousClock.now < deadline else {
                throw ServerError("Carbon has \(server.received)\n\(run.output)\n\(run.errors)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func end(_ run: ProgramRun) async throws {
        run.send(signal: SIGTERM)
        let end = try await run.waitForEnd()
        #expect(end == .exited(0), "\(run.errors)")
    }

    @Test("a file of mulay's relays MQTT to Carbon, and tells nobody the password")
    func relaysMQTT() async throws {
        try await CarbonServer.withServer { carbon in
            var options = MosquittoOptions()
            options.users = [.init("me", password: "s3sam3")]
            try await MosquittoServer.withServer(options) { mosquitto in
                let folder = try TemporaryFolder("relay")
                defer { folder.remove() }
                let file = try folder.write(
                    """
                    carbon:
                      host: 127.0.0.1
                      port: \(carbon.port)
                    mqtt:
                      host: 127.0.0.1
                      port: \(mosquitto.port)
                      user: me
                      password: s3sam3
                    """,
                    to: "relay.yml"
                )
                let check = try await Tool.run("relay", file, "--check")
                #expect(check.exit == .exited(0))
                #expect(try check.objects.first?["state"] as? String == "planned")

                let relay = try await Tool.start("relay", file, "--report", "50ms", until: "bridging")
                let url = "mqtt://me:s3sam3@127.0.0.1:\(mosquitto.port)"
                let lines = "my.speedtest.download 1.5 1700000000\nmy.speedtest.upload 2 1700000000"
                for text in [lines, "no line", "my.x 3 1700000001"] {
                    let sent = try await Tool.run("publish", url, "mulay", text, "--raw")
                    #expect(sent.exit == .exited(0), "\(sent.errors)")
                }
                try await wait(
                    for: carbon,
                    [
                        "my.speedtest.download 1.5 1700000000", "my.speedtest.upload 2 1700000000", "my.x 3 1700000001",
                    ],
                    relay
                )
                try await end(relay)
                for text in [relay.output, relay.errors, check.output, check.errors] {
                    #expect(!text.contains("s3sam3"))
                }
            }
        }
    }

    @Test("a queue of RabbitMQ, which Carbon's absence does not empty")
    func relaysAMQP() async throws {
        try await CarbonServer.withServer { carbon in
            let folder = try TemporaryFolder("relay")
            defer { folder.remove() }
            let (url, queue) = (try await TestBroker.amqp.url, unique("metrics"))
            let file = try folder.write(
                "amqp: {url: \"\(url)\", queue: \(queue)}\ncarbon: {host: 127.0.0.1, port: \(carbon.port)}\n",
                to: "relay.yml"
            )
            let relay = try await Tool.start("relay", file, until: "bridging")
            carbon.pause()
            for number in 1...3 {
                let sent = try await Tool.run("send", url, queue, "a.b \(number) 170000000\(number)", "--raw")
                #expect(sent.exit == .exited(0), "\(sent.errors)")
            }
            try await carbon.restart()
            try await wait(for: carbon, (1...3).map { "a.b \($0) 170000000\($0)" }, relay)
            try await end(relay)
        }
    }

    @Test("JSON becomes metrics by the name of its topic")
    func makesMetrics() async throws {
        try await CarbonServer.withServer { carbon in
            try await MosquittoServer.withServer { mosquitto in
                let folder = try TemporaryFolder("relay")
                defer { folder.remove() }
                let url = "mqtt://127.0.0.1:\(mosquitto.port)"
                let file = try folder.write(
                    """
                    from: \(url)
                    to: {carbon: {host: 127.0.0.1, port: \(carbon.port), prefix: home}}
                    routes:
                      - topic: zigbee2mqtt/+
                        metrics: {name: "zigbee.{1}.{field}", fields: [temperature, humidity], time: at}
                    """,
                    to: "relay.yml"
                )
                // What the broker has kept is no measurement of now.
                let old = #"{"temperature": 9, "at": 1}"#
                let kept = try await Tool.run("publish", url, "zigbee2mqtt/attic", old, "--retain")
                #expect(kept.exit == .exited(0), "\(kept.errors)")
                let relay = try await Tool.start("relay", file, until: "bridging")
                let body = #"{"temperature": 21.5, "humidity": 40, "linkquality": 3, "at": 1700000000}"#
                let sent = try await Tool.run("publish", url, "zigbee2mqtt/kitchen", body)
                #expect(sent.exit == .exited(0), "\(sent.errors)")
                try await wait(
                    for: carbon,
                    ["home.zigbee.kitchen.temperature 21.5 1700000000", "home.zigbee.kitchen.humidity 40 1700000000"],
                    relay
                )
                try await end(relay)
            }
        }
    }

    @Test("a bridge to the console prints the messages and nothing else")
    func printsMessages() async throws {
        try await MosquittoServer.withServer { mosquitto in
            let url = "mqtt://127.0.0.1:\(mosquitto.port)"
            let bridge = try await Tool.start("bridge", url, "console:", "--topic", "lines.#", until: "bridging")
            for text in ["one", "two"] {
                let sent = try await Tool.run("publish", url, "lines.a", text, "--raw")
                #expect(sent.exit == .exited(0), "\(sent.errors)")
            }
            try await bridge.waitForOutput("two")
            try await end(bridge)
            #expect(bridge.output == "one\ntwo\n")
        }
    }

    @Test("a log file may be moved away, as logrotate does")
    func outlivesLogrotate() async throws {
        try await MosquittoServer.withServer { mosquitto in
            let folder = try TemporaryFolder("relay")
            defer { folder.remove() }
            let (url, log) = ("mqtt://127.0.0.1:\(mosquitto.port)", folder.path("log"))
            let relay = try await Tool.start("bridge", url, "file:\(log)", "--topic", "a", until: "bridging")
            for name in ["log.1", "log.2", "log"] {
                let sent = try await Tool.run("publish", url, "a", name, "--raw")
                #expect(sent.exit == .exited(0), "\(sent.errors)")
                try await until { (try? String(contentsOfFile: log, encoding: .utf8)) == name + "\n" }
                if name == "log" { break }
                try FileManager.default.moveItem(atPath: log, toPath: folder.path(name))
                relay.send(signal: SIGHUP)
            }
            try await end(relay)
        }
    }

    @Test("events are served by one relay and read by another, which misses none while it is away")
    func servesAndReadsEvents() async throws {
        try await MosquittoServer.withServer { mosquitto in
            let folder = try TemporaryFolder("relay")
            defer { folder.remove() }
            let (url, port) = ("mqtt://127.0.0.1:\(mosquitto.port)", try ReservedPort())
            let serving = try folder.write(
                """
                from: \(url)
                to: {events: {listen: "127.0.0.1:\(port.number)", token: s3sam3}}
                routes: [{topic: "lines/#"}]
                """,
                to: "serving.yml"
            )
            let reading = try folder.write(
                """
                name: reading
                from: {events: {url: "http://127.0.0.1:\(port.number)/events?topic=lines.%23", positions: positions.json,
                                headers: {authorization-file: token}, reconnection-time: 50ms}}
                to: file:\(folder.path("log"))
                routes: [{topic: "#"}]
                report: {every: 200ms, as: my.relay}
                """,
                to: "reading.yml"
            )
            _ = try folder.write("Bearer s3sam3\n", to: "token")
            let server = try await Tool.start("relay", serving, until: "bridging")
            var lines: [String] = []
            func send(_ text: String) async throws {
                let sent = try await Tool.run("publish", url, "lines/a", text, "--raw")
                #expect(sent.exit == .exited(0), "\(sent.errors)")
                lines.append(text)
            }
            func log() -> [String] {
                (try? String(contentsOfFile: folder.path("log"), encoding: .utf8))?.split(separator: "\n").map(
                    String.init
                ) ?? []
            }
            for run in 1...2 {
                if run == 2 { try await send("while it is away") }
                let reader = try await Tool.start("relay", reading, until: "bridging")
                try await send("in run \(run)")
                let expected = lines
                try await until { log().filter { !$0.hasPrefix("my.relay.") } == expected }
                try await until { log().contains { $0.hasPrefix("my.relay.") && $0.contains(".forwarded \(run) ") } }
                try await end(reader)
                for text in [reader.output, reader.errors] { #expect(!text.contains("s3sam3")) }
            }
            try await end(server)
            #expect(!server.output.contains("s3sam3"))
        }
    }

    @Test("a source that has come to its end ends the relay in order")
    func endsWithItsSource() async throws {
        let folder = try TemporaryFolder("relay")
        defer { folder.remove() }
        let server = try ProgramRun(
            Program.find("python3", package: "python3"),
            [
                "-u", "-c",
                """
                from http.server import BaseHTTPRequestHandler, HTTPServer
                class Events(BaseHTTPRequestHandler):
                    def do_GET(self):
                        if self.headers.get("last-event-id") == "100":
                            self.send_response(204)
                            self.end_headers()
                            return
                        self.send_response(200)
                        self.send_header("content-type", "text/event-stream")
                        self.end_headers()
                        first = int(self.headers.get("last-event-id") or "0") + 1
                        self.wfile.write(b"retry: 10\\n\\n")
                        for number in range(first, min(first + 40, 101)):
                            self.wfile.write(b"id: %d\\ndata: %d\\n\\n" % (number, number))
                server = HTTPServer(("127.0.0.1", 0), Events)
                print("port %d;" % server.server_port)
                server.serve_forever()
                """,
            ]
        )
        try await server.waitForOutput(";")
        let port = server.output.filter(\.isNumber)
        let file = try folder.write(
            """
            name: finite
            from: {events: {url: "http://127.0.0.1:\(port)/", positions: positions.json}}
            to: file:\(folder.path("log"))
            routes: [{topic: "#", store: store}]
            """,
            to: "relay.yml"
        )
        let relay = try await Tool.start("relay", file, until: "bridging")
        let end = try await relay.waitForEnd()
        #expect(end == .exited(0), "\(relay.errors)")
        let log = try String(contentsOfFile: folder.path("log"), encoding: .utf8)
        #expect(log.split(separator: "\n").map(String.init) == (1...100).map { "\($0)" })
        #expect(try Tool.object(relay.lines.last ?? "")["state"] as? String == "ended", "\(relay.output)")
        // Nothing is left, and the end is remembered.
        let again = try await Tool.run("relay", file)
        #expect(again.exit == .exited(0), "\(again.errors)")
        #expect(try String(contentsOfFile: folder.path("log"), encoding: .utf8) == log)
    }

    @Test("its figures may be asked for, and SIGHUP has certificates read anew")
    func tellsFigures() async throws {
        let certificates = try await TestCertificates.shared
        try await MosquittoServer.withServer { mosquitto in
            let folder = try TemporaryFolder("relay")
            defer { folder.remove() }
            let (url, port, events) = ("mqtt://127.0.0.1:\(mosquitto.port)", try ReservedPort(), try ReservedPort())
            func use(_ identity: TestCertificates.Identity) throws {
                for (from, to) in [(identity.certificate, "chain.pem"), (identity.key, "key.pem")] {
                    _ = try folder.write(String(contentsOfFile: from, encoding: .utf8), to: to)
                }
            }
            try use(certificates.server)
            let file = try folder.write(
                """
                name: home
                from: \(url)
                to:
                  events: {listen: "127.0.0.1:\(events.number)", token: s3sam3,
                           tls: {certificate-file: chain.pem, key-file: key.pem}}
                routes: [{topic: "lines/#"}]
                report: {listen: "127.0.0.1:\(port.number)", token: t0ken}
                """,
                to: "relay.yml"
            )
            let relay = try await Tool.start("relay", file, until: "bridging")
            let sent = try await Tool.run("publish", url, "lines/a", "x", "--raw")
            #expect(sent.exit == .exited(0), "\(sent.errors)")
            let curl = try Program.find("curl", package: "curl")
            func ask(_ arguments: String...) async throws -> String {
                try await Program.run(curl, ["--silent", "--show-error", "--max-time", "20"] + arguments)
            }
            let metrics = "http://127.0.0.1:\(port.number)/metrics"
            let forwarded = try Regex(#"martlet_route_forwarded_total\{bridge="home",route="[^"]*"\} 1\n"#)
            while try await ask("--header", "authorization: Bearer t0ken", metrics).firstMatch(of: forwarded) == nil {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await ask("http://127.0.0.1:\(port.number)/health").contains(#""ok""#))
            func trusts(_ authority: String) async -> Bool {
                let status = ["--output", "/dev/null", "--write-out", "%{http_code}"]
                let text = try? await Program.run(
                    curl,
                    ["--silent", "--cacert", authority, "--max-time", "20"] + status
                        + ["https://localhost:\(events.number)/nowhere"]
                )
                return text == "404"
            }
            #expect(await trusts(certificates.authority))
            try use(certificates.strange)
            relay.send(signal: SIGHUP)
            while await !trusts(certificates.strangeAuthority) { try await Task.sleep(for: .milliseconds(20)) }
            _ = try folder.write("nonsense", to: "chain.pem")
            relay.send(signal: SIGHUP)
            try await relay.waitForErrors("certificate")
            #expect(await trusts(certificates.strangeAuthority))
            try await end(relay)
            for secret in ["s3sam3", "t0ken"] { #expect(!(relay.output + relay.errors).contains(secret)) }
        }
    }

    @Test("a certificate that can't be used is said with its place, before anything is connected to")
    func checksCertificates() async throws {
        let folder = try TemporaryFolder("relay")
        defer { folder.remove() }
        for (end, place) in [
            ("to: {events: {listen: '127.0.0.1:0', tls: {certificate-file: none, key-file: none}}}", "2:"),
            (
                "to: file:/dev/null\nreport: {listen: '127.0.0.1:0', tls: {certificate-file: none, key-file: none}}",
                "3:"
            ),
        ] {
            let text = "from: mqtt://127.0.0.1:1\n\(end)\nroutes: [{topic: a}]\n"
            let file = try folder.write(text, to: "relay.yml")
            let check = try await Tool.run("relay", file, "--check")
            #expect(check.exit == .exited(64), "\(check.output)")
            #expect(check.errors.contains("relay.yml:\(place)"), "\(check.errors)")
            #expect(check.errors.contains("certificate"), "\(check.errors)")
        }
    }

    @Test("a sink is no place to read from")
    func refusesSources() async throws {
        let wrong = try await Tool.run("bridge", "carbon://127.0.0.1", "mqtt://127.0.0.1", "--topic", "a")
        #expect(wrong.exit == .exited(64))
        #expect(wrong.errors.contains("only takes messages: it stands second"), "\(wrong.errors)")
        let queue = try await Tool.run("bridge", "mqtt://127.0.0.1", "console:", "--queue", "a", "--check")
        #expect(queue.exit == .exited(64), "\(queue.output)")
    }
}
