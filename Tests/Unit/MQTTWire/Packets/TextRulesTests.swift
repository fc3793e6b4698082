import MartletMQTTWire
import MartletTesting
import Testing

@Suite struct TextRulesTests {
    /// The same as the standard library takes for UTF-8, but for U+0000.
    // MQTT 5: 1.5.4-1.
    // MQTT 3.1.1: 1.5.3-1.
    @Test func utf8IsWhatSwiftTakesForIt() {
        var random = SplitMix64(seed: 3)
        let likely: [UInt8] = [
            0x41, 0x7F, 0x80, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF, 0x9F, 0xA0,
        ]
        for _ in 0..<200_000 {
            let bytes = (0..<Int.random(in: 0...5, using: &random)).map { _ in likely.randomElement(using: &random) ?? 0
            }
            let isText = String(validating: bytes, as: UTF8.self) != nil
            #expect((TextRules.check(bytes.span.bytes) != .malformed) == isText, "\(bytes)")
        }
    }

    // MQTT 5: 1.5.4-2, 1.5.4-3, 4.7.3-2.
    // MQTT 3.1.1: 1.5.3-2, 1.5.3-3, 4.7.3-2.
    @Test(arguments: [
        0, 0x1F, 0x20, 0x7E, 0x7F, 0x9F, 0xA0, 0xE9, 0xFDD0, 0xFDEF, 0xFDF0, 0xFEFF, 0xFFFE, 0x1F600, 0x1FFFF,
    ])
    func charactersThatShouldNotBe(_ code: UInt32) throws {
        let text = "a\(try #require(Unicode.Scalar(code)))"
        let expected: TextRules.Verdict =
            switch code {
            case 0: .malformed
            case 0x1F, 0x7F, 0x9F, 0xFDD0, 0xFDEF, 0xFFFE, 0x1FFFF: .discouraged
            default: .fine
            }
        #expect(TextRules.check(Array(text.utf8).span.bytes) == expected)
    }

    @Test(arguments: [
        ("$share/g/a/+", "g", "a/+"), ("$share/g//", "g", "/"), ("$shared/x", nil, "$shared/x"),
        ("a/+/#", nil, "a/+/#"),
        ("//", nil, "//"), ("$SYS/#", nil, "$SYS/#"),
    ])
    func filters(_ text: String, _ group: String?, _ filter: String) {
        let read = SharedFilter(text)
        #expect(read?.group == group)
        #expect(read?.filter == filter)
    }

    // MQTT 5: 4.7.1-1, 4.7.1-2, 4.7.3-1, 4.8.2-1, 4.8.2-2.
    // MQTT 3.1.1: 4.7.1-2, 4.7.1-3, 4.7.3-1.
    @Test(arguments: [
        "", "$share", "$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/#/a", "a#", "#/a", "+a",
    ])
    func whatIsNoFilter(_ text: String) {
        #expect(SharedFilter(text) == nil)
    }
}
