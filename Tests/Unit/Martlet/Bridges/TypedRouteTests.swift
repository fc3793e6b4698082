import Martlet
import MartletTesting
import Testing

/// Routes that let through only what their contracts say.
@Suite(.timeLimit(.minutes(10))) struct TypedRouteTests {
    private struct Reading: Codable, Sendable, Equatable { var celsius: Double }
    private struct Pair: Codable, Sendable { var a: Int, b: Int }

    @Test func valuesAreWrittenAsTheSinkWrites() async throws {
        let (brokerA, brokerB) = (MemoryBroker(), MemoryBroker())
        let source = try await brokerA.connect()
        let sink = try await brokerB.connect(options: ConnectionOptions(codecs: Codecs(writer: MessagePackCodec())))
        let publisher = try await brokerA.connect()
        let heard = try await brokerB.connect().subscribe(to: "#")
        let bridge = Bridge(from: source, to: sink) { Forward(TopicFilter<Reading>("sensors.#"), as: "there.{rest}") }
        try await bridge.whileRunning {
            for text in ["41", #"{"celsius":"warm"}"#, "", "{"] {
                try await publisher.publish(Message(text), to: "sensors.a")
            }
            try await publisher.publish(Message(#"{ "celsius": 21.5, "other": 1 }"#), to: "sensors.b")
            let delivery = try #require(try await heard.next())
            #expect(delivery.topic == "there.b")
            #expect(delivery.message.headers.contentType == "application/msgpack")
            #expect(try MessagePackCodec().decode(Reading.self, from: delivery.message.body) == Reading(celsius: 21.5))
        }
        let statistics = try #require(bridge.reports.first).statistics
        #expect(statistics.received == 5)
        #expect(statistics.forwarded == 1)
    }

    @Test func whatIsNoSuchValueIsADeadLetterOfItsQueue() async throws {
        let fixture = try await BridgeFixture()
        let arrived = try await fixture.b.consume(from: "jobs")
        let options = RouteOptions(deadLetters: "jobs.dead")
        try await fixture.bridge { Forward(queue: Queue<Reading>("jobs"), options: options) }.whileRunning {
            try await fixture.a.send(Message("41"), to: "jobs")
            try await fixture.a.send(Message(#"{"celsius":1}"#), to: "jobs")
            #expect(try await arrived.texts(1) == [#"{"celsius":1}"#])
            await until { fixture.brokerA.queue("jobs")?.waiting == 0 }
        }
        let dead = try await fixture.a.consume(from: "jobs.dead")
        #expect(try await dead.texts(1) == ["41"])
    }

    @Test func aRequestThatIsNoneIsAnsweredByTheBridge() async throws {
        let fixture = try await BridgeFixture()
        let add = RPC<Pair, Int>("ops.add")
        let count = StreamingRPC<Pair, Int>("ops.count")
        let served = Recorder<Void>()
        let responder = Node("there", on: fixture.b, options: NodeOptions(heartbeat: nil)) {
            Respond(to: add) { pair in
                served.signal()
                return pair.a + pair.b
            }
            Respond(to: count) { pair, writer in
                served.signal()
                for number in pair.a..<pair.b { try await writer.write(number) }
            }
        }
        let bridge = fixture.bridge {
            ForwardCalls(add)
            ForwardCalls(count)
        }
        try await responder.whileRunning {
            try await bridge.whileRunning {
                let sum = try await fixture.a.call(add, Pair(a: 1, b: 2))
                #expect(sum == 3)
                for body in [JSON.integer(41), ["a": 1], ["a": "1", "b": 2]] {
                    let code = await errorCode { _ = try await fixture.a.call(RPC<JSON, Int>(add.name), body) }
                    #expect(code == .decodingFailed, "\(body)")
                    let streamed = await errorCode {
                        for try await _ in try await fixture.a.stream(StreamingRPC<JSON, Int>(count.name), body) {}
                    }
                    #expect(streamed == .decodingFailed, "\(body)")
                }
                #expect(served.values.count == 1)
                // An untyped route does not look.
                #expect(bridge.reports[0].statistics.received == 4)
                #expect(bridge.reports[0].statistics.lost == 3)
                #expect(bridge.reports[0].statistics.forwarded == 1)
            }
        }
    }
}
