import Foundation
import IntegrationSupport
import Martlet
import MartletServer
import Testing

/// Programs of others, as their users get them.
@Suite(.timeLimit(.minutes(5))) struct PeerTests {
    private static func program(_ name: String) throws -> String {
        try Program.find(name, package: "mosquitto-clients")
    }

    private static func server(_ port: Int, _ version: String) -> [String] {
        ["-h", "127.0.0.1", "-p", "\(port)", "-V", version]
    }

    @Test(arguments: ["31", "311", "5"], [0, 1, 2]) func mosquittosProgramsPublishAndSubscribe(
        _ version: String,
        _ quality: Int
    ) async throws {
        try await withServer { _, port in
            let server = Self.server(port, "mqttv\(version)")
            let reader = try ProgramRun(
                Self.program("mosquitto_sub"),
                server + ["-t", "haus/+/temperatur", "-q", "\(quality)", "-C", "3", "-W", "60", "-F", "%t %p %q %r"]
            )
            // Nothing says that it has subscribed but that it gets something.
            while reader.lines.count < 3 {
                try await Program.run(
                    Self.program("mosquitto_pub"),
                    server + ["-t", "haus/küche/temperatur", "-m", "21.5", "-q", "\(quality)"]
                )
            }
            try await reader.waitForEnd()
            #expect(Set(reader.lines) == ["haus/küche/temperatur 21.5 \(quality) 0"])
        }
    }

    @Test(arguments: ["311", "5"]) func mosquittosProgramsSeeWhatIsKept(_ version: String) async throws {
        try await withServer { _, port in
            let server = Self.server(port, "mqttv\(version)")
            for number in 0..<3 {
                try await Program.run(
                    Self.program("mosquitto_pub"),
                    server + ["-t", "kept/\(number)", "-m", "\(number)", "-q", "1", "-r"]
                )
            }
            let seen = try await Program.run(
                Self.program("mosquitto_sub"),
                server + ["-t", "kept/#", "-C", "3", "-W", "60", "-F", "%t=%p %r"]
            )
            #expect(seen.split(separator: "\n").sorted() == ["kept/0=0 1", "kept/1=1 1", "kept/2=2 1"])
        }
    }

    @Test func clientsComeByIPv6() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        let inbox = try await local.subscribe(to: "a")
        try await withServer(broker, listeners: [.mqtt(host: "::1", port: 0)]) { _, port in
            try await Program.run(Self.program("mosquitto_pub"), ["-h", "::1", "-p", "\(port)", "-t", "a", "-m", "x"])
            #expect(try await inbox.next()?.message.text == "x")
        }
    }

    @Test func clientsComeByAUnixSocket() async throws {
        let folder = try TemporaryFolder("socket")
        defer { folder.remove() }
        let path = folder.path + "/broker"
        let broker = MemoryBroker()
        let inbox = try await broker.connect(name: "local").subscribe(to: "a")
        for text in ["x", "a socket of an earlier run is replaced"] {
            try await withServer(broker, listeners: [.unix(path: path), .mqtt(port: 0)]) { server, _ in
                #expect(try await server.addresses.map(\.host) == [path, "127.0.0.1"])
                try await Program.run(Self.program("mosquitto_pub"), ["--unix", path, "-t", "a", "-m", text])
                #expect(try await inbox.next()?.message.text == text)
            }
            #expect(!FileManager.default.fileExists(atPath: path))
            // As a process that was killed leaves it.
            _ = try? await Program.run("/usr/bin/python3", ["-c", "import socket; socket.socket(1).bind('\(path)')"])
        }
    }

    /// A session that mosquitto_sub leaves is kept for it.
    @Test(arguments: ["311", "5"]) func mosquittosProgramsHaveTheirSessionsKept(_ version: String) async throws {
        try await withServer { _, port in
            let server = Self.server(port, "mqttv\(version)")
            var session = ["-i", "kept", "-c", "-t", "queue", "-q", "1"]
            if version == "5" { session += ["-x", "1000"] }
            try await Program.run(Self.program("mosquitto_sub"), server + session + ["-E"])
            for number in 0..<5 {
                try await Program.run(
                    Self.program("mosquitto_pub"),
                    server + ["-t", "queue", "-m", "\(number)", "-q", "1"]
                )
            }
            let seen = try await Program.run(
                Self.program("mosquitto_sub"),
                server + session + ["-C", "5", "-W", "60"]
            )
            #expect(seen == "0\n1\n2\n3\n4\n")
        }
    }

    /// Request and answer as MQTT 5 has them.
    @Test func mosquittosRequestsAreAnswered() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        let requests = try await local.subscribe(to: "ask")
        try await withServer(broker) { _, port in
            let run = try ProgramRun(
                Self.program("mosquitto_rr"),
                Self.server(port, "mqttv5") + [
                    "-t", "ask", "-e", "answers/here", "-m", "what?", "-W", "60", "-D", "publish", "correlation-data",
                    "7",
                ]
            )
            let request = try #require(try await requests.next())
            #expect(request.message.text == "what?")
            #expect(request.message.headers.correlationID == "7")
            let address = try #require(request.message.headers.replyTo)
            try await local.publish(Message("that", headers: ["correlation-id": "7"]), to: TopicName(mqtt: address))
            try await run.waitForEnd()
            #expect(run.lines == ["that"])
        }
    }

    private struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    private static let add = RPC<Pair, Int>("math.add")

    /// A responder of this process answers a request as MQTT 5 has it.
    @Test func mosquittosRequestsGetAnAnswer() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        let (isReady, ready) = AsyncStream.makeStream(of: Void.self)
        try await withServer(broker) { _, port in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await local.respond(to: Self.add, onReady: { ready.finish() }) { $0.a + $0.b }
                }
                for await _ in isReady {}
                let answer = try await Program.run(
                    Self.program("mosquitto_rr"),
                    Self.server(port, "mqttv5") + [
                        "-t", "math/add", "-e", "answers/here", "-m", #"{"a":1,"b":2}"#, "-W", "60", "-D", "publish",
                        "correlation-data", "7", "-F", "%p %D",
                    ]
                )
                #expect(answer == "3 7\n")
                group.cancelAll()
            }
        }
    }

    /// A responder by Paho answers calls of this process, be it one of several or alone.
    @Test(arguments: ["$share/martlet/math/add", "math/add"]) func pahoAnswersCalls(_ filter: String) async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Peers/paho_responder.py"
            let run = try ProgramRun(try await PythonEnvironment.interpreter(), [script, "\(port)", filter])
            try await run.waitForOutput("ready")
            for number in 1...20 {
                #expect(try await local.call(Self.add, Pair(a: number, b: 1), timeout: .seconds(60)) == number + 1)
            }
            #expect(try await local.call(Self.add, Pair(a: -1, b: 1), timeout: .seconds(60)) == 0)
            #expect(try await run.waitForEnd() == .exited(0))
        }
    }

    /// Workers by mosquitto_sub do the work of a queue of this process.
    @Test(arguments: ["31", "311", "5"]) func mosquittosProgramsWork(_ version: String) async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            let arguments = ["-t", "$share/martlet/jobs", "-q", "1", "-C", "3", "-W", "60"]
            let server = Self.server(port, "mqttv\(version)")
            // Work waits for the next one to come.
            for _ in 0..<2 {
                for number in 0..<3 { try await local.send(Message("\(number)"), to: "jobs") }
                #expect(try await Program.run(Self.program("mosquitto_sub"), server + arguments) == "0\n1\n2\n")
            }
            while !broker.presence.queues.isEmpty { await Task.yield() }
        }
    }

    @Test(arguments: [4, 5], ["tcp", "websockets", "wss"])
    func pahoIsServed(_ version: Int, _ transport: String) async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await local.publish(Message("k"), to: "kept.a", options: PublishOptions(retain: true))
        let certificates = try await TestCertificates.shared
        let tls = Listener.TLS(
            certificateChain: certificates.server.certificate,
            privateKey: certificates.server.key
        )
        let webSocket = Listener.webSocket(port: 0, tls: transport == "wss" ? tls : nil)
        let listener = transport == "tcp" ? Listener.mqtt(port: 0) : webSocket
        try await withServer(broker, listeners: [listener]) { _, port in
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Peers/paho_peer.py"
            let run = try ProgramRun(
                try await PythonEnvironment.interpreter(),
                [script, "\(port)", "\(version)", transport, certificates.authority]
            )
            #expect(try await run.waitForEnd() == .exited(0))
            let lines = Set(run.lines)
            let pairs = version == 5 ? #"[["a", "1"], ["a", "2"]]"# : "[]"
            let type = version == 5 ? "text/plain" : ""
            #expect(run.lines.first == #"{"event": "connected", "code": 0}"#)
            #expect(lines.contains(#"{"event": "subscribed", "granted": [2, 1]}"#))
            for quality in 0..<3 {
                let text = "\\u00fcmlaut \(quality)"
                let line =
                    #"{"event": "message", "topic": "paho/\#(quality)", "text": "\#(text)", "qos": \#(quality), "#
                    + #""retain": false, "pairs": \#(pairs), "type": "\#(type)"}"#
                #expect(lines.contains(line), "\(run.lines)")
            }
            #expect(
                lines.contains(
                    #"{"event": "message", "topic": "kept/a", "text": "k", "qos": 0, "retain": true, "pairs": [], "type": ""}"#
                ),
                "\(run.lines)"
            )
            #expect(run.lines.last == #"{"event": "disconnected", "code": 0}"#)
        }
    }

    /// mosquitto as a bridge: what one broker has gets to the other, and does not come back.
    @Test func mosquittoBridges() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        let inbox = try await local.subscribe(to: "#")
        try await withServer(broker) { _, port in
            var options = MosquittoOptions()
            options.extraLines = [
                "connection here", "address 127.0.0.1:\(port)", "topic # both 1", "cleansession true",
                "notifications false", "restart_timeout 1",
            ]
            try await MosquittoServer.withServer(options) { other in
                let there = Self.server(other.port, "mqttv311")
                let reader = try ProgramRun(
                    Self.program("mosquitto_sub"),
                    there + ["-t", "to/them", "-W", "60", "-C", "1"]
                )
                while reader.lines.isEmpty {
                    try await local.publish(Message("from here"), to: "to.them")
                    try await Task.sleep(for: .milliseconds(50))
                }
                #expect(reader.lines == ["from here"])
                try await Program.run(
                    Self.program("mosquitto_pub"),
                    there + ["-t", "to/us", "-m", "from there", "-q", "1"]
                )
                while let delivery = try await inbox.next() {
                    if delivery.topic == "to.us" {
                        #expect(delivery.message.text == "from there")
                        break
                    }
                }
            }
        }
    }
}
