import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct CodecsTests {
    struct Sonar: Codable, Sendable, Equatable {
        var distance: Double
        var name: String
        var extra: Int?
    }

    /// Bytes as they are; the least that a codec can be.
    struct Reversed: Codec {
        var contentType: String { "text/reversed" }
        func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] { try JSONCodec().encode(value).reversed() }
        func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
            try JSONCodec().decode(type, from: bytes.reversed())
        }
    }

    @Test func roundTrip() throws {
        let codecs = Codecs()
        let value = Sonar(distance: 3.25, name: "front/é", extra: nil)
        let message = try codecs.message(value)
        #expect(message.headers.contentType == nil)
        #expect(message.text == #"{"distance":3.25,"name":"front/é"}"#)
        #expect(try codecs.value(of: message) == value)
    }

    @Test func unknownKeysAreIgnored() throws {
        let value: Sonar = try Codecs().value(of: Message(#"{"name":"x","distance":1,"what":[1,{}]}"#))
        #expect(value == Sonar(distance: 1, name: "x"))
    }

    @Test func contentTypesChooseTheCodec() throws {
        let codecs = Codecs(writer: Reversed())
        let message = try codecs.message([1, 2])
        #expect(message.headers.contentType == "text/reversed")
        #expect(try codecs.value([Int].self, of: message) == [1, 2])
        #expect(try codecs.value([Int].self, of: Message("[3]")) == [3])
        let json = Message("[4]", headers: ["content-type": "Application/JSON; charset=utf-8"])
        #expect(try codecs.value([Int].self, of: json) == [4])
        #expect(try Codecs(readers: [Reversed()]).value([Int].self, of: message) == [1, 2])
    }

    /// RFC 6839, section 3.1, and names that are older than it.
    @Test(arguments: [
        "application/cloudevents+json", "application/vnd.masstransit+json", "application/vnd.x+json; charset=UTF-8",
        "application/senml+json", "text/json", "application/x-json", "json", "", " ", "JSON", "application/json;a=b",
    ])
    func jsonHasManyNames(type: String) throws {
        let message = Message("[4]", headers: ["content-type": .string(type)])
        #expect(try Codecs().value([Int].self, of: message) == [4])
        #expect(try Codecs(writer: Reversed()).value([Int].self, of: message) == [4])
    }

    @Test(arguments: ["application/jsonx", "text/plain", "json/x", "+jsonp", "application/json-seq"])
    func othersAreNotJSON(type: String) {
        let error = #expect(throws: MessagingError.self) {
            try Codecs().value([Int].self, of: Message("[4]", headers: ["content-type": .string(type)]))
        }
        #expect(error?.code == .unsupportedContentType)
    }

    @Test func unknownContentTypesAreErrors() {
        let error = #expect(throws: MessagingError.self) {
            try Codecs().value([Int].self, of: Message("[]", headers: ["content-type": "application/cbor"]))
        }
        #expect(error?.code == .unsupportedContentType)
        #expect(error?.message.contains("application/cbor") == true)
    }

    @Test(arguments: ["", "{", "nul", "[1,]", "{\"a\":1}", "\u{0}", "[[[[[[", "\"\\ud800\"", "1e999"])
    func malformedBodiesAreErrors(text: String) {
        let error = #expect(throws: MessagingError.self) { try Codecs().value(Sonar.self, of: Message(text)) }
        #expect(error?.code == .decodingFailed)
    }

    @Test(arguments: [
        (#"{"name":"secret","distance":"secret"}"#, #""distance" is no"#),
        (#"{"name":"secret"}"#, #"no key "distance""#),
        (#"{"name":"secret","distance":null}"#, #""distance" has no"#), (#"{"name":secret}"#, "it is malformed"),
    ])
    func decodingErrorsSayWhereAndNotWhat(text: String, reason: String) {
        let error = #expect(throws: MessagingError.self) { try Codecs().value(Sonar.self, of: Message(text)) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("secret") == false)
    }

    /// Whatever bytes arrive, decoding them returns or throws.
    @Test(.onOneThread) func mutatedBodiesNeverTrap() throws {
        var random = SplitMix64(seed: 7)
        let good = try Codecs().message(Sonar(distance: 1.5, name: "front", extra: 3)).body
        for _ in 0..<20_000 {
            var body = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<body.count, using: &random)
                body[index] = UInt8.random(in: .min ... .max, using: &random)
            }
            if Bool.random(using: &random) { body.removeLast(Int.random(in: 0..<body.count, using: &random)) }
            _ = try? Codecs().value(Sonar.self, of: Message(body))
        }
    }

    @Test func whatJSONCantSayIsAnEncodingError() {
        let error = #expect(throws: MessagingError.self) { try Codecs().message(Double.nan) }
        #expect(error?.code == .encodingFailed)
    }
}
