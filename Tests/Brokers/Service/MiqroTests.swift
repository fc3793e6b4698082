import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import MartletService
import Synchronization
import Testing

/// Services of miqro 1.3.0, on paho 1.6.1, and this package's own, on one broker.
@Suite("A service among those of miqro", .serialized, .timeLimit(.minutes(5)))
struct MiqroTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder("miqro")
    }

    private func settings(_ port: Int) throws -> String {
        // As miqro's users have it.
        try folder.write(
            "broker:\n  host: 127.0.0.1\n  port: \(port)\n  keepalive: 60\nservices: {}\n",
            to: "miqro.yml"
        )
    }

    private func startMiqro(_ name: String, _ port: Int) async throws -> ProgramRun {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
        return try ProgramRun(
            await PythonEnvironment.interpreter(),
            ["-u", "-B", folder + "/Peers/miqro_peer.py", name, settings(port)]
        )
    }

    private func texts(_ link: MQTTConnection, _ filter: String) async throws -> AsyncStream<String> {
        let deliveries = try await link.subscribe(to: TopicPattern(mqtt: filter))
        return AsyncStream {
            guard let delivery = try? await deliveries.first(where: { _ in true }) else { return nil }
            return "\(delivery.topic.mqtt)=\(String(decoding: delivery.message.body, as: UTF8.self))"
        }
    }

    /// Returns when the values can be asked for, and those of this attempt have come.
    private func waitForValues(_ link: MQTTConnection) async throws {
        let ends = try await link.subscribe(to: TopicPattern(mqtt: "service/values/ready"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await link.publish(Message("ready"), to: TopicName(mqtt: "service/values/ask"))
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            _ = try await ends.next()
            group.cancelAll()
        }
        ends.finish()
    }

    private func wait(_ texts: AsyncStream<String>, for text: String) async {
        for await found in texts where found == text { return }
        Issue.record("\(text) did not come")
    }

    @Test func `reads each form of value that they publish, and publishes the same`() async throws {
        try await MosquittoServer.withServer { server in
            let link = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let service = ServiceContext(name: "asker", connection: link, settings: NoSettings())
            let miqro = try await startMiqro("values", server.port)
            try await waitForValues(link)
            let (seen, tell) = AsyncStream.makeStream(of: String.self)
            struct Members: Codable { var x: Double; var y: [Double]; var z: Int?; var on: Bool }
            let node = Node("asker", on: link, options: NodeOptions(heartbeat: nil, base: service.base)) {
                Handle(.global("service/values/text")) { (text: String) in tell.yield("text \(text)") }
                Handle(.global("service/values/true")) { (value: Bool) in tell.yield("true \(value)") }
                Handle(.global("service/values/false")) { (value: Bool) in tell.yield("false \(value)") }
                Handle(.global("service/values/none")) { (value: Int?) in tell.yield("none \(value == nil)") }
                Handle(.global("service/values/float")) { (value: Double) in tell.yield("float \(value)") }
                Handle(.global("service/values/small")) { (value: Double) in tell.yield("small \(value)") }
                Handle(.global("service/values/int")) { (value: Int) in tell.yield("int \(value)") }
                Handle(.global("service/values/umlaut")) { (text: String) in tell.yield("umlaut \(text)") }
                Handle(.global("service/values/dict")) { (value: Members) in
                    tell.yield("dict \(value.x) \(value.y) \(value.z == nil) \(value.on)")
                }
                Handle(.global("service/values/list")) { (value: Martlet.JSON) in tell.yield("list \(value)") }
                Handle(.global("service/values/json")) { (value: [String: Double]) in tell.yield("json \(value)") }
                Handle(.global("service/values/tree/#")) { (text: String, rest: String) in
                    tell.yield("tree \(rest) \(text)")
                }
                Handle(.global("service/+/kept")) { (text: Received<String>) in tell.yield("kept \(text.value)") }
                Handle(.global("service/values/changed")) { (value: Int) in tell.yield("changed \(value)") }
                Handle(.global("service/values/aged")) { (value: Int) in tell.yield("aged \(value)") }
                Handle(.global("values/global")) { (text: String) in tell.yield("global \(text)") }
            }
            try await node.whileRunning {
                try await service.publish("", to: .global("service/values/go"))
                var all: [String] = []
                while all.count < 20, let text = await seen.first(where: { _ in true }) { all.append(text) }
                #expect(
                    all.sorted() == [
                        "aged 1", "aged 2", "changed 1", "changed 2", "dict 1.2346 [1.0, 2.0] true true", "false false",
                        "float 3.1416", "global x", "int 42", "json [\"answer\": 42.01]", "kept kept",
                        "list [1,\"a\"]", "none true", "small 0.0", "text bar", "tree a/b 1", "tree a/c [1, 2.5556]",
                        "tree d ", "true true", "umlaut Grüße, 日本",
                    ]
                )
            }
            // What it publishes itself is what miqro does, but for spaces in JSON and zeros behind a point.
            let theirs = try await bodies(of: "values", link) {
                try await service.publish("", to: .global("service/values/go"))
            }
            let own = try await bodies(of: "asker", link) {
                try await service.publish("bar", to: "text")
                try await service.publish(true, to: "true")
                try await service.publish(false, to: "false")
                try await service.publish(nil as Int?, to: "none")
                try await service.publish(3.14159265, to: "float")
                try await service.publish(42, to: "int")
                try await service.publish("Grüße, 日本", to: "umlaut")
                let dict: Martlet.JSON = ["x": 1.23456, "y": [1, 2.0], "z": .null, "on": true]
                try await service.publish(dict, to: "dict")
                let list: Martlet.JSON = [1.00004, "a"]
                try await service.publish(list, to: "list")
                try await service.publish(["answer": 42.01], to: "json")
                let tree: Martlet.JSON = ["a": ["b": true, "c": [1, 2.55555]], "d": .null]
                try await service.publish(membersOf: tree, to: "tree")
                try await service.publish("end", to: "end")
            }
            for (topic, text) in own {
                let other = try #require(theirs[topic], "\(topic)")
                let isJSON = text.hasPrefix("{") || text.hasPrefix("[")
                #expect(
                    isJSON ? try Martlet.JSON(parsing: text) == Martlet.JSON(parsing: other) : text == other,
                    "\(topic)"
                )
            }
            #expect(own.count == 14)
            // The broker has kept one of them.
            await wait(try await texts(link, "service/values/kept"), for: "service/values/kept=kept")
            miqro.send(signal: SIGKILL)
            await wait(try await texts(link, "service/values/online"), for: "service/values/online=0")
            await link.close()
        }
    }

    /// What a service publishes until it publishes `end`, by the rest of the topic.
    private func bodies(of name: String, _ link: MQTTConnection, _ body: () async throws -> Void) async throws
        -> [String: String]
    {
        let texts = try await texts(link, "service/\(name)/#")
        try await body()
        var bodies: [String: String] = [:]
        for await text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let topic = parts[0].dropFirst("service/\(name)/".count)
            guard topic != "go", topic != "online", topic != "kept" else { continue }
            bodies[String(topic)] = String(parts[1])
            if topic == "end" { break }
        }
        return bodies
    }

    @Test func `is understood by their handlers`() async throws {
        try await MosquittoServer.withServer { server in
            let link = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let service = ServiceContext(name: "asker", connection: link, settings: NoSettings())
            let listener = try await startMiqro("listener", server.port)
            // It says that it is online before it listens.
            while !listener.output.contains("ready") {
                try await service.publish("ready", to: .global("service/listener/plain"))
                try await Task.sleep(for: .milliseconds(50))
            }
            try await service.publish("Grüße", to: .global("service/listener/plain"))
            try await service.publish(true, to: .global("service/listener/plain"))
            try await service.publish(21.56789, to: .global("service/listener/plain"))
            try await service.publish(nil as Int?, to: .global("service/listener/plain"))
            try await service.publish(
                "hello",
                to: .global("service/listener/sms/send/0049/170")
            )
            struct Members: Codable { var x: Double; var y: [Int] }
            try await service.publish(Members(x: 1.5, y: [1, 2]), to: .global("service/listener/members"))
            try await service.publish(21.5, to: .global("radio/temperature"), guarantee: .atLeastOnce)
            for value in [1, 1, 2] { try await service.publish(value, to: "speed/wind", changes: .onlyIfChanged) }
            try await service.publish("end", to: "end", guarantee: .atLeastOnce)
            try await listener.waitForOutput("\"end\"")
            #expect(
                listener.lines.filter { !$0.contains("ready") } == [
                    #"["plain", "Gr\u00fc\u00dfe"]"#, #"["plain", "1"]"#, #"["plain", "21.5679"]"#, #"["plain", ""]"#,
                    #"["sms", "hello", "0049/170"]"#, #"["members", 1.5, [1, 2]]"#, #"["temperature", "21.5"]"#,
                    #"["asker", "1", "speed/wind"]"#, #"["asker", "2", "speed/wind"]"#, #"["asker", "end", "end"]"#,
                ]
            )
            await link.close()
        }
    }

    @Test func `takes the place of one, and Home Assistant sees no difference`() async throws {
        try await MosquittoServer.withServer { server in
            let link = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let miqro = try await startMiqro("house", server.port)
            let device = "homeassistant/device/house_Green-house/config"
            let alone = "homeassistant/sensor/house__sensor_Alone/config"
            let theirs = try await (document(link, device), document(link, alone))
            try await link.publish(Message("on"), to: TopicName(mqtt: "service/house/pump/set"))
            try await miqro.waitForOutput(#"["pump", "on"]"#)
            miqro.send(signal: SIGTERM)
            _ = try await miqro.waitForEnd()
            await wait(try await texts(link, "service/house/online"), for: "service/house/online=0")

            let states = try await texts(link, "service/house/pump")
            let documents = try await link.subscribe(to: TopicPattern(mqtt: "homeassistant/#"))
            let house = try ProgramUnderTest.start(
                ["--start", "house", "--config", settings(server.port)],
                environment: ["STATE_DIRECTORY": folder.path]
            )
            await wait(try await texts(link, "service/house/online"), for: "service/house/online=1")
            var own: [String: Martlet.JSON] = [:]
            while own.count < 2, let delivery = try await documents.next() {
                guard !delivery.isRetained else { continue }
                own[delivery.topic.mqtt] = try Martlet.JSON(parsing: delivery.message.text ?? "")
            }
            // All but the name of what announces it.
            var (expected, found) = (theirs.0, try #require(own[device]))
            for key in Set(expected["components"]?.object?.keys ?? [:].keys).union(
                found["components"]?.object?.keys ?? [:].keys
            ) {
                #expect(found["components", .key(key)] == expected["components", .key(key)], "\(key)")
            }
            #expect(expected["origin", "name"] == "MIQRO service house")
            #expect(found["origin", "name"] == "Martlet service house")
            expected["origin"] = nil
            found["origin"] = nil
            #expect(found == expected)
            // Home Assistant alone reads these: it makes neither an ID nor a topic of the two that miqro does not say here.
            var sensor = try #require(own[alone])
            #expect(DiscoveryRules.complaints(of: alone, sensor) == [])
            for key in ["origin", "availability"] {
                #expect(sensor[key] != nil && theirs.1[key] == nil)
                sensor[key] = nil
            }
            #expect(sensor == theirs.1)
            #expect(DiscoveryRules.complaints(of: device, try #require(own[device])) == [])

            try await link.publish(Message("on"), to: TopicName(mqtt: "service/house/pump/set"))
            await wait(states, for: "service/house/pump=on")
            house.send(signal: SIGTERM)
            #expect(try await house.waitForEnd() == .exited(0))
            await link.close()
        }
    }

    private func document(_ link: MQTTConnection, _ topic: String) async throws -> Martlet.JSON {
        let delivery = try await link.subscribe(to: TopicPattern(mqtt: topic)).first { _ in true }
        return try Martlet.JSON(parsing: #require(delivery?.message.text))
    }
}
