import IntegrationSupport
import Martlet
import MartletMQTT
import MartletService
import MartletTesting
import Testing

@Suite("A service's context", .timeLimit(.minutes(5)))
struct PublishingTests {
    struct Point: Codable, Sendable {
        var x = 1.23456
        var y: [Double] = [1, 2]
    }

    typealias Context = ServiceContext<MemoryConnection, NoSettings>

    /// What a body publishes, topic and text in their order.
    private func published(_ body: (Context) async throws -> Void) async throws -> [String] {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let listener = try await broker.connect()
        let deliveries = try await listener.subscribe(to: TopicPattern("#"))
        try await body(Context(name: "gadget", connection: connection, settings: NoSettings()))
        try await connection.publish(Message("end"), to: "end")
        var texts: [String] = []
        for try await delivery in deliveries {
            guard delivery.topic != "end" else { break }
            texts.append("\(delivery.topic.mqtt)=\(String(decoding: delivery.message.body, as: UTF8.self))")
        }
        await connection.close()
        await listener.close()
        return texts
    }

    @Test func `publishes values as miqro does`() async throws {
        let texts = try await published { service in
            try await service.publish("bar", to: "a")
            try await service.publish(true, to: "a")
            try await service.publish(false, to: "a")
            try await service.publish(nil as Int?, to: "a")
            try await service.publish(3.14159, to: "a")
            try await service.publish(42, to: "a")
            try await service.publish(Point(), to: "a")
            try await service.publish([1.00004, 2], to: "a")
        }
        #expect(
            texts
                == ["bar", "1", "0", "", "3.1416", "42", "{\"x\":1.2346,\"y\":[1,2]}", "[1,2]"].map {
                    "service/gadget/a=\($0)"
                }
        )
    }

    @Test func `publishes any value as JSON, on request`() async throws {
        let texts = try await published { service in
            try await service.publish(json: "bar \"1.23456\"", to: "a")
            try await service.publish(json: true, to: "a")
            try await service.publish(json: nil as Int?, to: "a")
            try await service.publish(json: 3.14159, to: "a")
            try await service.publish(json: Point(), to: .global("b"))
            #expect(try await service.publish(json: ["x"], to: "c", changes: .onlyIfChanged))
            #expect(try await !service.publish(json: ["x"], to: "c", changes: .onlyIfChanged))
        }
        let values = ["\"bar \\\"1.23456\\\"\"", "true", "null", "3.1416"].map { "service/gadget/a=\($0)" }
        #expect(texts == values + ["b={\"x\":1.2346,\"y\":[1,2]}", "service/gadget/c=[\"x\"]"])
    }

    @Test func `publishes below its base, and elsewhere`() async throws {
        let texts = try await published { service in
            try await service.publish(1, to: "a/b")
            try await service.publish(2, to: "a.b")
            try await service.publish(3, to: .global("house/alive"))
            try await service.publish(4, to: .global("house.alive"))
        }
        #expect(texts == ["service/gadget/a/b=1", "service/gadget/a/b=2", "house/alive=3", "house/alive=4"])
    }

    @Test func `publishes members on topics of their own`() async throws {
        let texts = try await published { service in
            let count = try await service.publish(membersOf: ["answer": 42.01, "b": 1], to: "foo")
            #expect(count == 2)
            let json: Martlet.JSON = ["a": ["b": true, "c": [1, 2.55555]], "d": .null]
            try await service.publish(membersOf: json)
            try await service.publish(membersOf: ["e": "x"], to: .global("tree"))
        }
        #expect(
            texts == [
                "service/gadget/foo/answer=42.01", "service/gadget/foo/b=1", "service/gadget/a/b=1",
                "service/gadget/a/c=[1,2.5556]", "service/gadget/d=", "tree/e=x",
            ]
        )
    }

    @Test func `publishes changes only, by topic`() async throws {
        let texts = try await published { service in
            for value in [1.00001, 1.00002, 2, 1] {
                try await service.publish(value, to: "a", changes: .onlyIfChanged)
            }
            #expect(try await service.publish(1, to: "b", changes: .onlyIfChanged))
            #expect(try await !service.publish(1, to: "b", changes: .onlyIfChanged))
            #expect(try await !service.publish(1, to: "b", changes: .onlyIfChanged(maximumAge: .seconds(600))))
            #expect(try await service.publish(1, to: "b", changes: .onlyIfChanged(maximumAge: .zero)))
            #expect(try await service.publish(1, to: "b"))
            #expect(try await service.publish(membersOf: ["a": 1, "b": 3], changes: .onlyIfChanged) == 1)
        }
        let values = ["a=1", "a=2", "a=1", "b=1", "b=1", "b=1", "b=3"]
        #expect(texts == values.map { "service/gadget/\($0)" })
    }

    @Test func `rounds to as many decimals as it is told`() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let values = try await connection.subscribe(to: TopicPattern("#"))
        let service = Context(name: "gadget", connection: connection, settings: NoSettings(), decimals: 1)
        try await service.publish(3.14159, to: "a")
        try await service.publish(Point(), to: "a")
        #expect(try await values.next()?.message.text == "3.1")
        #expect(try await values.next()?.message.text == "{\"x\":1.2,\"y\":[1,2]}")
        await connection.close()
    }

    @Test func `retains on request`() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let service = Context(name: "gadget", base: "house.gadget", connection: connection, settings: NoSettings())
        try await service.publish(21.5, to: "temperature", retain: true, guarantee: .atLeastOnce)
        let later = try await broker.connect()
        let values = try await later.subscribe(to: Topic<Double>("house.gadget.temperature"), codec: PlainText())
        for try await value in values {
            #expect(value.value == 21.5)
            break
        }
        await connection.close()
        await later.close()
    }

    /// As a program of mosquitto's gets it that comes later.
    @Test func `has values kept, and sent as surely, as it is told`() async throws {
        let server = try await MosquittoServer.shared()
        let name = "gadget-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        let link = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
        let service = ServiceContext(name: name, connection: link, settings: NoSettings())
        let guarantees: [Guarantee] = [.atMostOnce, .atLeastOnce, .exactlyOnce]
        for (quality, guarantee) in guarantees.enumerated() {
            try await service.publish(quality, to: ServiceTopic("text\(quality)"), retain: true, guarantee: guarantee)
            try await service.publish(
                json: quality,
                to: ServiceTopic("json\(quality)"),
                retain: true,
                guarantee: guarantee
            )
            let members = ["member\(quality)": quality]
            try await service.publish(membersOf: members, retain: true, guarantee: guarantee)
        }
        await link.close()
        let output = try await Program.run(
            Program.find("mosquitto_sub", package: "mosquitto-clients"),
            ["-p", "\(server.port)", "-q", "2", "-t", "service/\(name)/+", "-F", "%q %r %t", "-C", "9", "-W", "60"]
        )
        let expected = (0...2).flatMap { quality in
            ["json", "member", "text"].map { "\(quality) 1 service/\(name)/\($0)\(quality)" }
        }
        #expect(output.split(separator: "\n").sorted() == expected.map { $0[...] })
    }

    @Test func `does not count as published what had no link`() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let service = Context(name: "gadget", connection: connection, settings: NoSettings())
        await connection.close()
        #expect(try await !service.publish(1, to: "a", changes: .onlyIfChanged))
    }
}
