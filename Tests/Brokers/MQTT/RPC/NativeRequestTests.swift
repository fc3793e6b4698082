import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// What is asked as MQTT 5 has it, by a response topic and correlation data, is answered in the same way (4.10.1).
@Suite(.timeLimit(.minutes(10))) struct NativeRequestTests {
    private struct Number: Codable, Sendable { var a: Int }

    private static func request(_ body: String, _ responseTopic: String, _ correlation: [UInt8]?) -> RawPeer.Packet {
        let data = correlation.map { [0x09] + RawPeer.number($0.count) + $0 } ?? []
        let properties = [0x08] + RawPeer.text(responseTopic) + data
        return .init(
            head: 0x30,
            body: RawPeer.text("svc/double") + [UInt8(properties.count)] + properties + Array(body.utf8)
        )
    }

    /// Runs a responder, and returns the answers to requests.
    private func answers(to requests: [RawPeer.Packet]) async throws -> [RawPeer.Packet] {
        let answers = Recorder<RawPeer.Packet>()
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            for _ in 0..<2 { try await peer.grant(try await peer.receive(kind: 8), .v5) }
            for request in requests {
                try await peer.send(request)
                answers.record(try await peer.receive(kind: 3))
            }
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await connection.respond(to: RPC<Number, Int>("svc.double")) { number in
                            guard number.a >= 0 else { throw MessagingError(.refused, "it is negative") }
                            return number.a * 2
                        }
                    }
                    try await answers.wait(for: requests.count)
                    group.cancelAll()
                }
            }
        }
        return answers.values
    }

    @Test(arguments: ["my/answers", "my.answers", "answers", "/a.b//c"], [Array("c1".utf8), [0xff, 0x00], nil])
    func itsAnswerIsBare(_ topic: String, _ correlation: [UInt8]?) async throws {
        let answer = try #require(try await answers(to: [Self.request(#"{"a":21}"#, topic, correlation)]).first)
        #expect(answer.topic == topic)
        #expect(answer.body.suffix(2) == Array("42".utf8)[...])
        let data = correlation.map { [0x09] + RawPeer.number($0.count) + $0 } ?? []
        let expected = [0x03] + RawPeer.text("application/json") + data
        let properties = answer.body.dropFirst(2 + topic.utf8.count).dropLast(2)
        #expect(properties.count == 1 + expected.count)
        #expect(properties.dropFirst().sorted() == expected.sorted(), "in any order: \(properties)")
    }

    @Test func anErrorIsInUserProperties() async throws {
        let answer = try #require(try await answers(to: [Self.request(#"{"a":-1}"#, "my/answers", [7])]).first)
        let text = String(decoding: answer.body, as: UTF8.self)
        #expect(text.contains("error-code\u{0}\u{7}refused"), "\(answer.body)")
        #expect(text.contains("error-message"))
        #expect(text.contains("it is negative"))
        #expect(!text.contains("{"))
    }

    @Test func whatCameInAnEnvelopeIsAnsweredInOne() async throws {
        let body = #"{"header":{"reply_to":"my/answers","timestamp":1,"properties":{}},"data":{"a":21}}"#
        let request = RawPeer.Packet(head: 0x30, body: RawPeer.text("svc/double") + [0] + Array(body.utf8))
        let answer = try #require(try await answers(to: [request]).first)
        #expect(answer.topic == "my/answers")
        let text = String(decoding: answer.body, as: UTF8.self)
        #expect(text.contains(#""data":42"#) && text.contains(#""header""#), "\(text)")
    }
}
