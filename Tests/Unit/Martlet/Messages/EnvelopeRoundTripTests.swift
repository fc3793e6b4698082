import MartletTesting
import Testing

@testable import Martlet

/// Whatever the message, what comes out of an envelope is what went in.
@Suite struct EnvelopeRoundTripTests {
    private static let names = [
        "reply-to", "correlation-id", "timestamp", "content-type", "message-id", "timeout", "error-code", "stream-end",
        "content_type", "content_encoding", "reply_to", "header", "properties", "base64", "value", "", "é", "a\"b\\c\n",
    ]
    private static let texts = [
        "", "json", "application/json", "text/plain", "base64", "none", "x", "\u{0}\u{1F}\u{7F}", "\"\\/", "é😀\u{2028}",
        "{\"header\":{},\"data\":1}", "null", "1", "1.5", "a somewhat longer text that fits in no small string",
    ]
    private static let numbers = [
        0.0, -0.0, 1, 1.5, 1e16, 1e300, .infinity, -.infinity, .leastNonzeroMagnitude, .pi, 1e21, -7,
    ]
    private static let bodies = [
        "", "{}", "null", "[]", "1", "\"\"", "-0.5e+7", "{\"a\":[{\"b\":\"\\u00e9\\\\\"}]}", "[NaN,-Infinity]", "x",
        "{", "\u{FEFF}1",
        "{\"header\":{\"reply_to\":\"x\"},\"data\":1}", "é", "\"é😀\"", "1 2", "nul",
    ]

    private func value(_ random: inout SplitMix64) -> HeaderValue {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: .integer(Int64(truncatingIfNeeded: random.next()) >> Int64.random(in: 0..<64, using: &random))
        case 1: .double(Self.numbers.randomElement(using: &random) ?? 0)
        case 2: .double(Double(bitPattern: random.next() & ~(1 << 62)))
        case 3: .boolean(Bool.random(using: &random))
        case 4: .bytes(bytes(&random))
        default: .string(Self.texts.randomElement(using: &random) ?? "")
        }
    }

    private func bytes(_ random: inout SplitMix64) -> [UInt8] {
        (0..<Int.random(in: 0...9, using: &random)).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    private func message(_ random: inout SplitMix64) -> Message {
        let isText = Int.random(in: 0..<4, using: &random) > 0
        var message = isText ? Message(Self.bodies.randomElement(using: &random) ?? "") : Message(bytes(&random))
        // White space around JSON is not kept.
        while let last = message.body.last, last <= 0x20 { message.body.removeLast() }
        while let first = message.body.first, first <= 0x20 { message.body.removeFirst() }
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            message.headers[Self.names.randomElement(using: &random) ?? ""] = value(&random)
        }
        return message
    }

    @Test(.onOneThread, arguments: 0..<4 as Range<UInt64>)
    func everyMessage(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<2_000 {
            let message = message(&random)
            for use in [Envelope.Use.call, .publication] {
                let bytes = Envelope.wrap(message, for: use, now: 7)
                var expected = message
                if message.headers["timestamp"] == nil { expected.headers.timestamp = 7 }
                let read = try #require(Envelope.unwrap(bytes, from: use))
                #expect(read == expected, "\(String(decoding: bytes, as: UTF8.self))")
                #expect(JSONScanner.isValue(bytes))
                if read != expected { return }
            }
        }
    }

    @Test func notANumber() throws {
        let bytes = Envelope.wrap(Message("1", headers: ["x": .double(.nan)]), for: .call)
        let read = try #require(Envelope.unwrap(bytes, from: .call)?.headers["x"])
        guard case .double(let number) = read else {
            Issue.record("it is \(read)")
            return
        }
        #expect(number.isNaN)
    }

    @Test func manyHeaders() throws {
        var message = Message("1")
        for number in 0..<100 { message.headers["h\(number)"] = .integer(Int64(number)) }
        message.headers.timestamp = 1
        let read = try #require(Envelope.unwrap(Envelope.wrap(message, for: .publication), from: .publication))
        #expect(read == message)
    }

    /// In text that is JSON, as a string of many escapes, and in base64.
    @Test(.onOneThread, .timeLimit(.minutes(10)), arguments: ["JSON", "escapes", "bytes"])
    func largeBodies(kind: String) throws {
        var message = Message(headers: ["timestamp": 1])
        switch kind {
        case "JSON": message.body = [0x22] + [UInt8](repeating: 0x61, count: 16 << 20) + [0x22]
        case "escapes": message.body = [0x22] + Array(repeatElement([0x5C, 0x6E], count: 1 << 19).joined()) + [0x22]
        default: message.body = [UInt8](repeating: 0xFF, count: 1 << 20)
        }
        let read = try #require(Envelope.unwrap(Envelope.wrap(message, for: .call), from: .call))
        #expect(read == message)
    }
}
