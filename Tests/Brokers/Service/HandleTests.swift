import Martlet
import MartletService
import Synchronization
import Testing

@Suite("A service's handler")
struct HandleTests {
    /// What handlers get of some messages, each with its topic.
    private func handled(
        _ messages: [(topic: String, text: String)],
        count: Int? = nil,
        by components: @escaping @Sendable (@escaping @Sendable (String) -> Void) -> [any Component]
    ) async throws -> [String] {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let sender = try await broker.connect()
        let (texts, tell) = AsyncStream.makeStream(of: String.self)
        let node = Node(
            "gadget",
            on: connection,
            options: NodeOptions(heartbeat: nil, base: TopicName(mqtt: "service/gadget"))
        ) {
            components { tell.yield($0) }
        }
        let result = try await node.whileRunning {
            for (topic, text) in messages { try await sender.publish(Message(text), to: TopicName(mqtt: topic)) }
            var result: [String] = []
            for await text in texts {
                result.append(text)
                if result.count == count ?? messages.count { break }
            }
            return result
        }
        await connection.close()
        await sender.close()
        return result
    }

    @Test func `gets values below the service's base`() async throws {
        let texts = [("service/gadget/power", "on"), ("power", "off"), ("service/gadget/power", "0")]
        let result = try await handled(texts, count: 2) { tell in
            [Handle("power") { (isOn: Bool) in tell("\(isOn)") }]
        }
        #expect(result == ["true", "false"])
    }

    @Test func `gets text as it is, numbers, nothing, and members`() async throws {
        struct Pair: Codable, Sendable { var a: Int; var b: Int? }
        let texts = [("text", "42"), ("number", "42.5"), ("nothing", ""), ("pair", "{\"a\": 1}")]
        let result = try await handled(texts.map { ("service/gadget/" + $0.0, $0.1) }) { tell in
            [
                Handle("text") { (text: String) in tell("text \(text)") },
                Handle("number") { (number: Double) in tell("number \(number)") },
                Handle("nothing") { (number: Int?) in tell("nothing \(number == nil)") },
                Handle("pair") { (pair: Pair) in tell("pair \(pair.a)") },
            ]
        }
        #expect(Set(result) == ["text 42", "number 42.5", "nothing true", "pair 1"])
    }

    @Test(arguments: [("sms/send/#", "+49/1"), ("sms.send.#", "+49.1")])
    func `gets the rest of the topic in the form of its own`(topic: String, rest: String) async throws {
        let texts = [("service/gadget/sms/send/+49/1", "a"), ("service/gadget/sms/send", "b")]
            .map { ($0.0.replacing("+", with: "%2B"), $0.1) }
        let result = try await handled(texts) { tell in
            [Handle(ServiceTopic(topic)) { (text: String, rest: String) in tell("\(text)=\(rest)") }]
        }
        #expect(result == ["a=\(rest.replacing("+", with: topic.contains("/") ? "%2B" : "+"))", "b="])
    }

    @Test func `gets what is published elsewhere, if it is global`() async throws {
        let texts = [("radio/north/temperature", "21.5"), ("radio/devices/TPMS/7", "flat")]
        let result = try await handled(texts) { tell in
            [
                Handle(.global("radio/+/temperature")) { (reading: Received<Double>) in
                    tell("\(reading.topic.mqtt) \(reading.value)")
                },
                Handle(.global("radio/devices/TPMS/#")) { (text: String, sensor: String) in tell("\(sensor) \(text)") },
            ]
        }
        #expect(Set(result) == ["radio/north/temperature 21.5", "7 flat"])
    }

    @Test func `goes on after an error and a value that can't be read`() async throws {
        struct Refusal: Error {}
        let texts = ["1", "x", "2", "3"].map { ("service/gadget/number", $0) }
        let result = try await handled(texts, count: 2) { tell in
            [
                Handle("number") { (number: Int) in
                    if number == 2 { throw Refusal() }
                    tell("\(number)")
                }
            ]
        }
        #expect(result == ["1", "3"])
    }

    @Test func `refuses what is no topic before anything runs`() throws {
        #expect(throws: MessagingError.self) { try Handle("a/b+") { (_: String) in }.validate() }
        #expect(throws: MessagingError.self) { try Handle("#/a") { (_: String) in }.validate() }
    }
}
