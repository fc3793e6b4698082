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

@Suite("martlet bridge", .timeLimit(.minutes(10)))
struct BridgeTests {
    /// The reports of a bridge so far, of routes whose name contains a text.
    private func reports(_ run: ProgramRun, of route: String, _ state: String = "running") throws -> [[String: Any]] {
        // The last line may not be whole yet.
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        return try lines.map { try Tool.object(String($0)) }.filter {
            ($0["route"] as? String)?.contains(route) == true && $0["state"] as? String == state
        }
    }

    /// Waits until a bridge has reported a figure of a route.
    private func wait(for run: ProgramRun, _ route: String, _ figure: String, _ value: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if try reports(run, of: route).last?[figure] as? Int == value { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw ServerError("the bridge has not reported \(value) \(figure):\n\(run.output)\n\(run.errors)")
    }

    // MARK: The options

    @Test("passes topics, queues, calls and actions from one kind of broker to another, as its options say")
    func passesAll() async throws {
        try await MosquittoServer.withServer { mosquitto in
            let (near, far) = ("mqtt://127.0.0.1:\(mosquitto.port)", try await TestBroker.amqp.url)
            let (topic, queue) = (unique("sensors"), unique("jobs"))
            let demo = try await Tool.start("demo", near, until: "is there")
            let name = unique("there")
            // Callers on RabbitMQ reach the demo's node, which is on mosquitto.
            let back = try await Tool.start(
                "bridge",
                near,
                far,
                "--direction",
                "back",
                "--rpc",
                "\(name).add=demo.add",
                "--action",
                "\(name).count=demo.count",
                until: "bridging"
            )
            let forth = try await Tool.start(
                "bridge",
                near,
                far,
                "--topic",
                "\(topic).#",
                "--prefix",
                "site",
                "--queue",
                "\(queue)=\(queue).far",
                "--report",
                "100ms",
                until: "bridging"
            )

            let call = try await Tool.run("call", far, "\(name).add", #"{"a": 20, "b": 22}"#)
            #expect(call.output == "{\"c\":42}\n", "\(call.errors)")
            let wrong = try await Tool.run("call", far, "\(name).add", #"{"a": 20}"#)
            #expect(wrong.exit == .exited(1))
            #expect(wrong.errors.hasPrefix("martlet: decoding-failed: "))
            let goal = try await Tool.run("goal", far, "\(name).count", #"{"target": 3, "period": 50}"#)
            #expect(goal.exit == .exited(0), "\(goal.errors)")
            #expect(try goal.objects.last?["result"] as? [String: Int] == ["count": 3])
            let long = try await Tool.run(
                "goal",
                far,
                "\(name).count",
                #"{"target": 100000, "period": 20}"#,
                "--cancel-after",
                "2"
            )
            #expect(long.exit == .exited(0))
            #expect(try long.objects.last?["status"] as? String == "canceled")

            let heard = try Tool.start(["subscribe", far, "site.\(topic).#", "--count", "2", "--verbose"])
            try await heard.waitForErrors("listening")
            let worker = try Tool.start(["receive", far, "\(queue).far", "--count", "1", "--verbose"])
            try await worker.waitForErrors("taking")
            for value in ["1", "2"] {
                try await #expect(Tool.run("publish", near, "\(topic).door", value, "--qos", "1").exit == .exited(0))
            }
            try await #expect(Tool.run("send", near, queue, "3").exit == .exited(0))
            for run in [heard, worker] { try await #expect(run.waitForEnd() == .exited(0)) }
            let messages = try heard.lines.map(Tool.object)
            #expect(messages.map { $0["body"] as? Int } == [1, 2])
            #expect(messages.allSatisfy { $0["topic"] as? String == "site.\(topic).door" })
            #expect(try worker.lines.map(Tool.object).map { $0["body"] as? Int } == [3])
            try await wait(for: forth, topic, "forwarded", 2)

            for (run, signal) in [(back, SIGINT), (forth, SIGTERM), (demo, SIGINT)] {
                run.send(signal: signal)
                try await #expect(run.waitForEnd() == .exited(0), "\(run.errors)")
            }
            #expect(try reports(forth, of: topic, "planned").first?["guarantee"] as? String == "at most once")
            #expect(try reports(forth, of: queue, "ended").last?["forwarded"] as? Int == 1)
            #expect(try reports(back, of: "\(name).add", "ended").last?["received"] as? Int == 2)
        }
    }

    @Test("the first broker may be that of the environment, and both may be the embedded one")
    func findsBrokers() async throws {
        for (environment, urls) in [(["MARTLET_URL": "memory:"], ["memory:"]), ([:], ["memory:", "memory:"])] {
            let run = try Tool.start(
                ["bridge"] + urls + ["--topic", "a.#", "--prefix", "b", "--verbose"],
                environment: environment
            )
            try await run.waitForErrors("bridging memory: and memory:")
            run.send(signal: SIGTERM)
            try await #expect(run.waitForEnd() == .exited(0))
        }
        // Two of one name are one broker.
        let circle = try await Tool.run("bridge", "memory:", "memory:", "--topic", "a")
        #expect(circle.exit == .exited(64))
        #expect(circle.errors.contains("what 'a → {topic}' passes on comes back"), "\(circle.errors)")
    }

    // MARK: The file

    @Test("keeps on disk what comes while the sink's broker is away, also if it is killed itself, as its file says")
    func stores() async throws {
        try await RedisServer.withServer { redis in
            let folder = try TemporaryFolder("bridge")
            defer { folder.remove() }
            let (near, far) = (try await TestBroker.mqtt.url, "redis://127.0.0.1:\(redis.port)")
            let topic = unique("readings")
            let file = try folder.write(
                """
                name: edge
                from: \(near)
                to: {url: "\(far)", client: edge}
                drain-limit: 1s
                routes:
                  - topic: \(topic).#
                    to-queue: readings
                    store: {folder: store, limit: 64MiB, sync: always}
                    only-if: [{field: n, above: 0}]
                    except: ["\(topic).debug.#"]
                """,
                to: "bridge.yml"
            )
            func start() async throws -> ProgramRun {
                try await Tool.start("bridge", "--config", file, "--report", "50ms", until: "bridging")
            }
            func publish(_ range: ClosedRange<Int>, _ name: String = "a") async throws {
                let lines = range.map { #"{"n": \#($0)}"# }.joined(separator: "\n")
                let outcome = try await Tool.run("publish", near, "\(topic).\(name)", "--qos", "1", input: .text(lines))
                #expect(outcome.exit == .exited(0))
            }

            let first = try await start()
            redis.kill()
            try await publish(-4...20)
            try await publish(1...5, "debug.a")
            try await wait(for: first, topic, "inFlight", 20)
            try await wait(for: first, topic, "received", 30)
            #expect(try reports(first, of: topic).last?["filtered"] as? Int == 10)
            #expect(FileManager.default.fileExists(atPath: folder.path("store")))
            first.send(signal: SIGKILL)
            try await first.waitForEnd()

            try await redis.start()
            let second = try await start()
            let taken = try await Tool.run("receive", far, "readings", "--count", "20", "--timeout", "60s")
            #expect(taken.exit == .exited(0), "\(taken.errors)\n\(second.errors)")
            #expect(try taken.objects.map { ($0["body"] as? [String: Int])?["n"] } == (1...20).map { $0 })
            redis.kill()
            try await publish(21...30)
            try await wait(for: second, topic, "inFlight", 10)
            try await redis.start()
            let rest = try await Tool.run("receive", far, "readings", "--count", "10", "--timeout", "60s")
            #expect(try rest.objects.map { ($0["body"] as? [String: Int])?["n"] } == (21...30).map { $0 })
            second.send(signal: SIGTERM)
            try await #expect(second.waitForEnd() == .exited(0))
            #expect(second.errors.contains("the link to \(far) is lost") && second.errors.contains("is back"))
        }
    }

    @Test("tells that what it keeps on disk is too much, without being asked to say more")
    func tellsOfFullStores() async throws {
        try await RedisServer.withServer { redis in
            let near = try await TestBroker.mqtt.url
            let folder = try TemporaryFolder("bridge")
            defer { folder.remove() }
            let topic = unique("readings")
            let file = try folder.write(
                """
                from: \(near)
                to: redis://127.0.0.1:\(redis.port)
                drain-limit: 100ms
                routes:
                  - topic: \(topic)
                    to-queue: readings
                    store: {folder: store, segment: 4KiB, limit: 8KiB, overflow: drop-newest}
                """,
                to: "bridge.yml"
            )
            let run = try Tool.start(["bridge", "--config", file, "--report", "50ms"])
            try await run.waitForOutput(#""state":"running""#)
            redis.kill()
            let body = "\"" + String(repeating: "a", count: 500) + "\""
            let warning = "martlet: \(topic) → queue readings: the store is full and drops messages\n"
            let deadline = ContinuousClock.now + .seconds(60)
            // The first ones may come before it listens, which it does not tell unless asked.
            while !run.errors.contains(warning), ContinuousClock.now < deadline {
                let sent = try await Tool.run("publish", near, topic, body, "--qos", "1", "--count", "50")
                #expect(sent.exit == .exited(0), "\(sent.errors)")
            }
            run.send(signal: SIGTERM)
            try await #expect(run.waitForEnd() == .exited(0))
            #expect(run.errors.components(separatedBy: warning).count == 2)
            let last = try #require(reports(run, of: topic, "ended").last)
            #expect(try #require(last["storeDropped"] as? Int) > 0)
        }
    }

    @Test("logs in as its file says, and tells no secret")
    func logsIn() async throws {
        let server = try await MosquittoServer.sharedSecured()
        let certificates = try await TestCertificates.shared
        let folder = try TemporaryFolder("bridge")
        defer { folder.remove() }
        try folder.write("sesame\n", to: "password")
        let port = try #require(server.tlsPort)
        let file = try folder.write(
            """
            from: {url: "mqtts://127.0.0.1:\(port)", user: alice, password-file: password, tls: {ca-file: ca.pem}}
            to: {url: "mqtts://alice@127.0.0.1:\(port)", password-env: SECRET, tls: {ca-file: ca.pem}}
            routes: [{topic: "\(unique("a")).#", prefix: \(unique("b"))}]
            """,
            to: "bridge.yml"
        )
        try FileManager.default.copyItem(atPath: certificates.authority, toPath: folder.path("ca.pem"))
        let run = try Tool.start(["bridge", "-c", file, "--verbose"], environment: ["SECRET": "sesame"])
        try await run.waitForErrors("bridging mqtts://alice:***@127.0.0.1")
        run.send(signal: SIGTERM)
        try await #expect(run.waitForEnd() == .exited(0))
        let wrong = try await Tool.run("bridge", "-c", file, environment: ["SECRET": "open-sesame"])
        #expect(wrong.exit == .exited(69))
        #expect(wrong.errors.contains("does not let us in"))
        for text in [run.output, run.errors, wrong.output, wrong.errors] { #expect(!text.contains("sesame")) }
    }

    // MARK: --check

    @Test("says what it would do, and touches nothing")
    func checks() async throws {
        let folder = try TemporaryFolder("bridge")
        defer { folder.remove() }
        try await SilentServer.withServer { server in
            let file = try folder.write(
                """
                name: edge
                from: "mqtt://me:hunter2@127.0.0.1:\(server.port)"
                to: amqp://127.0.0.1:\(server.port)
                routes:
                  - {topic: sensors.#, prefix: site, store: {folder: store}, direction: both}
                  - {rpc: ops.start, to: ops.there}
                """,
                to: "bridge.yml"
            )
            let check = try await Tool.run("bridge", "--config", file, "--check")
            #expect(check.exit == .exited(0), "\(check.errors)")
            let routes = try check.objects
            #expect(
                routes.map { $0["route"] as? String } == [
                    "sensors.# → site.{topic}", "site.{topic} → sensors.#, backwards", "call ops.start → ops.there",
                ]
            )
            let (near, far) = ("mqtt://me:***@127.0.0.1:\(server.port)", "amqp://127.0.0.1:\(server.port)")
            #expect(routes.map { $0["from"] as? String } == [near, far, near])
            #expect(
                routes.map { $0["guarantee"] as? String } == [
                    "at most once", "at least once while the bridge lives", "answered, or told why not",
                ]
            )
            #expect((routes.first?["warnings"] as? [String])?.count == 1)
            #expect((routes.first?["with"] as? [String])?.first == "stored in \(folder.path("store")) (up to 1GiB)")

            let shown = try Tool.startOnTerminal(["bridge", "--config", file, "--check"], columns: 60)
            try await #expect(shown.waitForEnd() == .exited(0))
            for text in [
                "sensors.# → site.{topic}", "  guarantee  at most once", "  from       mqtt://me:***@", "  warning ",
            ] {
                #expect(shown.screen.contains(text))
            }
            #expect(!check.output.contains("hunter2") && !shown.written.contains("hunter2"))
            #expect(server.connections == 0)
            #expect(!FileManager.default.fileExists(atPath: folder.path("store")))
        }
    }

    // MARK: What can go wrong

    @Test("what is wrong with its options or its file ends it at once, with the code that says so")
    func refuses() async throws {
        let folder = try TemporaryFolder("bridge")
        defer { folder.remove() }
        let file = try folder.write("from: mqtt://a\nto: amqp://b\nroutes: [{topic: a, widow: 3}]\n", to: "bridge.yml")
        for (arguments, code, hint) in [
            (["--config", file], Int32(64), "\(file):3:21: routes[0]: a route of topics has no key \"widow\""),
            (["--config", file, "--check"], 64, "the documentation's article"),
            (["--config", folder.path("none")], 66, "can't be read: No such file"),
            (["--config", folder.path], 66, "can't be read: Is a directory"),
            (["--config", file, "mqtt://a"], 64, "leave the URLs out"),
            (["--config", file, "--topic", "a"], 64, "leave the other options out"),
            (["mqtt://a", "amqp://b"], 64, "Say what to pass on"), (["amqp://b", "--topic", "a"], 64, "both URLs"),
            (["mqtt://a", "amqp://u:hunter2@b", "--topic", "a.#.b"], 64, "segment 2 is '#'"),
            (["mqtt://a:hunter2", "kafka://u:hunter2@b", "--topic", "a"], 64, "There is no broker 'kafka:'"),
            (["mqtt://a:b", "amqp://b", "--topic", "a"], 64, "port"),
            (["mqtt://a", "amqp://b", "--topic", "a", "--report", "0"], 64, "--report"),
        ] {
            let outcome = try await Tool.run(["bridge"] + arguments)
            #expect(outcome.exit == .exited(code), "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.lowercased().contains(hint.lowercased()), "\(arguments): \(outcome.errors)")
            #expect(outcome.output.isEmpty)
            #expect(!outcome.errors.contains("u:hunter2"))
        }
    }

    @Test("without a name and started again, it puts no older kept value in place of a newer one")
    func keepsTheNewerValue() async throws {
        try await MosquittoServer.withServer { far in
            let (here, there) = (try await TestBroker.mqtt.url, "mqtt://127.0.0.1:\(far.port)")
            let topic = unique("kept")
            func keep(_ number: Int, _ url: String, _ name: String) async throws {
                let arguments = ["publish", url, "\(topic).\(name)", "\(number)", "--retain", "--qos", "1"]
                try await #expect(Tool.run(arguments).exit == .exited(0))
            }
            func value(_ url: String, _ name: String) async throws -> Int? {
                let run = try await Tool.run("subscribe", url, "\(topic).\(name)", "--count", "1", "--timeout", "30s")
                return try run.objects.first?["body"] as? Int
            }
            for number in 1...2 {
                try await keep(number, here, "a")
                let bridge = try await Tool.start(
                    "bridge",
                    here,
                    there,
                    "--topic",
                    "\(topic).#",
                    "--direction",
                    "both",
                    until: "bridging"
                )
                try await until { try await value(there, "a") == number }
                // What came from there at the start has come before this.
                try await keep(number, there, "b")
                try await until { try await value(here, "b") == number }
                bridge.send(signal: SIGTERM)
                try await #expect(bridge.waitForEnd() == .exited(0))
                try await #expect(value(here, "a") == number)
            }
        }
    }

    @Test(
        "a broker that is not there is waited for, whichever it is; what comes meanwhile is stored",
        arguments: [true, false]
    )
    func waitsForItsBrokers(sinkIsAway: Bool) async throws {
        let folder = try TemporaryFolder("bridge")
        defer { folder.remove() }
        let (here, there) = (try await TestBroker.amqp.url, try await TestBroker.redis.url)
        try await TCPProxy.withProxy(to: try await RedisServer.shared().port) { link in
            try await link.refuseConnections()
            let away = "redis://127.0.0.1:\(link.port)"
            let queue = unique("jobs")
            let file = try folder.write(
                """
                name: \(queue)
                from: \(sinkIsAway ? here : away)
                to: \(sinkIsAway ? away : here)
                routes: [{queue: \(queue), to-queue: \(queue).far, store: store}]
                """,
                to: "bridge.yml"
            )
            let run = try Tool.start(["bridge", "--config", file, "--report", "50ms"])
            try await run.waitForErrors("martlet: the server can't be reached yet; trying on: ")
            #expect(run.errors.contains("127.0.0.1:\(link.port)"))
            let (near, far) = sinkIsAway ? (here, there) : (there, here)
            try await #expect(Tool.run("send", near, queue, "-", input: .text("1\n2\n3\n")).exit == .exited(0))
            if sinkIsAway {
                try await wait(for: run, queue, "stored", 3)
            } else {
                try await run.waitForOutput(#""state":"running""#)
            }
            try await link.acceptConnections()
            try await run.waitForErrors("martlet: the link to \(away) is there")
            let arrived = try await Tool.run("receive", far, "\(queue).far", "--count", "3", "--timeout", "60s")
            #expect(try arrived.objects.map { $0["body"] as? Int } == [1, 2, 3])
            run.send(signal: SIGTERM)
            try await #expect(run.waitForEnd() == .exited(0))
        }
    }

    @Test("a broker that does not let it in ends it at once, and Ctrl-C does where none answers")
    func isRefused() async throws {
        let url = try await TestBroker.amqp.url.replacing("guest:guest@", with: "guest:hunter2@")
        for urls in [[url, "memory:"], ["memory:", url]] {
            let outcome = try await Tool.run(["bridge"] + urls + ["--topic", "a"])
            #expect(outcome.exit == .exited(69))
            #expect(outcome.errors.contains("does not let us in") && !outcome.errors.contains("hunter2"))
        }
        try await SilentServer.withServer { server in
            let run = try Tool.start(["bridge", "mqtt://127.0.0.1:\(server.port)", "memory:", "--topic", "a"])
            while server.connections == 0 { try await Task.sleep(for: .milliseconds(5)) }
            run.send(signal: SIGINT)
            try await #expect(run.waitForEnd() == .exited(0))
            #expect(!run.errors.contains("martlet: "))
        }
    }

    @Test("one that gives no answer is waited for no longer than it is told")
    func doesNotWaitForSilence() async throws {
        try await SilentServer.withServer { server in
            let silent = "mqtt://127.0.0.1:\(server.port)"
            let run = try Tool.start(["bridge", "memory:", silent, "--topic", "a", "--connect-timeout", "100ms"])
            try await run.waitForErrors("gave no answer within 0.1 seconds")
            run.send(signal: SIGINT)
            try await #expect(run.waitForEnd() == .exited(0))
        }
    }

    // MARK: Its end

    @Test("SIGTERM lets it finish what it has in hand; a second signal does not")
    func drains() async throws {
        let (near, far) = (try await TestBroker.redis.url, try await TestBroker.mqtt.url)
        let folder = try TemporaryFolder("bridge")
        defer { folder.remove() }
        for isPatient in [true, false] {
            let (name, gate) = (unique("ops.slow"), folder.path("gate-\(isPatient)"))
            // What is not waited for ends with the test's folder.
            let waiting = "[ -d '\(folder.path("."))' ] && ! [ -e '\(gate)' ]"
            let work = "echo started >&2; while \(waiting); do sleep 0.05; done; echo 42"
            let server = try await Tool.start("serve", far, name, "--exec", work, until: "answering")
            let bridge = try await Tool.start("bridge", near, far, "--rpc", name, until: "bridging")
            let caller = try Tool.start(["call", near, name, "--timeout", "100s"])
            try await server.waitForErrors("started")
            bridge.send(signal: SIGTERM)
            if isPatient {
                try await bridge.waitForErrors("finishing")
                try folder.write("", to: "gate-\(isPatient)")
                try await #expect(caller.waitForEnd() == .exited(0), "\(caller.errors)")
                #expect(caller.output == "42\n")
                try await #expect(bridge.waitForEnd() == .exited(0))
                let last = try #require(reports(bridge, of: name, "ended").last)
                #expect(last["forwarded"] as? Int == 1 && last["inFlight"] as? Int == 0)
            } else {
                bridge.send(signal: SIGINT)
                let end = try await bridge.waitForEnd()
                #expect(end == .exited(143) || end == .exited(130))
                #expect(try reports(bridge, of: name, "ended").isEmpty)
            }
        }
    }

    @Test("what can't be finished in time stays behind, and what goes wrong meanwhile is told")
    func drainsInTime() async throws {
        try await RedisServer.withServer { redis in
            let (near, far) = (try await TestBroker.amqp.url, "redis://127.0.0.1:\(redis.port)")
            let folder = try TemporaryFolder("bridge")
            defer { folder.remove() }
            let queue = unique("jobs")
            let file = try folder.write(
                "from: \(near)\nto: \(far)\ndrain-limit: 300ms\nroutes: [{queue: \(queue)}]\n",
                to: "bridge.yml"
            )
            let run = try Tool.start(["bridge", "--config", file, "--report", "50ms"])
            try await run.waitForOutput(#""state":"running""#)
            redis.kill()
            try await #expect(Tool.run("send", near, queue, "-", input: .text("1\n2\n3\n")).exit == .exited(0))
            try await wait(for: run, queue, "inFlight", 3)
            run.send(signal: SIGTERM)
            try await #expect(run.waitForEnd() == .exited(0))
            let last = try #require(reports(run, of: queue, "ended").last)
            #expect(last["forwarded"] as? Int == 0)
            #expect(run.errors.contains("martlet: the link to \(far) is lost"))
            #expect(!run.errors.contains("queue \(queue) → queue \(queue): \(far) has no headers"))
            let left = try await Tool.run("receive", near, queue, "--count", "3", "--timeout", "60s")
            #expect(try Set(left.objects.map { $0["body"] as? Int }) == [1, 2, 3])
        }
    }

    // MARK: The terminal

    @Test("on a terminal, also a narrow one, its routes are a table that is drawn in place", arguments: [40, 100])
    func draws(columns: Int) async throws {
        try await MosquittoServer.withServer { server in
            let near = "mqtt://127.0.0.1:\(server.port)"
            try await RedisServer.withServer { redis in
                let far = "redis://127.0.0.1:\(redis.port)"
                let run = try Tool.startOnTerminal(
                    ["bridge", near, far, "--topic", "a.#", "--queue", "q"],
                    environment: ["NO_COLOR": "1"],
                    columns: columns
                )
                try await run.waitForScreen("bridging  mqtt://")
                #expect(run.screen.contains("  guarantee  at most once"))
                for _ in 0..<3 { try await #expect(Tool.run("publish", near, "a.b", "1").exit == .exited(0)) }
                // As wide as the longer name below it.
                try await run.waitForScreen("a.# → {topic}            3        3")
                redis.kill()
                try await run.waitForScreen("the link to \(far) is lost".prefix(30).description)
                try await redis.start()
                try await run.waitForScreen("is back")
                run.send(signal: SIGINT)
                try await #expect(run.waitForEnd() == .exited(0))
                let lines = run.screen.split(separator: "\n")
                #expect(lines.count { $0.hasPrefix("ended  mqtt://") } == 1)
                #expect(!run.screen.contains("\nbridging  "))
                #expect(run.written.contains("\u{1B}[?25l") && run.written.contains("\u{1B}[?25h"))
                let table = lines.suffix { $0.hasPrefix("ended  ") }
                #expect(table.allSatisfy { $0.count < columns })
            }
        }
    }
}

extension Array where Element == Substring {
    /// The elements from the first that a test holds for.
    fileprivate func suffix(_ isFirst: (Substring) -> Bool) -> ArraySlice<Substring> {
        firstIndex(where: isFirst).map { self[$0...] } ?? []
    }
}
