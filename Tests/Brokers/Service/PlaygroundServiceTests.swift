import Foundation
import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import MartletRelay
import Testing

/// The services of the playground, each in a process of its own.
@Suite("A service of the playground", .serialized, .timeLimit(.minutes(5)))
struct PlaygroundServiceTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder("playground")
    }

    /// Starts one. What it prints is to be had at once.
    private func start(_ name: String, _ settings: String, _ format: String = "yml") throws -> ProgramRun {
        let file = try folder.write(settings, to: "\(name).\(format)")
        return try ProgramRun(
            Program.find("stdbuf", package: "coreutils"),
            ["-oL", ProgramRun.path(ofPackage: "playground-services"), "--start", name, "--config", file],
            environment: ["STATE_DIRECTORY": folder.path]
        )
    }

    private func end(_ run: ProgramRun) async throws {
        run.send(signal: SIGTERM)
        #expect(try await run.waitForEnd() == .exited(0), "\(run.errors)")
    }

    /// Starts a service on a broker of its own, and waits until it is there.
    private func withService(
        _ name: String,
        _ settings: String = "",
        _ body: (ProgramRun, MQTTConnection, AsyncStream<String>) async throws -> Void
    ) async throws {
        try await MosquittoServer.withServer { server in
            let link = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let deliveries = try await link.subscribe(to: TopicPattern(mqtt: "#"))
            let texts = AsyncStream<String> {
                guard let delivery = try? await deliveries.first(where: { _ in true }) else { return nil }
                return "\(delivery.topic.mqtt)=\(delivery.message.text ?? "")"
            }
            let run = try start(name, "broker: {host: 127.0.0.1, port: \(server.port)}\n" + settings)
            await wait(texts, "service/\(name)/online=1")
            try await body(run, link, texts)
            try await end(run)
            await link.close()
        }
    }

    private func wait(_ texts: AsyncStream<String>, _ wanted: String...) async {
        var missing = Set(wanted)
        for await text in texts {
            missing.remove(text)
            if missing.isEmpty { return }
        }
        Issue.record("\(missing) did not come")
    }

    @Test func `echoes`() async throws {
        try await withService("echo", "services: {echo: {custom_value: mine}}") { _, link, texts in
            await wait(
                texts,
                "service/echo/foo=bar",
                "service/echo/foofoo={\"answer\":42.01,\"config_demo\":\"mine\"}"
            )
            try await link.publish(Message("hello"), to: TopicName(mqtt: "service/echo/echo"))
            await wait(texts, "service/echo/echo_response=hello")
        }
    }

    @Test func `is minimal`() async throws {
        try await withService("minimal") { _, _, _ in }
        try await withService("minimal-with-init") { run, _, _ in
            #expect(run.lines == ["the minimal service begins"])
        }
    }

    @Test func `handles topics`() async throws {
        try await withService("handlers") { run, link, _ in
            let messages = [
                ("service/handlers/powersave", "on", "powersave is on"),
                ("service/handlers/sms/send/0049/170", "hi", "to 0049/170: hi"),
                ("radio_receiver/devices/Oregon-v1/temperature_C", "21.5", "it is 21.5 °C"),
                ("radio_receiver/devices/TPMS/7", "flat", "tyre 7: flat"),
            ]
            for (topic, text, line) in messages {
                try await link.publish(Message(text), to: TopicName(mqtt: topic))
                try await run.waitForOutput(line)
            }
        }
    }

    @Test func `publishes values of all forms`() async throws {
        try await withService("values") { _, link, texts in
            try await link.publish(Message(""), to: TopicName(mqtt: "service/values/go"))
            await wait(
                texts,
                "service/values/text=bar",
                "service/values/switch=1",
                "service/values/nothing=",
                "service/values/pi=3.1416",
                "service/values/list=[1.5,2]",
                "service/values/object={\"answer\":42.01}",
                "service/values/foo/answer=42.01",
                "service/values/volume=11",
                "service/values/kept=21.5",
                "service/values/sure=important",
                "house/note=far away"
            )
            let kept = try await link.subscribe(to: TopicPattern(mqtt: "service/values/kept"))
            #expect(try await kept.next()?.isRetained == true)
        }
    }

    @Test func `publishes changes`() async throws {
        try await withService("changes") { _, link, texts in
            let topic = TopicName(mqtt: "service/changes/wind")
            for (text, pause) in [("5", 150), ("5", 150), ("6", 0), ("6", 0)] {
                try await link.publish(Message(text), to: topic, options: PublishOptions(guarantee: .atLeastOnce))
                try await Task.sleep(for: .milliseconds(pause))
            }
            try await link.publish(Message("7"), to: topic)
            var seen: [String] = []
            for await text in texts where !text.hasPrefix("service/changes/wind") {
                seen.append(text)
                if text == "service/changes/repeated=7" { break }
            }
            #expect(seen.filter { $0.contains("/changed=") }.map { $0.suffix(1) } == ["5", "6", "7"])
            #expect(seen.filter { $0.contains("/repeated=") }.map { $0.suffix(1) } == ["5", "5", "6", "7"])
        }
    }

    @Test func `loops`() async throws {
        try await withService("loops") { _, _, texts in
            var counts: [String] = []
            var steady = 0
            // The one that has ended does not begin again.
            for await text in texts where steady < 8 {
                if text.hasPrefix("service/loops/count=") { counts.append(String(text.suffix(1))) }
                if text == "service/loops/steady=still here" { steady += 1 }
                if steady == 8 { break }
            }
            #expect(counts == ["1", "2", "3"] || counts == ["2", "3"])
        }
    }

    @Test func `remembers`() async throws {
        for before in ["23", "42"] {
            try await withService("remembering") { _, link, texts in
                try await link.publish(Message("42"), to: TopicName(mqtt: "service/remembering/foo/bar"))
                await wait(texts, "service/remembering/before=\(before)", "service/remembering/after=42")
            }
        }
    }

    @Test func `has settings of its own`() async throws {
        let settings =
            "services:\n  some_other_service:\n    has_some:\n      custom:\n        - \"configuration values\"\n"
        try await withService("some_other_service", settings) { _, _, texts in
            await wait(texts, "service/some_other_service/custom=configuration values")
        }
    }

    @Test func `is found by Home Assistant`() async throws {
        try await withService("greenhouse") { run, link, texts in
            for await text in texts where text.hasPrefix("homeassistant/device/greenhouse_Greenhouse/config=") { break }
            try await link.publish(Message("on"), to: TopicName(mqtt: "service/greenhouse/pump/command"))
            try await run.waitForOutput("the pump is on")
            await wait(texts, "service/greenhouse/pump/state=on")
            try await link.publish(Message("25.5"), to: TopicName(mqtt: "service/greenhouse/target/command"))
            await wait(texts, "service/greenhouse/target/state=25.5")
        }
        // Printed without a broker.
        let file = try folder.write("broker: mqtt://127.0.0.1:1\n", to: "print.yml")
        let run = try ProgramRun(
            ProgramRun.path(ofPackage: "playground-services"),
            ["discovery", "--start", "greenhouse", "--config", file],
            environment: ["STATE_DIRECTORY": folder.path]
        )
        #expect(try await run.waitForEnd() == .exited(0), "\(run.errors)")
        let parts = run.output.split(separator: "\t")
        #expect(parts.first == "homeassistant/device/greenhouse_Greenhouse/config")
        let document = try Martlet.JSON(parsing: String(parts.last ?? ""))
        #expect(DiscoveryRules.complaints(of: String(parts[0]), document) == [])
    }

    @Test func `takes back what it has announced, on request`() async throws {
        try await MosquittoServer.withServer { server in
            let link = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let topic = TopicName(mqtt: "homeassistant/device/greenhouse_Greenhouse/config")
            let old = TopicName(mqtt: "homeassistant/device/greenhouse_Shed/config")
            for topic in [topic, old] {
                try await link.publish(
                    Message("{}"),
                    to: topic,
                    options: PublishOptions(guarantee: .atLeastOnce, retain: true)
                )
            }
            try folder.write("{\"\(old.mqtt)\": {}}", to: "greenhouse.announced.json")
            let file = try folder.write("broker: mqtt://127.0.0.1:\(server.port)\n", to: "remove.yml")
            let run = try ProgramRun(
                ProgramRun.path(ofPackage: "playground-services"),
                ["discovery", "--remove", "--start", "greenhouse", "--config", file],
                environment: ["STATE_DIRECTORY": folder.path]
            )
            #expect(try await run.waitForEnd() == .exited(0), "\(run.errors)")
            let kept = try await link.subscribe(to: TopicPattern("#"))
            try await link.publish(Message("end"), to: "end")
            #expect(try await kept.next()?.topic == "end")
            await link.close()
        }
    }

    // MARK: AMQP

    /// Runs services on RabbitMQ, with the settings that farine has.
    private func withServices(
        _ names: String...,
        settings more: String = "",
        body: ([ProgramRun]) async throws -> Void
    ) async throws {
        let url = "amqp://guest:guest@127.0.0.1:\(try await RabbitMQServer.shared().port)"
        let settings = "[DEFAULT]\namqp_uri = \(url)\n\n[\(names[0])]\nenabled = true\n\(more)"
        var runs: [ProgramRun] = []
        for name in names { runs.append(try start(name, settings, "ini")) }
        try await body(runs)
        for run in runs.reversed() { try await end(run) }
    }

    @Test func `publishes by an exchange, and consumes`() async throws {
        try await withServices("consume", "publish") { runs in try await runs[0].waitForOutput("got 0") }
    }

    @Test func `serves a method, and calls it`() async throws {
        try await withServices("server", "client") { runs in try await runs[1].waitForOutput("dummy says true") }
    }

    @Test func `serves a method of many values, and reads them`() async throws {
        try await withServices("letters", "reader") { runs in try await runs[1].waitForOutput("letter a\nletter b\n") }
    }

    @Test func `executes code of its own again and again`() async throws {
        try await withServices("worker") { runs in try await runs[0].waitForOutput("my own stuff\nmy own stuff\n") }
    }

    @Test func `does several things at once`() async throws {
        let port = try await RabbitMQServer.shared().port
        let link = try await AMQPConnection.connect(to: "amqp://guest:guest@127.0.0.1:\(port)")
        try await withServices("mixed", "server") { runs in
            let publish = ExchangePublisher(to: "readings", key: "mixed", on: link, of: [String: Int].self)
            // What is published before somebody consumes is gone.
            for _ in 0..<300 where !runs[0].output.contains("21 is processed to 42") {
                try await publish(["value": 21])
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(runs[0].output.contains("21 is processed to 42"))
        }
        await link.close()
    }

    @Test func `follows a server of the web, and calls a method`() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0))
        let events = SinkConnection(sink, name: "events")
        let settings = "endpoint = http://127.0.0.1:\(sink.port)/events\n"
        try await withServices("feed", "server", settings: settings) { runs in
            // A client that is new gets what is published from then on.
            for _ in 0..<300 where !runs[0].output.contains("21 is processed to 42") {
                try await events.publish(Message("{\"value\": 21}"), to: "readings")
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(runs[0].output.contains("21 is processed to 42"), "\(runs[0].errors)")
        }
        await events.close()
    }
}
