import IntegrationSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite("How martlet is ended", .timeLimit(.minutes(10)))
struct SignalTests {
    @Test("what has no end of its own ends by a signal as it should", arguments: TestBroker.allCases)
    func endsEndless(broker: TestBroker) async throws {
        let url = try await broker.url
        for (arguments, word) in [
            (["subscribe", url, unique("house")], "listening"), (["receive", url, unique("jobs")], "taking"),
            (["serve", url, unique("ops"), "--echo"], "answering"), (["demo", url], "is there"),
        ] {
            for signal in [SIGINT, SIGTERM] {
                let run = try Tool.start(arguments + ["--verbose"])
                try await run.waitForErrors(word)
                run.send(signal: signal)
                let end = try await run.waitForEnd()
                #expect(end == .exited(0), "\(arguments)")
            }
        }
    }

    @Test("what was not done yet says so: 130 and 143", arguments: TestBroker.allCases)
    func endsUnfinished(broker: TestBroker) async throws {
        let url = try await broker.url
        for (signal, code) in [(SIGINT, Int32(130)), (SIGTERM, 143)] {
            let subscriber = try await Tool.start("subscribe", url, unique("house"), "--count", "1", until: "listening")
            subscriber.send(signal: signal)
            let end = try await subscriber.waitForEnd()
            #expect(end == .exited(code))
            #expect(!subscriber.errors.contains("martlet: "))

            let name = unique("ops.slow")
            let server = try await Tool.start(
                "serve",
                url,
                name,
                "--exec",
                "echo started >&2; sleep 1000",
                until: "answering"
            )
            let caller = try Tool.start(["call", url, name, "--timeout", "100s", "--verbose"])
            try await server.waitForErrors("started")
            caller.send(signal: signal)
            let callerEnd = try await caller.waitForEnd()
            #expect(callerEnd == .exited(code))
            server.send(signal: signal)
            let serverEnd = try await server.waitForEnd()
            #expect(serverEnd == .exited(0))
        }
    }

    @Test("also while it tries to connect, or waits for standard input")
    func endsBeforeItBegins() async throws {
        try await SilentServer.withServer { server in
            let url = "mqtt://127.0.0.1:\(server.port)"
            let run = try Tool.start(["publish", url, "topic", "1"])
            while server.connections == 0 { try await Task.sleep(for: .milliseconds(5)) }
            run.send(signal: SIGINT)
            let end = try await run.waitForEnd()
            #expect(end == .exited(130))
        }
        let server = try await MosquittoServer.shared()
        // Of its own, so that the connection that it counts is this one.
        try await TCPProxy.withProxy(to: server.port) { proxy in
            let url = "mqtt://127.0.0.1:\(proxy.port)"
            let run = try Tool.start(["publish", url, "topic", "--verbose"], input: .silence)
            while proxy.counts.connections == 0 { try await Task.sleep(for: .milliseconds(5)) }
            run.send(signal: SIGINT)
            let end = try await run.waitForEnd()
            #expect(end == .exited(130))
        }
    }

    @Test("SIGTERM ends each command also while the broker says nothing", arguments: ["mqtt", "amqp", "redis"])
    func endsWhileTheBrokerIsSilent(scheme: String) async throws {
        try await SilentServer.withServer { server in
            let url = "\(scheme)://127.0.0.1:\(server.port)"
            for arguments in [
                ["publish", url, "a", "1"], ["subscribe", url, "a"], ["call", url, "a"], ["serve", url, "a", "--echo"],
                ["goal", url, "a"], ["emit", url, "a"], ["send", url, "a", "1"], ["receive", url, "a"], ["nodes", url],
                ["bridge", url, url + "/", "--topic", "a"], ["demo", url], ["bench", url],
            ] {
                let before = server.connections
                let run = try Tool.start(arguments + ["--connect-timeout", "1000s"])
                while server.connections == before { try await Task.sleep(for: .milliseconds(5)) }
                run.send(signal: SIGTERM)
                let end = try await run.waitForEnd(limit: .seconds(30))
                #expect(end == .exited(143) || end == .exited(0), "\(arguments)")
            }
        }
    }

    @Test("SIGTERM ends each command also when the broker has stopped")
    func endsWhileTheBrokerIsStopped() async throws {
        try await MosquittoServer.withServer { server in
            try await endAll("mqtt://127.0.0.1:\(server.port)", pause: server.pause, resume: server.resume)
        }
        try await RedisServer.withServer { server in
            try await endAll("redis://127.0.0.1:\(server.port)", pause: server.pause, resume: server.resume)
        }
    }

    private func endAll(_ url: String, pause: () -> Void, resume: () -> Void) async throws {
        var runs: [ProgramRun] = []
        for arguments in [
            ["subscribe", url, "a"], ["serve", url, "ops.a", "--echo"], ["receive", url, "jobs"], ["demo", url],
        ] {
            runs.append(try await Tool.start(arguments, until: "Ctrl-C ends"))
        }
        pause()
        defer { resume() }
        for run in runs { run.send(signal: SIGTERM) }
        for run in runs {
            let end = try await run.waitForEnd(limit: .seconds(30))
            #expect(end == .exited(143) || end == .exited(0))
        }
    }

    @Test("a disk that is full is an error, and a stream that was closed is none")
    func writesNowhere() async throws {
        let folder = try TemporaryFolder("nowhere")
        defer { folder.remove() }
        try Tool.install(in: folder)
        let script = #""$0" demo memory: > /dev/full"#
        let full = try ProgramRun("/bin/bash", ["-c", script, folder.path("martlet")])
        let end = try await full.waitForEnd()
        #if os(Linux)
        #expect(end == .exited(1))
        #expect(full.errors.contains("the output can't be written: No space left on device"))
        #endif
        let closed = try ProgramRun("/bin/bash", ["-c", #""$0" demo memory: <&- >&- 2>&-"#, folder.path("martlet")])
        let closedEnd = try await closed.waitForEnd()
        #expect(closedEnd == .exited(0))
    }

    @Test("a second signal ends it where it is")
    func endsAtOnce() async throws {
        let url = try await TestBroker.mqtt.url
        let name = unique("ops.stubborn")
        // Deaf to being asked to end, which takes a second to be noticed; it ends when nobody is there to write to.
        let script = "trap '' TERM; echo started >&2; while echo; do sleep 0.1; done"
        let server = try await Tool.start("serve", url, name, "--exec", script, until: "answering")
        let caller = try Tool.start(["call", url, name, "--timeout", "100s"])
        try await server.waitForErrors("started")
        server.send(signal: SIGTERM)
        server.send(signal: SIGINT)
        let end = try await server.waitForEnd()
        #expect(end == .exited(130) || end == .exited(143))
        withExtendedLifetime(caller) {}
    }

    @Test("a reader that goes ends it quietly, also when no more messages come", arguments: TestBroker.allCases)
    func endsWithReader(broker: TestBroker) async throws {
        let url = try await broker.url
        let topic = unique("house")
        let folder = try TemporaryFolder("pipeline")
        defer { folder.remove() }
        try Tool.install(in: folder)
        let script = #"set -o pipefail; "$0" subscribe "$1" "$2" --verbose | head -n 1"#
        let pipeline = try ProgramRun("/bin/bash", ["-c", script, folder.path("martlet"), url, topic])
        try await pipeline.waitForErrors("listening")
        try await #expect(Tool.run("publish", url, topic, "[1]").exit == .exited(0))
        let end = try await pipeline.waitForEnd()
        #expect(end == .exited(0))
        #expect(pipeline.lines.count == 1)
        #expect(!pipeline.errors.contains("martlet: "))
    }
}
