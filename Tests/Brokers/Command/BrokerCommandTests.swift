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

@Suite("martlet broker", .timeLimit(.minutes(10)))
struct BrokerCommandTests {
    @Test("says where it listens, serves clients, and ends in order")
    func serves() async throws {
        let broker = try Tool.start(["broker", "--port", "0", "--report", "100ms"])
        try await broker.waitForOutput(#""state":"listening""#)
        let line = try #require(broker.lines.first)
        let port = try #require(line.firstMatch(of: /"port":(\d+)/)?.1)
        let reader = try ProgramRun(
            try Program.find("mosquitto_sub", package: "mosquitto-clients"),
            ["-p", "\(port)", "-t", "house/#", "-C", "1", "-W", "60"]
        )
        let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        while reader.lines.isEmpty {
            try await Program.run(publisher, ["-p", "\(port)", "-t", "house/door", "-m", "open"])
        }
        #expect(reader.lines == ["open"])
        try await broker.waitForOutput(#""state":"running""#)
        broker.send(signal: 15)
        #expect(try await broker.waitForEnd() == .exited(0))
        #expect(broker.lines.last?.contains(#""state":"ended""#) == true)
    }

    @Test("does not cut off its clients because it stood still itself")
    func excusesClients() async throws {
        let broker = try Tool.start(["broker", "--port", "0"])
        try await broker.waitForOutput(#""state":"listening""#)
        let port = try #require(broker.lines.first?.firstMatch(of: /"port":(\d+)/)?.1)
        let client = try Socket.connecting(to: .loopback(port: try #require(Int(port))))
        try await client.waitUntilWritable()
        // CONNECT, with a keep-alive of a second.
        try await client.sendAll([0x10, 13, 0, 4] + Array("MQTT".utf8) + [4, 2, 0, 1, 0, 1, 0x63])
        #expect(try await client.receive(4) == [0x20, 2, 0, 0])
        broker.send(signal: SIGSTOP)
        for _ in 0..<8 {
            try await client.sendAll([0xC0, 0])
            try await Task.sleep(for: .milliseconds(500))
        }
        broker.send(signal: SIGCONT)
        for _ in 0..<8 { #expect(try await client.receive(2) == [0xD0, 0]) }
        broker.send(signal: SIGTERM)
        #expect(try await broker.waitForEnd() == .exited(0))
    }

    @Test("refuses what would let everybody in from everywhere, and what is wrong")
    func refuses() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let rules = try folder.write("topics x\n", to: "rules")
        for arguments in [
            ["--host", "0.0.0.0"], ["--tls", "one"], ["--client-ca", "x"], ["--users", "x", "--anonymous"],
            ["--ws-origin", "*"], ["--acl", rules], ["--scram", rules], ["--scram", "x", "--anonymous"],
            ["--check", "--tls", "\(rules),\(rules)"],
        ] {
            let run = try await Tool.run(["broker"] + arguments)
            #expect(run.exit == .exited(64), "\(arguments): \(run.output)")
        }
    }

    @Test("names a file that can't be read: exit code 66")
    func missesFiles() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let none = folder.path("none")
        for arguments in [
            ["--users", none], ["--scram", none], ["--jwt", none], ["--acl", none], ["--config", none], ["dump", none],
            ["--check", "--tls", "\(none),\(none)"],
            ["--check", "--config", try folder.write("acl: none\n", to: "broker.yml")],
        ] {
            let run = try await Tool.run(["broker"] + arguments)
            #expect(run.exit == .exited(66), "\(arguments): \(run.output)")
            let isNamed = run.errors.contains("\"\(none)\"")
            #expect(isNamed && run.errors.contains("can't be read: No such file or directory"), "\(run.errors)")
        }
        let rules = try await Tool.run("broker", "--check", "--acl", folder.path)
        #expect(rules.exit == .exited(66))
        #expect(rules.errors.contains("can't be read: Is a directory"), "\(rules.errors)")
    }

    @Test("says why it can't listen, and what to do about it: exit code 69")
    func missesPort() async throws {
        let (broker, port) = try await Self.start([])
        let run = try await Tool.run("broker", "--port", port)
        #expect(run.exit == .exited(69))
        let reason = "can't listen on 127.0.0.1, port \(port): Address already in use\n"
        #expect(run.errors.contains(reason), "\(run.errors)")
        #expect(run.errors.contains("name another place with --port"), "\(run.errors)")
        broker.send(signal: 15)
        #expect(try await broker.waitForEnd() == .exited(0))
    }

    @Test("lets users in by SCRAM-SHA-256 whose passwords it has set, and takes notice of others")
    func scram() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let file = folder.path("keys")
        func set(_ password: String) async throws {
            let run = try await Tool.run(
                ["broker", "scram", "--iterations", "4096", file, "älice"],
                input: .text("\(password)\n")
            )
            #expect(run.exit == .exited(0), "\(run.errors)")
            #expect(run.output.isEmpty)
        }
        try await set("sesame")
        let broker = try Tool.start(["broker", "--port", "0", "--scram", file])
        try await broker.waitForOutput(#""state":"listening""#)
        let port = try #require(broker.lines.first?.firstMatch(of: /"port":(\d+)/)?.1)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Server/Peers/scram_peer.py").path()
        func outcome(_ password: String) async throws -> String {
            try await Program.run(
                try await PythonEnvironment.interpreter(),
                [script, "\(port)", "älice", password]
            )
        }
        #expect(try await outcome("sesame") == "known\nknown\n")
        try await set("pencil")
        #expect(try await outcome("sesame") == "known\nknown\n")
        broker.send(signal: SIGHUP)
        try await broker.waitForOutput(#""state":"reloaded""#)
        #expect(try await outcome("sesame") == "0x87\n")
        #expect(try await outcome("pencil") == "known\nknown\n")
        broker.send(signal: SIGTERM)
        #expect(try await broker.waitForEnd() == .exited(0))
        for (user, password, words) in [
            ("a", "", "the password"), ("a", "\u{2126}", "U+2126"), ("#a", "x", "begin with"),
            ("a\u{308}", "x", "U+0308"),
        ] {
            let run = try await Tool.run(["broker", "scram", file, user], input: .text("\(password)\n"))
            #expect(run.exit == .exited(64), "\(user)")
            #expect(run.errors.contains(words), "\(run.errors)")
        }
    }

    @Test("lets in who shows a token of a key that its file has, and takes notice of other keys")
    func tokens() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Server/Peers/token_peer.py").path()
        let interpreter = try await PythonEnvironment.interpreter()
        func python(_ arguments: String...) async throws -> String {
            try await Program.run(interpreter, ["-W", "ignore", script] + arguments)
        }
        /// A set of one key, which has an identifier, and a token by it.
        func made(_ id: String) async throws -> (set: String, token: String) {
            let claims = #"{"sub":"alice","iss":"joe","aud":["house"],"exp":4000000000}"#
            let text = try await python(
                "make",
                #"{"keys":{"\#(id)":"P-256"},"tokens":[["\#(id)",{"alg":"ES256","kid":"\#(id)"},\#(claims)]]}"#
            )
            let object = try Tool.object(text)
            let set = try JSONSerialization.data(withJSONObject: try #require(object["set"]))
            let tokens = try #require(object["tokens"] as? [String])
            return (String(decoding: set, as: UTF8.self), try #require(tokens.first))
        }
        let (old, new) = (try await made("old"), try await made("new"))
        let file = try folder.write(old.set, to: "keys.json")
        let rules = try folder.write("pattern users/%u/#\n", to: "rules")
        let options = ["--jwt", file, "--jwt-issuer", "joe", "--jwt-audience", "house", "--acl", rules]
        let broker = try Tool.start(["broker", "--port", "0"] + options)
        try await broker.waitForOutput(#""state":"listening""#)
        let port = try #require(broker.lines.first?.firstMatch(of: /"port":(\d+)/)?.1)
        func reason(_ version: String, _ token: String) async throws -> String {
            try await python("connect", "\(port)", version, "client", token)
        }
        #expect(try await reason("3", old.token) == "0\n")
        #expect(try await reason("5", old.token) == "0\n")
        #expect(try await reason("3", new.token) == "4\n")
        #expect(try await reason("5", new.token) == "134\n")
        // It is the user of the token who may do what rules say.
        let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        let credentials = ["-V", "5", "-p", "\(port)", "-u", "bob", "-P", old.token, "-q", "1", "-m", "x", "-d"]
        let own = try await Program.run(publisher, credentials + ["-t", "users/alice/a"])
        #expect(!own.contains("RC:135"), "\(own)")
        let others = try await Program.run(publisher, credentials + ["-t", "users/bob/a"])
        #expect(others.contains("RC:135"), "\(others)")
        // A file that is no set changes nothing, and other keys take the place of these.
        for (text, problem) in [("{}", true), (new.set, false)] {
            try folder.write(text, to: "keys.json")
            let count = broker.lines.count { $0.contains(#""state":"reloaded""#) }
            broker.send(signal: SIGHUP)
            try await until { broker.lines.count { $0.contains(#""state":"reloaded""#) } > count }
            let line = broker.lines.last { $0.contains(#""state":"reloaded""#) }
            #expect(line?.contains("no key by which a token could be verified") == problem)
            #expect(try await reason("5", old.token) == (problem ? "0\n" : "134\n"))
        }
        #expect(try await reason("3", new.token) == "0\n")
        broker.send(signal: SIGTERM)
        #expect(try await broker.waitForEnd() == .exited(0))
        #expect(!broker.lines.joined().contains("eyJ") && !broker.errors.contains("eyJ"))
        #expect(broker.errors.contains("a key that is not known"))
    }

    @Test("--check says by which keys tokens would be let in")
    func checksTokens() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let secret = #"{"kty":"oct","k":"\#(String(repeating: "A", count: 44))"}"#
        let keys = try folder.write(#"{"keys":[\#(secret),{"kty":"XYZ","kid":"b"}]}"#, to: "keys.json")
        let run = try await Tool.run(["broker", "--check", "--jwt", keys, "--jwt-audience", "house"])
        #expect(run.exit == .exited(0))
        #expect(
            run.lines.last
                == #"{"state":"planned","tokens":"\#(keys)","keys":1,"passed-over":"key \"b\": its kind is not known","audience":"house"}"#
        )
        #expect(run.errors.split(separator: "\n").count { $0.contains("passed over") } == 1, "\(run.errors)")
        try folder.write("a secret that is long enough for HS256\n", to: "secret")
        let config = try folder.write(
            "jwt: {secret: secret, issuer: joe}\nlisteners: [{host: 0.0.0.0, port: 0}]\n",
            to: "broker.yml"
        )
        let other = try await Tool.run(["broker", "--check", "--config", config, "--jwt-audience", "house"])
        #expect(other.exit == .exited(0), "\(other.errors)")
        #expect(
            other.lines.last
                == #"{"state":"planned","tokens":"\#(folder.path("secret"))","keys":1,"issuer":"joe","audience":"house"}"#
        )
        for arguments in [
            ["--jwt", keys, "--anonymous"], ["--jwt-audience", "house"],
            ["--jwt-issuer", "joe"], ["--jwt", folder.path("secret")],
            ["--config", try folder.write("{}", to: "empty.yml"), "--jwt-issuer", "joe"],
        ] {
            let run = try await Tool.run(["broker", "--check"] + arguments)
            #expect(run.exit == .exited(64), "\(arguments): \(run.output)")
        }
    }

    /// Answers what a program asks for on a terminal, and prints what was to be seen there.
    private static let typist = """
        import os, pty, sys, termios
        answers = sys.argv[1].split("/")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.argv[2], sys.argv[2:])
        seen = b""
        for answer in answers:
            while not seen.endswith(b": "):
                seen += os.read(terminal, 1)
            os.write(terminal, answer.encode() if answer == "\\3" else answer.encode() + b"\\n")
            seen += b"|"
        status = os.waitpid(pid, 0)[1]
        shows = termios.tcgetattr(terminal)[3] & termios.ECHO
        seen += os.read(terminal, 4096)
        print(seen.decode().replace("\\r\\n", "/"), bool(shows), os.waitstatus_to_exitcode(status))
        """

    @Test(
        "asks for a password that a terminal does not show",
        arguments: [
            ("geheim/geheim", "a: |/Once more: |/", "True 0"), ("geheim/anders", "not the same", "True 64"),
            ("geheim/\u{3}", "Once more: |/", "True "),
        ]
    ) func asksForPassword(_ answers: String, _ seen: String, _ end: String) async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let output = try await Program.run(
            try await PythonEnvironment.interpreter(),
            ["-c", Self.typist, answers, Tool.path, "broker", "scram", folder.path("keys"), "a"]
        )
        #expect(output.contains(seen) && output.contains(end), "\(output)")
        #expect(!output.contains("geheim") && !output.contains("anders"), "\(output)")
        #expect(FileManager.default.fileExists(atPath: folder.path("keys")) == end.hasSuffix(" 0"))
    }

    @Test("--check says what it would do")
    func checks() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let rules = try folder.write("topic read status/#\n", to: "rules")
        let run = try await Tool.run(
            ["broker", "--check", "--acl", rules, "--port", "1884", "--ws", "9001", "--socket", "/run/broker"]
        )
        #expect(run.exit == .exited(0))
        #expect(
            run.lines == [
                #"{"state":"planned","listener":"mqtt","host":"127.0.0.1","port":1884}"#,
                #"{"state":"planned","listener":"ws","host":"127.0.0.1","port":9001}"#,
                #"{"state":"planned","listener":"unix","path":"/run/broker"}"#,
            ]
        )
    }

    @Test("keeps in a folder what it has, and shows it")
    func keeps() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let store = folder.path("store")
        for run in 0..<2 {
            let broker = try Tool.start(["broker", "--port", "0", "--store", store])
            try await broker.waitForOutput(#""state":"listening""#)
            let port = try #require(broker.lines.first?.firstMatch(of: /"port":(\d+)/)?.1)
            let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
            let subscriber = try Program.find("mosquitto_sub", package: "mosquitto-clients")
            let session = ["-p", "\(port)", "-i", "desk", "-c", "-t", "house/+", "-q", "1"]
            if run == 0 {
                try await Program.run(subscriber, session + ["-E"])
                try await Program.run(publisher, ["-p", "\(port)", "-t", "house/door", "-m", "open", "-q", "1"])
                try await Program.run(
                    publisher,
                    ["-p", "\(port)", "-t", "kept", "-m", "{ \"a\": 1 }", "-r", "-q", "1"]
                )
                // Also while a broker uses it.
                try await Self.expectDump(of: store)
                let other = try await Tool.run("broker", "--port", "0", "--store", store)
                #expect(other.exit == .exited(64))
                #expect(other.errors.contains("somebody else uses the store in \(store)"))
            } else {
                #expect(try await Program.run(subscriber, session + ["-C", "1", "-W", "60"]) == "open\n")
            }
            broker.send(signal: 15)
            #expect(try await broker.waitForEnd() == .exited(0))
            if run == 0 { try await Self.expectDump(of: store) }
        }
    }

    private static func expectDump(of store: String) async throws {
        let dump = try await Tool.run("broker", "dump", store)
        #expect(dump.exit == .exited(0), "\(dump.errors)")
        #expect(dump.lines.count == 4)
        #expect(dump.lines.first == #"{"kind":"retained","topic":"kept","body":{"a":1},"qos":1}"#)
        let objects = try dump.objects
        #expect(objects[1]["client"] as? String == "desk")
        #expect(objects[1]["queued"] as? Int == 1)
        #expect(objects[1]["left"] is String)
        #expect(dump.lines[1].contains(#""subscriptions":[{"filter":"house/+","qos":1}]"#))
        let queued = #"{"kind":"queued","client":"desk","topic":"house/door","body":"open","encoding":"text","qos":1}"#
        #expect(dump.lines[2] == queued)
        #expect(objects[3]["sessions"] as? Int == 1)
        #expect(objects[3]["cut"] as? Int == 0)
    }

    /// Starts a broker on a port that is free.
    ///
    /// - Returns: it, and the port.
    private static func start(_ arguments: [String]) async throws -> (ProgramRun, String) {
        let broker = try Tool.start(["broker", "--port", "0"] + arguments)
        try await broker.waitForOutput(#""state":"listening""#)
        return (broker, String(try #require(broker.lines.first?.firstMatch(of: /"port":(\d+)/)?.1)))
    }

    private static func publish(_ port: String, _ topic: String, _ text: String) async throws {
        let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        try await Program.run(publisher, ["-p", port, "-t", topic, "-m", text, "-q", "1"])
    }

    private static func subscribe(_ port: String, _ arguments: String...) async throws -> String {
        let subscriber = try Program.find("mosquitto_sub", package: "mosquitto-clients")
        return try await Program.run(subscriber, ["-p", port, "-V", "mqttv5", "-q", "1", "-W", "60"] + arguments)
    }

    @Test("has a queue that it is told to, and what is in it when it was killed")
    func hasQueues() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let arguments = ["--store", folder.path("store"), "--queue", "jobs/a"]
        var (broker, port) = try await Self.start(arguments)
        for text in ["1", "2", "3"] { try await Self.publish(port, "jobs/a", text) }
        try await Self.publish(port, "elsewhere", "x")
        let filter = "$share/martlet/jobs/a"
        #expect(try await Self.subscribe(port, "-t", filter, "-C", "1") == "1\n")
        // What a worker says of a message is in the store soon.
        let queue = #"{"kind":"queue","queue":"jobs/a","messages":2}"#
        var dump = try await Tool.run("broker", "dump", folder.path("store"))
        while dump.lines.first != queue { dump = try await Tool.run("broker", "dump", folder.path("store")) }
        broker.send(signal: 9)
        try await broker.waitForEnd()
        let third = #"{"kind":"waiting","queue":"jobs/a","body":3,"qos":1,"deliveries":"#
        #expect(dump.lines.contains { $0.hasPrefix(third) }, "\(dump.output)")
        (broker, port) = try await Self.start(arguments)
        #expect(try await Self.subscribe(port, "-t", filter, "-C", "2") == "2\n3\n")
        broker.send(signal: 15)
        #expect(try await broker.waitForEnd() == .exited(0))
    }

    @Test("serves clients of the proxies that it is behind, and nobody else")
    func isBehindProxies() async throws {
        let (broker, port) = try await Self.start(["--proxy", "127.0.0.1", "--anonymous"])
        let connect: [UInt8] = [0x10, 13, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 1, 99]
        let client = try Socket.connecting(to: .loopback(port: Int(port) ?? 0))
        try await client.sendAll(Array("PROXY TCP4 192.0.2.7 192.0.2.1 1234 1883\r\n".utf8) + connect)
        #expect(try await client.receive(4) == [0x20, 2, 0, 0])
        let other = try Socket.connecting(to: .loopback(port: Int(port) ?? 0))
        try await other.sendAll(connect)
        _ = try await other.receiveEnd()
        broker.send(signal: 15)
        #expect(try await broker.waitForEnd() == .exited(0))
    }

    @Test("listens on the sockets that systemd passes, by their names")
    func listensOnSocketsOfSystemd() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let script = try folder.write(
            """
            import os, socket, sys
            for number in range(2):
                listener = socket.socket()
                listener.bind(("127.0.0.1", 0))
                listener.listen()
                os.dup2(listener.fileno(), 10 + number)
            for number in range(2):
                os.dup2(10 + number, 3 + number)
                os.set_inheritable(3 + number, True)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="mqtt:ws")
            os.execv(sys.argv[1], sys.argv[1:])
            """,
            to: "activate.py"
        )
        let python = try Program.find("python3", package: "python3")
        let config = try folder.write("listeners: [{systemd: mqtt}]", to: "broker.yml")
        for (arguments, listeners) in [(["--systemd"], ["mqtt", "ws"]), (["--config", config], ["mqtt"])] {
            let broker = try ProgramRun(
                python,
                [script, Tool.path, "broker"] + arguments,
                environment: Tool.sanitizing
            )
            try await broker.waitForOutput(#""listener":"\#(listeners.last ?? "")""#)
            let lines = broker.lines
            #expect(lines.map { $0.firstMatch(of: /"listener":"(\w+)"/).map { String($0.1) } } == listeners)
            let port = String(try #require(lines.first?.firstMatch(of: /"port":(\d+)/)?.1))
            try await Self.publish(port, "a", "x")
            broker.send(signal: 15)
            #expect(try await broker.waitForEnd() == .exited(0))
        }
        let none = try await Tool.run("broker", "--systemd")
        #expect(none.exit == .exited(64))
        #expect(none.errors.contains("systemd has passed no socket"))
    }

    @Test("--check looks at the store, and touches nothing")
    func checksStores() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let store = folder.path("store")
        let none = try await Tool.run("broker", "--check", "--store", store)
        #expect(none.lines.last == #"{"state":"store","folder":"\#(store)","exists":false}"#)
        #expect(none.exit == .exited(0))
        let (broker, port) = try await Self.start(["--store", store, "--queue", "jobs"])
        _ = try await Self.subscribe(port, "-i", "desk", "-c", "-t", "a", "-E")
        for topic in ["a", "jobs", "jobs"] { try await Self.publish(port, topic, "x") }
        let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        try await Program.run(publisher, ["-p", port, "-t", "kept", "-m", "x", "-r", "-q", "1"])
        broker.send(signal: 9)
        try await broker.waitForEnd()
        func files() throws -> [String: Data] {
            var files: [String: Data] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: store) {
                files[name] = FileManager.default.contents(atPath: store + "/" + name)
            }
            return files
        }
        let before = try files()
        let check = try await Tool.run("broker", "--check", "--store", store)
        let counts = #""exists":true,"sessions":1,"retained":1,"waiting":2,"queued":1,"cut":0}"#
        #expect(check.lines.last == #"{"state":"store","folder":"\#(store)","# + counts)
        #expect(try files() == before)
        let missing = try await Tool.run("broker", "--check", "--store", folder.path("none/store"))
        #expect(missing.exit == .exited(64))
        #expect(missing.errors.contains("can't be made"))
        try Data("x".utf8).write(to: URL(fileURLWithPath: store + "/snapshot-00000009"))
        let damaged = try await Tool.run("broker", "--check", "--store", store)
        #expect(damaged.exit == .exited(64))
        #expect(damaged.errors.contains("snapshot-00000009 is damaged at byte 0"))
    }

    @Test("is what a file says, and its options over that")
    func readsFiles() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let text = """
            listeners:
              - {port: 0}
              - {protocol: websocket, port: 9002}
            queues: [{name: jobs, limit: 7, maximum-deliveries: 3, time-to-live: 90s, dead-letters: dead/jobs}]
            store: store
            """
        let config = try folder.write(text, to: "broker.yml")
        let check = try await Tool.run("broker", "--check", "--config", config)
        #expect(check.exit == .exited(0), "\(check.errors)")
        #expect(
            check.lines == [
                #"{"state":"planned","listener":"mqtt","host":"127.0.0.1","port":0}"#,
                #"{"state":"planned","listener":"ws","host":"127.0.0.1","port":9002}"#,
                #"{"state":"planned","queue":"jobs","limit":7,"byte-limit":67108864,"overflow":"suspend","time-to-live":90.000,"#
                    + #""maximum-deliveries":3,"dead-letters":"dead/jobs"}"#,
                #"{"state":"store","folder":"\#(folder.path("store"))","exists":false}"#,
            ]
        )
        let over = try await Tool.run("broker", "--check", "--config", config, "--port", "1884", "--queue", "mail")
        #expect(over.lines.count == 4)
        #expect(over.lines.first?.contains("1884") == true)
        #expect(over.lines[2].contains(#""queue":"mail""#))
        for (wrong, place) in [
            ("listenrs: []", "1:1"), ("users: a\nanonymous: true", "1:1"), ("queues: [{name: a, limit: 0}]", "1:27"),
            ("listeners:\n  - {host: 0.0.0.0}", "0.0.0.0"), ("store: {sync: 1s}", "1:8"),
        ] {
            let run = try await Tool.run("broker", "--check", "--config", folder.write(wrong, to: "wrong.yml"))
            #expect(run.exit == .exited(64), "\(wrong)")
            #expect(run.errors.contains(place), "\(wrong): \(run.errors)")
        }
    }

    @Test("reads its files anew at SIGHUP, and names what has to wait")
    func readsFilesAnew() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        try folder.write("topic readwrite #\n", to: "rules")
        let config = try folder.write("acl: rules\n", to: "broker.yml")
        let (broker, port) = try await Self.start(["--config", config])
        #expect(try await Self.subscribe(port, "-t", "other", "-E") == "")
        func reload(_ word: String) async throws {
            broker.send(signal: 1)
            try await broker.waitForOutput(word)
        }
        try folder.write("acl: rules\nqueues: [later]\nlimits: {sessions: 5}\n", to: "broker.yml")
        try folder.write("topic write #\ntopic read later\n", to: "rules")
        try await reload(#"{"state":"reloaded","next-start":"limits"}"#)
        try await Self.publish(port, "later", "work")
        #expect(try await Self.subscribe(port, "-t", "$share/martlet/later", "-C", "1") == "work\n")
        let subscriber = try Program.find("mosquitto_sub", package: "mosquitto-clients")
        let denied = try ProgramRun(subscriber, ["-p", port, "-t", "other", "-W", "60"])
        _ = try await denied.waitForEnd()
        #expect(denied.errors.contains("denied"))
        try folder.write("acl: rules\nqueue: [x]\n", to: "broker.yml")
        try await reload(#"2:1: a broker has no key \"queue\""#)
        try await Self.publish(port, "later", "work")
        broker.send(signal: 15)
        #expect(try await broker.waitForEnd() == .exited(0))
    }

    @Test("draws on a terminal who is there and what waits, and gives the cursor back")
    func draws() async throws {
        let reservation = try ReservedPort()
        let port = "\(reservation.number)"
        let run = try Tool.startOnTerminal(["broker", "--port", port, "--queue", "jobs"])
        try await run.waitForScreen("mqtt on 127.0.0.1, port \(port)")
        for _ in 0..<2 { try await Self.publish(port, "jobs", "x") }
        try await run.waitForScreen("jobs          2         0         0")
        let subscriber = try Program.find("mosquitto_sub", package: "mosquitto-clients")
        let reader = try ProgramRun(subscriber, ["-p", port, "-i", "desk", "-t", "a"])
        try await run.waitForScreen("desk           1         0")
        reader.send(signal: 15)
        run.send(signal: 15)
        #expect(try await run.waitForEnd() == .exited(0))
        #expect(run.written.contains("\u{1B}[?25h"))
    }

    @Test("names a damaged file of its folder")
    func namesDamage() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let log = try folder.write(String(repeating: "x", count: 100), to: "snapshot-00000003")
        for arguments in [["dump", folder.path], ["--port", "0", "--store", folder.path]] {
            let run = try await Tool.run(["broker"] + arguments)
            #expect(run.exit == .exited(64))
            #expect(run.errors.contains("the store's file \(log) is damaged at byte 0"), "\(run.errors)")
        }
        let none = try await Tool.run("broker", "dump", folder.path("none"))
        #expect(none.exit == .exited(66))
        #expect(none.errors.contains("\"\(folder.path("none"))\" can't be read: No such file or directory"))
    }
}
