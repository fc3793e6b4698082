import MartletTesting
import Testing

@testable import Martlet

/// What no peer means to send has an outcome all the same, in time that grows with its size and no faster.
@Suite struct EnvelopeHostilityTests {
    @Test(.onOneThread, arguments: 0..<4 as Range<UInt64>)
    func mutatedEnvelopesNeverTrap(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let headers: Headers = [
            "reply-to": "r", "correlation-id": "c\n", "a": 1, "b": 1.5, "c": .bytes([1, 2]), "d": .double(.infinity),
            "content_type": "x",
        ]
        let originals = [
            Array(EnvelopeTests.request.utf8), Array(EnvelopeTests.reply.utf8),
            Envelope.wrap(Message("[\"\\u00e9\",{\"k\":-1.5e3}]", headers: headers), for: .publication),
            Envelope.wrap(Message([0, 1, 2, 255], headers: headers), for: .call),
        ]
        let characters = Array(#"{}[]:,"\u0e-.tn/="#.utf8)
        #if DEBUG
        let rounds = 10_000
        #else
        let rounds = 250_000
        #endif
        var unwrapped = 0
        for _ in 0..<rounds {
            var bytes = originals.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
                case 1: bytes.insert(characters.randomElement(using: &random) ?? 0, at: index)
                case 2: bytes.remove(at: index)
                case 3: bytes.removeLast(min(bytes.count - 1, Int.random(in: 0...8, using: &random)))
                default: bytes[index] = characters.randomElement(using: &random) ?? 0
                }
            }
            let call = Envelope.unwrap(bytes, from: .call)
            let publication = Envelope.unwrap(bytes, from: .publication)
            if call != nil { unwrapped += 1 }
            // What is taken for an envelope where none is expected is one where it is.
            if let publication, publication != call { Issue.record("\(String(decoding: bytes, as: UTF8.self))") }
            // And what was taken out goes in again.
            if let call, let again = Envelope.unwrap(Envelope.wrap(call, for: .call, now: 0), from: .call) {
                if again.body != call.body { Issue.record("\(String(decoding: bytes, as: UTF8.self))") }
            }
        }
        #expect(unwrapped > rounds / 20)
    }

    private static let large = 50_000

    /// Any of them would take minutes if each part cost the time of all before it.
    @Test(.onOneThread, .timeLimit(.minutes(10)), arguments: 0..<9)
    func largeEnvelopesTakeTimeInProportion(kind: Int) {
        func repeated(_ text: (Int) -> String) -> String { (0..<Self.large).map(text).joined(separator: ",") }
        let text: String
        var headers = 1
        switch kind {
        case 0:
            text = #"{"header":{"reply_to":"x","properties":{\#(repeated { "\"k\($0)\":\($0)" })}},"data":1}"#
            headers += Self.large
        case 1:
            text = #"{"header":{"reply_to":"x","properties":{\#(repeated { _ in "\"k\":1" })}},"data":1}"#
            headers += 1
        case 2: text = #"{"header":{\#(repeated { _ in "\"reply_to\":\"x\"" })},"data":1}"#
        case 3: text = #"{\#(repeated { _ in #""header":{"reply_to":"x"},"data":1"# })}"#
        case 4:
            text =
                #"{"header":{"reply_to":"x","properties":{"n":\#(String(repeating: "9", count: Self.large * 10))}},"data":1}"#
        case 5:
            let escapes = String(repeating: #"\u0061"#, count: Self.large)
            text = #"{"header":{"reply_to":"x","\#(escapes)":"\#(escapes)"},"data":1}"#
        case 6:
            text = #"{"header":{"reply_to":"x"},"data":\#(String(repeating: " ", count: Self.large * 10))1}"#
        case 7:
            text = #"{"header":{"properties":{"b":{\#(repeated { _ in "\"value\":true" })}},"reply_to":"x"},"data":1}"#
            headers += 1
        default:
            text = #"{"header":{"reply_to":"x"},"data":[\#(repeated { _ in "[[[[]]]]" })]}"#
        }
        let message = Envelope.unwrap(Array(text.utf8), from: .publication)
        #expect(message?.headers.count == headers)
    }
}
