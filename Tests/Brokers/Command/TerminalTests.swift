import IntegrationSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite("martlet on a terminal", .timeLimit(.minutes(10)))
struct TerminalTests {
    @Test("messages are for people: the time, the topic in a column, the body in colours, and nothing to obey")
    func showsMessages() async throws {
        let url = try await TestBroker.redis.url
        let topic = unique("house")
        let run = try Tool.startOnTerminal(["subscribe", url, "\(topic).#", "--count", "4"])
        try await run.waitForScreen("listening to \(topic).# on \(url); Ctrl-C ends")
        for (name, body) in [("a", #"{"open":true,"n":[1]}"#), ("a.longer", #""\u001b[2J""#)] {
            try await #expect(Tool.run("publish", url, "\(topic).\(name)", body).exit == .exited(0))
        }
        for body in ["\u{1B}]0;title\u{7}text", "\"\u{202E}\""] {
            try await #expect(Tool.run("publish", url, "\(topic).a", body, "--raw").exit == .exited(0))
        }
        let end = try await run.waitForEnd()
        #expect(end == .exited(0))
        let lines = run.screen.split(separator: "\n").dropFirst()
        #expect(lines.allSatisfy { $0.wholeMatch(of: /\d\d:\d\d:\d\d\.\d{3}  .*/) != nil })
        let padding = String(repeating: " ", count: ".longer".count)
        #expect(
            lines.map { String($0.dropFirst("00:00:00.000  ".count)) } == [
                #"\#(topic).a  {"open": true, "n": [1]}"#, #"\#(topic).a.longer  "\u001b[2J""#,
                #"\#(topic).a\#(padding)  ]0;titletext"#, #"\#(topic).a\#(padding)  "\u202e""#,
            ]
        )
        #expect(run.written.contains("\u{1B}[34m\"open\"\u{1B}[39m"))
        #expect(
            !run.written.contains("\u{1B}[2J") && !run.written.contains("\u{1B}]") && !run.written.contains("\u{202E}")
        )
    }

    @Test("without colours where none are wanted")
    func goesWithoutColour() async throws {
        for environment in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
            let run = try Tool.startOnTerminal(["demo", "memory:"], environment: environment)
            let end = try await run.waitForEnd()
            #expect(end == .exited(0))
            #expect(run.screen.contains("demo.count has reached 3"))
            #expect(!run.written.contains("\u{1B}"))
        }
    }

    @Test("the nodes are a table that is drawn in place, and the cursor comes back")
    func drawsNodes() async throws {
        try await MosquittoServer.withServer { server in
            let url = "mqtt://127.0.0.1:\(server.port)"
            let run = try Tool.startOnTerminal(["nodes", url])
            try await run.waitForScreen("no heartbeat yet on \(url)")
            let demo = try await Tool.start("demo", url, until: "is there")
            try await run.waitForScreen("● live")
            try await run.waitForScreen("2.0 s")
            demo.send(signal: SIGKILL)
            try await demo.waitForEnd()
            try await run.waitForScreen("○ lost")
            #expect(run.screen.contains("0 of 1 nodes live on \(url)"))
            #expect(run.written.contains("\u{1B}[?25l"))
            run.send(signal: SIGINT)
            let end = try await run.waitForEnd()
            #expect(end == .exited(0))
            #expect(run.screen.split(separator: "\n").count == 3)
            #expect(run.written.hasSuffix("\u{1B}[?7h\u{1B}[?25h"))
        }
    }

    @Test("a relay is a table that is drawn in place, and what is said of it stays above")
    func drawsRelay() async throws {
        try await MosquittoServer.withServer { server in
            let folder = try TemporaryFolder("relay")
            defer { folder.remove() }
            let url = "mqtt://127.0.0.1:\(server.port)"
            let file = try folder.write(
                """
                from: \(url)
                to: file:\(folder.path("log"))
                routes: [{topic: "lines/#"}]
                """,
                to: "relay.yml"
            )
            let run = try Tool.startOnTerminal(["relay", file])
            try await run.waitForScreen("bridging  \(url)")
            for number in 1...3 {
                try await #expect(Tool.run("publish", url, "lines/a", "\(number)", "--raw").exit == .exited(0))
            }
            try await run.waitForScreen("3        3")
            #expect(run.written.contains("\u{1B}[?25l"))
            run.send(signal: SIGINT)
            let end = try await run.waitForEnd()
            #expect(end == .exited(0))
            #expect(run.screen.contains("ended  \(url)"))
            #expect(!run.screen.contains("bridging  "))
            // The cursor comes back when it is told to end, for a second signal would end it at once.
            let (hidden, shown) = (run.written.ranges(of: "\u{1B}[?25l"), run.written.ranges(of: "\u{1B}[?25h"))
            #expect(hidden.count == 1 && shown.count == 1)
        }
    }

    @Test("the bench shows how far it has come, and then a table that fits")
    func drawsBench() async throws {
        for columns in [80, 120] {
            let run = try Tool.startOnTerminal(["bench", "memory:", "--messages", "3000"], columns: columns)
            let end = try await run.waitForEnd()
            #expect(end == .exited(0))
            #expect(run.written.contains("█"))
            let lines = run.screen.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("call → response     ×64") })
            #expect(lines.allSatisfy { $0.count <= columns })
            #expect(run.screen.contains("spread") == (columns == 120))
        }
    }

    @Test("a goal, a call and its server")
    func showsCalls() async throws {
        let url = try await TestBroker.mqtt.url
        let name = unique("ops")
        let server = try Tool.startOnTerminal(["serve", url, name, "--exec", "cat; exit $(wc -c < /dev/null)"])
        try await server.waitForScreen("answering \(name)")
        let call = try Tool.startOnTerminal(["call", url, name, #"{"a": 1}"#])
        try await call.waitForEnd()
        #expect(call.screen == #"{"a": 1}"# + "\n")
        try await server.waitForScreen(#"{"a": 1} → {"a": 1} ("#)
        let failing = try Tool.startOnTerminal(["call", url, unique("nobody")])
        let end = try await failing.waitForEnd()
        #expect(end == .exited(1))
        #expect(failing.written.contains("\u{1B}[31mmartlet: \u{1B}[39m"))
    }
}
