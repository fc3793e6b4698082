import Martlet
import MartletConsole
import Testing

@testable import MartletCommand

@Suite("Output of martlet", .timeLimit(.minutes(10)))
struct OutputTests {
    private func compact(_ text: String) -> String? {
        JSONBody.compact(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("JSON on one line keeps its numbers, its order and its strings")
    func compacts() {
        #expect(
            compact(" {\"b\" : [ 1.50 ,\n\t-2e3 ], \"a\":\" x : \\\" y \"} ") == #"{"b":[1.50,-2e3],"a":" x : \" y "}"#
        )
        #expect(compact("[NaN, Infinity,-Infinity, -1, true, null]") == "[null,null,null,-1,true,null]")
        #expect(compact("\"NaN\"") == "\"NaN\"")
        #expect(compact("{") == nil)
        #expect(compact("") == nil)
        #expect(compact("1 2") == nil)
    }

    @Test("JSON for people is spaced, painted, and can't move the cursor")
    func paints() {
        let plain = TextStyle(isUsed: false)
        func painted(_ text: String) -> String { JSONBody.painted(Array(text.utf8), style: plain) }
        #expect(painted(#"{"a":1,"b":[true,"x"]}"#) == #"{"a": 1, "b": [true, "x"]}"#)
        #expect(painted("\"\u{9B}2J\u{202E}\u{2028}é\u{E0001}\"") == #""\u009b2J\u202e\u2028é\udb40\udc01""#)
        let colours = JSONBody.painted(Array(#"{"a":1}"#.utf8), style: TextStyle(isUsed: true))
        #expect(colours == "{\u{1B}[34m\"a\"\u{1B}[39m: \u{1B}[33m1\u{1B}[39m}")
    }

    @Test("the tokens of what is no JSON end, too")
    func survivesAnything() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let alphabet = Array("{}[]:,\"\\ntfI-N01e \n".utf8)
            let bytes = (0..<20).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            var tokens = JSONTokens(bytes)
            var count = 0
            while let token = tokens.next() {
                #expect(!token.range.isEmpty)
                count += 1
            }
            #expect(count <= bytes.count)
        }
    }

    @Test("a message is an object with what came")
    func writesMessages() {
        let message = Message(
            "{\"a\": 1}",
            headers: ["text": "a\"b", "number": 7, "half": 0.5, "yes": true, "bytes": .bytes([255])]
        )
        let delivery = Delivery(topic: "a.b", message: message, redeliveries: 2, isRetained: true)
        let line = String(decoding: JSONObject(delivery, at: Moment(nanoseconds: 0)).line, as: UTF8.self)
        #expect(
            line == #"{"topic":"a.b","body":{"a":1},"headers":{"text":"a\"b","number":7,"half":0.5,"yes":true,"#
                + #""bytes":"/w=="},"time":"1970-01-01T00:00:00.000Z","retained":true,"redeliveries":2}"# + "\n"
        )
    }

    @Test("times are in UTC, to the millisecond")
    func writesTimes() {
        #expect(Moment(nanoseconds: 1_795_225_731_391_319_550).timestamp == "2026-11-21T01:48:51.391Z")
        #expect(Moment(nanoseconds: 951_782_399_999_999_999).timestamp == "2000-02-28T23:59:59.999Z")
        #expect(Moment(nanoseconds: -1).timestamp == "1969-12-31T23:59:59.999Z")
    }

    @Test("lines are found wherever the pieces end")
    func splitsLines() {
        let text = Array("one\r\n\ntwo\nthree".utf8)
        for size in 1...text.count {
            var splitter = LineSplitter()
            var lines: [[UInt8]] = []
            for start in stride(from: 0, to: text.count, by: size) {
                lines += splitter.lines(adding: Array(text[start..<min(text.count, start + size)])) ?? []
            }
            lines += splitter.last().map { [$0] } ?? []
            #expect(lines.map { String(decoding: $0, as: UTF8.self) } == ["one", "", "two", "three"])
        }
        var endless = LineSplitter()
        #expect(endless.lines(adding: Array(repeating: 65, count: LineSplitter.limit)) == [])
        #expect(endless.lines(adding: [65]) == nil)
    }

    @Test("any JSON goes through the value that the command keeps of it")
    func keepsJSON() throws {
        for text in [
            "null", "true", "-9223372036854775808", "18446744073709551615", "0.5", "\"a\"", #"{"a":[1,{"b":null}]}"#,
        ] {
            let value = try JSON(parsing: Array(text.utf8))
            #expect(String(decoding: value.bytes, as: UTF8.self) == text)
        }
        #expect(throws: MessagingError.self) { try JSON(parsing: Array("{".utf8)) }
    }
}
