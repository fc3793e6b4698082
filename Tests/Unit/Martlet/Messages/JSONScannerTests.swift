import Foundation
import MartletTesting
import Testing

@testable import Martlet

@Suite struct JSONScannerTests {
    private func isValue(_ text: String) -> Bool { JSONScanner.isValue(Array(text.utf8)) }

    @Test(arguments: [
        "0", "-0", "12", "-1.5", "1e5", "1E+5", "1.0e-10", "true", "false", "null", "NaN", "Infinity", "-Infinity",
        "\"\"",
        " 1 ", "\t\n\r []", "[]", "[ ]", "{}", "{ }", "[1,2]", "{\"a\":1}", "{\"a\":{\"b\":[[],{}]},\"c\":[]}",
        "\"\\u00e9\\/\"", "\"é😀\u{7F}\"",
    ])
    func values(text: String) {
        #expect(isValue(text))
    }

    @Test(arguments: [
        "", " ", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "--1", "-NaN", "tru", "nulll", "nan", "infinity",
        "\"", "\"\\\"", "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\u{0}\"", "'a'", "[", "]", "[1", "[1,]", "[,1]", "[1 2]", "{", "}",
        "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{1:2}", "{\"a\" 1}", "[}", "{]", "[1}", "{\"a\":1]", "1 2", "[]]", "\u{FEFF}1", "\u{0}", "1\u{0}", "\u{A0}1",
        "[1:2]", "{\"a\",1}",
    ])
    func others(text: String) {
        #expect(!isValue(text))
    }

    /// Unicode, table 3-7, at its edges.
    @Test func onlyUTF8() {
        let good: [[UInt8]] = [
            [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBF],
            [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
        ]
        let bad: [[UInt8]] = [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0xBF], [0xE1, 0x80],
            [0xE1, 0x80, 0x41],
            [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
            [0xF1, 0x80, 0x80], [0xF1, 0x80, 0x80, 0xC0],
        ]
        for bytes in good { #expect(JSONScanner.isValue([0x22] + bytes + [0x22]), "\(bytes)") }
        for bytes in bad {
            #expect(!JSONScanner.isValue([0x22] + bytes + [0x22]), "\(bytes)")
            #expect(!JSONScanner.isValue([0x22] + bytes), "\(bytes)")
        }
    }

    @Test(arguments: [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")])
    func depthIsBounded(opening: String, closing: String) {
        let levels = opening.count { $0 == "[" || $0 == "{" }
        let deepest = JSONScanner.maximumDepth / levels
        func nested(_ count: Int) -> String {
            String(repeating: opening, count: count) + "1" + String(repeating: closing, count: count)
        }
        #expect(isValue(nested(deepest)))
        #expect(!isValue(nested(deepest + 1)))
        #expect(!isValue(nested(1_000_000)))
        #expect(!isValue(String(repeating: opening, count: 1_000_000)))
        // A body that is nested too deeply to be JSON is bytes.
        let body = Message(nested(deepest + 1))
        #expect(Envelope.unwrap(Envelope.wrap(body, for: .call), from: .call)?.body == body.body)
    }

    @Test func wideIsNotDeep() {
        #expect(isValue("[" + repeatElement("[{\"a\":[]}]", count: 10_000).joined(separator: ",") + "]"))
    }

    /// Foundation's parser and this one agree on what is JSON, but for what this one takes on purpose.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func agreesWithFoundation(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var valid = 0
        for _ in 0..<3_000 {
            var text = randomJSON(depth: 0, &random)
            if Bool.random(using: &random) { mutate(&text, &random) }
            let foundation = (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)) != nil
            if foundation { valid += 1 }
            if isDisputed(text) { continue }
            #expect(JSONScanner.isValue(text) == foundation, "\(String(decoding: text, as: UTF8.self))")
        }
        #expect((1_500..<2_900).contains(valid))
    }

    /// Foundation refuses half of a surrogate pair, which the grammar allows, and takes `[1,]`, which it does not.
    private func isDisputed(_ text: [UInt8]) -> Bool {
        let text = String(decoding: text, as: UTF8.self).lowercased().filter { !$0.isWhitespace }
        return [",]", "\\ud8", "\\ud9", "\\uda", "\\udb", "\\udc", "\\udd", "\\ude", "\\udf"].contains {
            text.contains($0)
        }
    }

    private static let scalars = [
        "0", "-0", "17", "-2.5", "1e3", "2E-2", "true", "false", "null", "\"\"", "\"a\"", "\"\\u00e9\\n\\/\"", "\"é😀\"",
        "\"\\ud83d\\ude00\"",
    ]

    private func randomJSON(depth: Int, _ random: inout SplitMix64) -> [UInt8] {
        let space = Array((["", "", "", " ", "\n\t"].randomElement(using: &random) ?? "").utf8)
        let count = Int.random(in: 0...3, using: &random)
        switch Int.random(in: 0..<(depth < 5 ? 5 : 2), using: &random) {
        case 0, 1:
            return space + Array((Self.scalars.randomElement(using: &random) ?? "0").utf8) + space
        case 2, 3:
            let elements = (0..<count).map { _ in randomJSON(depth: depth + 1, &random) }
            return space + [0x5B] + space + Array(elements.joined(separator: [0x2C])) + [0x5D] + space
        default:
            let members = (0..<count).map { number in
                space + Array("\"k\(number)\"".utf8) + space + [0x3A] + randomJSON(depth: depth + 1, &random)
            }
            return space + [0x7B] + space + Array(members.joined(separator: [0x2C])) + [0x7D] + space
        }
    }

    private func mutate(_ text: inout [UInt8], _ random: inout SplitMix64) {
        let alphabet = Array(#" {}[]:,"\0123456789.eE+-truefalsnd/"#.utf8) + [0x0A, 0x1F, 0x7F, 0x80, 0xC3, 0xE9, 0xFF]
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let byte = alphabet.randomElement(using: &random) ?? 0x20
            let index = Int.random(in: 0..<max(1, text.count), using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: text.insert(byte, at: index)
            case 1 where !text.isEmpty: text.remove(at: index)
            default: if !text.isEmpty { text[index] = byte }
            }
        }
    }
}
