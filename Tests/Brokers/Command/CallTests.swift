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

@Suite("martlet call, serve", .timeLimit(.minutes(10)))
struct CallTests {
    @Test("a call is answered by a command, and both say so", arguments: TestBroker.allCases)
    func calls(broker: TestBroker) async throws {
        let url = try await broker.url
        let name = unique("ops.wrap")
        let server = try await Tool.start(
            "serve",
            url,
            name,
            "--exec",
            #"printf '{"got": %s}' "$(cat)""#,
            until: "answering"
        )
        let call = try await Tool.run("call", url, name, #"{"text": "a b"}"#)
        #expect(call.exit == .exited(0))
        #expect(call.output == #"{"got":{"text":"a b"}}"# + "\n")
        #expect(call.errors.isEmpty)
        let many = try await Tool.run("call", url, name, "-", input: .text("1\n2\n"))
        #expect(many.lines == [#"{"got":1}"#, #"{"got":2}"#])
        server.send(signal: SIGTERM)
        let end = try await server.waitForEnd()
        #expect(end == .exited(0))
        let objects = try server.lines.map(Tool.object)
        #expect(objects.count == 3)
        #expect(objects.allSatisfy { $0["name"] as? String == name && $0["milliseconds"] is Double })
        #expect(server.lines[0].contains(#""request":{"text":"a b"},"response":{"got":{"text":"a b"}}"#))
    }

    @Test("--echo answers with the request", arguments: TestBroker.allCases)
    func echoes(broker: TestBroker) async throws {
        let url = try await broker.url
        let name = unique("ops.echo")
        let server = try await Tool.start("serve", url, name, "--echo", until: "answering")
        let call = try await Tool.run("call", url, name, "[1,2]")
        #expect(call.output == "[1,2]\n")
        let raw = try await Tool.run("call", url, name, "any bytes", "--raw")
        #expect(raw.output == "any bytes")
        withExtendedLifetime(server) {}
    }

    @Test("an error of the command reaches the caller with its code", arguments: TestBroker.allCases)
    func fails(broker: TestBroker) async throws {
        let url = try await broker.url
        let name = unique("ops.fail")
        let script = #"read -r n; case $n in 1) exit 7;; 2) echo hello;; 3) kill -9 $$;; *) echo "$n";; esac"#
        let server = try await Tool.start("serve", url, name, "--exec", script, until: "answering")
        let code = try await Tool.run("call", url, name, "1")
        #expect(code.exit == .exited(1))
        #expect(code.output.isEmpty)
        #expect(code.errors.hasPrefix("martlet: command-failed: the command ended with exit code 7"))
        let text = try await Tool.run("call", url, name, "2")
        #expect(text.exit == .exited(1))
        #expect(text.errors.hasPrefix("martlet: not-json: "))
        let killed = try await Tool.run("call", url, name, "3")
        #expect(killed.errors.contains("ended by signal"))
        // One that fails does not keep the others from being called, and is not forgotten.
        let some = try await Tool.run("call", url, name, "-", input: .text("5\n1\n6\n"))
        #expect(some.exit == .exited(1))
        #expect(some.lines == ["5", "6"])
        #expect(some.errors.contains("exit code 7"))
        withExtendedLifetime(server) {}
    }

    @Test("--stream prints each value as it comes", arguments: TestBroker.allCases)
    func streams(broker: TestBroker) async throws {
        let url = try await broker.url
        let demo = try await Tool.start("demo", url, until: "is there")
        let run = try Tool.start(["call", url, "demo.countdown", #"{"from": 3, "period": 1}"#, "--stream"])
        let end = try await run.waitForEnd()
        #expect(end == .exited(0))
        #expect(run.lines == ["3", "2", "1"])
        let endless = try Tool.start(["call", url, "demo.countdown", #"{"from": 100000, "period": 5}"#, "--stream"])
        try await endless.waitForOutput("99998")
        endless.send(signal: SIGINT)
        let interrupted = try await endless.waitForEnd()
        #expect(interrupted == .exited(130))
        let wrong = try await Tool.run("call", url, "demo.countdown", #"{"from": -1}"#, "--stream")
        #expect(wrong.exit == .exited(1))
        #expect(wrong.output.isEmpty)
        #expect(wrong.errors.contains("from is -1"))
        let nobody = try await Tool.run("call", url, unique("ops.nobody"), "--stream", "--timeout", "2s")
        #expect(nobody.exit == .exited(1))
        #expect(nobody.errors.hasPrefix("martlet: no-responder: "))
        withExtendedLifetime(demo) {}
    }

    @Test("nobody there, and nobody in time", arguments: TestBroker.allCases)
    func findsNobody(broker: TestBroker) async throws {
        let url = try await broker.url
        let nobody = try await Tool.run("call", url, unique("ops.nobody"), "--timeout", "2s")
        #expect(nobody.exit == .exited(1))
        #expect(nobody.errors.hasPrefix("martlet: no-responder: "))
        #expect(nobody.errors.contains("start who does"))
    }

    @Test("when the caller waits no longer, the command is killed with all that it has started")
    func killsCommand() async throws {
        let url = try await TestBroker.mqtt.url
        let name = unique("ops.slow")
        let folder = try TemporaryFolder("slow")
        defer { folder.remove() }
        let (started, ended) = (folder.path("started"), folder.path("ended"))
        let child = "trap 'echo > \(ended); exit' TERM; echo > \(started); sleep 1000 & wait"
        let script = "sh -c \"\(child)\" & wait"
        let server = try await Tool.start("serve", url, name, "--exec", script, until: "answering")
        // Long enough for the command to start.
        let call = try Tool.start(["call", url, name, "--timeout", "20s"])
        while !FileManager.default.fileExists(atPath: started) { try await Task.sleep(for: .milliseconds(5)) }
        let end = try await call.waitForEnd()
        #expect(end == .exited(124))
        #expect(call.errors.hasPrefix("martlet: timeout: "))
        try await server.waitForOutput("waits no longer")
        while !FileManager.default.fileExists(atPath: ended) { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test("a command that takes too long is an error of its own, and one that reads nothing is none")
    func limitsCommand() async throws {
        let url = try await TestBroker.redis.url
        let slow = unique("ops.slow")
        let server = try await Tool.start(
            "serve",
            url,
            slow,
            "--exec",
            "sleep 1000",
            "--timeout",
            "500ms",
            until: "answering"
        )
        let call = try await Tool.run("call", url, slow, "--timeout", "30s")
        #expect(call.exit == .exited(124))
        #expect(call.errors.contains("timeout: the command took longer than 0.5s"))
        withExtendedLifetime(server) {}
        let deaf = unique("ops.deaf")
        let other = try await Tool.start("serve", url, deaf, "--exec", "echo 1", until: "answering")
        let large = "\"" + String(repeating: "x", count: 300_000) + "\""
        let answer = try await Tool.run("call", url, deaf, "@-", input: .text(large))
        #expect(answer.output == "1\n")
        withExtendedLifetime(other) {}
    }
}
