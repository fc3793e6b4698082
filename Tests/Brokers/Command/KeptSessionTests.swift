import IntegrationSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite("martlet on a session that an MQTT broker keeps", .timeLimit(.minutes(10)))
struct KeptSessionTests {
    private static let signals = [SIGTERM, SIGKILL]

    private func publish(_ texts: [String], to topic: String, _ url: String) async throws {
        for text in texts {
            let run = try await Tool.run("publish", url, topic, "\"\(text)\"", "--qos", "1")
            #expect(run.exit == .exited(0))
        }
    }

    @Test("a bridge that was stopped passes on what came meanwhile", arguments: signals, ["5", "3.1.1"])
    func bridge(signal: Int32, version: String) async throws {
        try await MosquittoServer.withServer { from in
            try await MosquittoServer.withServer { to in
                let (near, far) = ("mqtt://127.0.0.1:\(from.port)", "mqtt://127.0.0.1:\(to.port)")
                let source = "\(near)?session=persistent&client=c&version=\(version)"
                let heard = try await Tool.start("subscribe", far, "k.x", "--count", "7", until: "listening")
                let texts = (1...5).map { "while away \($0)" }
                for life in 1...2 {
                    let run = try await Tool.start("bridge", source, far, "--topic", "k.x", until: "bridging")
                    if life == 1 {
                        // It is bridging once it says so; that it has subscribed shows by what it passes on.
                        try await publish(["life 1"], to: "k.x", near)
                        try await heard.waitForOutput("life 1")
                        run.send(signal: signal)
                        _ = try await run.waitForEnd()
                        try await publish(texts, to: "k.x", near)
                    } else {
                        try await heard.waitForOutput("while away 5")
                        try await publish(["life 2"], to: "k.x", near)
                        let end = try await heard.waitForEnd()
                        #expect(end == .exited(0))
                        run.send(signal: SIGTERM)
                        _ = try await run.waitForEnd()
                    }
                }
                let bodies = try heard.output.split(separator: "\n").map {
                    try Tool.object(String($0))["body"] as? String
                }
                #expect(bodies == ["life 1"] + texts + ["life 2"])
            }
        }
    }

    @Test("a subscriber that was stopped gets what came meanwhile", arguments: signals)
    func subscribe(signal: Int32) async throws {
        let url = "mqtt://127.0.0.1:\(try await MosquittoServer.shared().port)"
        let topic = unique("kept")
        let kept = "\(url)?session=persistent&client=\(topic)"
        let first = try await Tool.start("subscribe", kept, topic, "--qos", "1", until: "listening")
        try await publish(["first"], to: topic, url)
        try await first.waitForOutput("first")
        first.send(signal: signal)
        _ = try await first.waitForEnd()
        try await publish(["second", "third"], to: topic, url)
        let second = try await Tool.run("subscribe", kept, topic, "--qos", "1", "--count", "2", "--timeout", "30s")
        #expect(second.exit == .exited(0))
        #expect(try second.objects.map { $0["body"] as? String } == ["second", "third"])
    }

    @Test("prints all that it has taken before it ends")
    func subscribeUnderLoad() async throws {
        let url = "mqtt://127.0.0.1:\(try await MosquittoServer.shared().port)"
        let topic = unique("load")
        let kept = "\(url)?session=persistent&client=\(topic)"
        let count = 2_000
        var missing = Set((0..<count).map { "\($0)" })
        let first = try await Tool.start("subscribe", kept, topic, "--qos", "1", "--raw", until: "listening")
        // Those of the second half come when it is gone, however slow this machine is.
        func publish(_ numbers: Range<Int>) throws -> ProgramRun {
            let lines = numbers.map { "\($0)\n" }.joined()
            return try Tool.start(["publish", url, topic, "-", "--qos", "1"], input: .text(lines))
        }
        let publisher = try publish(0..<count / 2)
        try await first.waitForOutput("\n50\n")
        first.send(signal: SIGTERM)
        _ = try await first.waitForEnd()
        missing.subtract(first.output.split(separator: "\n").map(String.init))
        _ = try await publisher.waitForEnd()
        _ = try await publish(count / 2..<count).waitForEnd()
        let rest = try await Tool.run(
            "subscribe",
            kept,
            topic,
            "--qos",
            "1",
            "--raw",
            "--count",
            "\(missing.count)",
            "--timeout",
            "30s"
        )
        missing.subtract(rest.output.split(separator: "\n").map(String.init))
        #expect(missing.isEmpty)
    }

    @Test("without a name there is no such session, and the command says so at once")
    func unnamed() async throws {
        let url = "mqtt://127.0.0.1:\(try await MosquittoServer.shared().port)?session=persistent"
        for arguments in [["subscribe", url, "a"], ["bridge", url, "memory:", "--topic", "a"]] {
            let run = try await Tool.run(arguments)
            #expect(run.exit == .exited(64))
            #expect(run.errors.contains("a persistent session needs a name"), "\(run.errors)")
        }
        let named = try await Tool.start("subscribe", url, unique("a"), "--name", unique("named"), until: "listening")
        named.send(signal: SIGTERM)
        let end = try await named.waitForEnd()
        #expect(end == .exited(0))
    }
}
