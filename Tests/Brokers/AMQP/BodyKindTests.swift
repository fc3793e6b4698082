import IntegrationSupport
import Martlet
import Testing

@testable import MartletAMQP

/// What is published says what it is, so that clients of other libraries know how to read it.
@Suite(.timeLimit(.minutes(10))) struct BodyKindTests {
    private struct Value: Codable, Sendable {
        var number = 1
        var text = "é"
    }

    private struct Reversal: BodyTransform {
        func outgoing(_ bytes: [UInt8]) throws -> [UInt8] { bytes.reversed() }
        func incoming(_ bytes: [UInt8]) throws -> [UInt8] { bytes.reversed() }
    }

    /// The content type and encoding of what one connection publishes.
    private func kind(
        _ configure: (inout AMQPOptions) -> Void = { _ in },
        _ publish: (AMQPConnection, TopicName) async throws -> Void
    ) async throws -> [String?] {
        let port = try await RabbitMQServer.shared().port
        return try await withAMQP(port: port, configure) { broker in
            let topic = TopicName(unique("kind"))
            let queue = try await broker.declare(AMQPQueue("", isDurable: false, isExclusive: true))
            try await broker.bindQueue(AMQPBinding(from: "amq.topic", to: queue.name, routingKey: topic.text))
            try await publish(broker, topic)
            return try await broker.withChannel { channel in
                let properties = try #require(try await channel.consume(from: queue.name).next()).message.properties
                return [properties.contentType, properties.contentEncoding]
            }
        }
    }

    @Test func valuesSayThatTheyAreJSON() async throws {
        let plain = try await kind { try await $0.publish(Value(), to: Topic<Value>($1)) }
        #expect(plain == ["application/json", "utf-8"])
        let enveloped = try await kind {
            $0.connection.format = .envelope
        } _: {
            try await $0.publish(Message("x", headers: [Headers.Standard.contentType: "text/plain"]), to: $1)
        }
        #expect(enveloped == ["application/json", "utf-8"])
    }

    @Test func valuesInMessagePackSayThatTheyAreBinary() async throws {
        let packed = try await kind {
            $0.connection.codecs = Codecs(writer: MessagePackCodec())
        } _: {
            try await $0.publish(Value(), to: Topic<Value>($1))
        }
        #expect(packed == ["application/msgpack", "binary"])
    }

    @Test func othersSayWhatIsKnownOfThem() async throws {
        let unknown = try await kind { try await $0.publish(Message("no JSON"), to: $1) }
        #expect(unknown == [nil, nil])
        let text = try await kind {
            try await $0.publish(Message("é", headers: [Headers.Standard.contentType: "text/plain"]), to: $1)
        }
        #expect(text == ["text/plain", "utf-8"])
        let latin = try await kind {
            let headers: Headers = [Headers.Standard.contentType: "text/plain; charset=latin1"]
            try await $0.publish(Message([0xE9], headers: headers), to: $1)
        }
        #expect(latin == ["text/plain; charset=latin1", nil])
        let changed = try await kind {
            $0.connection.transforms = [Reversal()]
        } _: {
            try await $0.publish(Value(), to: Topic<Value>($1))
        }
        #expect(changed == [nil, "binary"])
    }
}
