import Testing

@testable import MartletRelay

/// What the algorithm of the HTML standard makes of a stream, however it is cut into pieces.
@Suite(.timeLimit(.minutes(5))) struct EventParserTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let stream: [UInt8]
        let events: [ServerEvent]
        var lastID = ""
        var retry: Duration?

        var testDescription: String { name }

        init(
            _ name: String,
            _ stream: String,
            _ events: [(type: String, data: String, id: String)],
            lastID: String = "",
            retry: Duration? = nil
        ) {
            self.init(name, Array(stream.utf8), events, lastID: lastID, retry: retry)
        }

        init(
            _ name: String,
            _ stream: [UInt8],
            _ events: [(type: String, data: String, id: String)],
            lastID: String = "",
            retry: Duration? = nil
        ) {
            (self.name, self.stream, self.lastID, self.retry) = (name, stream, lastID, retry)
            self.events = events.map { ServerEvent(type: $0.type, data: $0.data, id: $0.id) }
        }
    }

    static let cases: [Case] = [
        Case("one event", "data: a\n\n", [("message", "a", "")]),
        Case("lines", "data: a\ndata: b\ndata\ndata:c\n\n", [("message", "a\nb\n\nc", "")]),
        Case(
            "line ends of three kinds",
            "data: a\r\rdata: b\r\n\r\ndata: c\n\n",
            [
                ("message", "a", ""), ("message", "b", ""), ("message", "c", ""),
            ]
        ),
        Case(
            "kinds of line ends mixed",
            "data: a\r\n\rdata: b\n\r\ndata: c\r\n\n",
            [
                ("message", "a", ""), ("message", "b", ""), ("message", "c", ""),
            ]
        ),
        Case("a type, for one event", "event: add\ndata: 1\n\ndata: 2\n\n", [("add", "1", ""), ("message", "2", "")]),
        Case("an empty type", "event:\ndata: 1\n\n", [("message", "1", "")]),
        Case(
            "an ID, for all that follow",
            "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
            [
                ("message", "a", "1"), ("message", "b", "1"), ("message", "c", ""),
            ]
        ),
        Case("an ID alone", "data: a\n\nid: 7\n\n", [("message", "a", "")], lastID: "7"),
        Case(
            "an ID of an event that does not end",
            "id: 1\ndata: a\n\nid: 2\ndata: b\n",
            [("message", "a", "1")],
            lastID: "1"
        ),
        Case("an ID with a NUL", "id: 1\n\nid: a\0b\ndata: x\n\n", [("message", "x", "1")], lastID: "1"),
        Case("one space goes", "data:  a \n\ndata:\tb\n\n", [("message", " a ", ""), ("message", "\tb", "")]),
        Case("a colon in the value", "data: a: b\n\n", [("message", "a: b", "")]),
        Case("comments", ": hello\n:\ndata: a\n: b\n\n:\n\n", [("message", "a", "")]),
        Case("fields that nobody knows", "foo: 1\nDATA: 2\n data: 3\ndata: 4\n\n", [("message", "4", "")]),
        Case("no data", "event: add\n\n\n\ndata: a\n\n", [("message", "a", "")]),
        Case("empty data", "data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        Case("a mark at the beginning", "\u{FEFF}data: a\n\n\u{FEFF}data: b\n\n", [("message", "a", "")]),
        Case("what only begins like a mark", [0xEF, 0xBB] + Array("x\ndata: a\n\n".utf8), [("message", "a", "")]),
        Case("half a mark", [0xEF] + Array("data: a\n\ndata: b\n\n".utf8), [("message", "b", "")]),
        Case(
            "letters of several bytes",
            "data: h\u{e9}llo \u{1F600} \u{2028}\n\n",
            [("message", "h\u{e9}llo \u{1F600} \u{2028}", "")]
        ),
        Case(
            "bytes that are no UTF-8",
            Array("data: ".utf8) + [0xFF, 0xC3] + Array("\n\n".utf8),
            [
                ("message", "\u{FFFD}\u{FFFD}", "")
            ]
        ),
        Case("a time", "retry: 1500\n\nretry: x\nretry: -1\nretry:\nretry: 1 \n\n", [], retry: .milliseconds(1_500)),
        Case("a time beyond all numbers", "retry: 99999999999999999999999\n\n", [], retry: .seconds(86_400)),
        Case("an event that does not end", "data: a\n\ndata: b\n", [("message", "a", "")]),
        Case("nothing", "", []),
    ]

    @Test(arguments: cases) func cutsMakeNoDifference(_ example: Case) {
        func check(_ pieces: [ArraySlice<UInt8>], _ cut: String) {
            var parser = EventParser()
            let events = pieces.flatMap { parser.read($0) }
            #expect(events == example.events, "\(cut)")
            if !example.lastID.isEmpty { #expect(parser.lastEventID == example.lastID, "\(cut)") }
            #expect(parser.reconnectionTime == example.retry, "\(cut)")
        }
        let bytes = example.stream
        for cut in 0...bytes.count { check([bytes[..<cut], bytes[cut...]], "cut at \(cut)") }
        check(bytes.indices.map { bytes[$0...$0] }, "each byte by itself")
    }

    @Test func anEventThatIsTooLargeIsLeftOut() {
        var parser = EventParser(maximumBytes: 20)
        let large = String(repeating: "x", count: 100)
        for text in ["data: \(large)\nid: 1\ndata: more\n\n", "data: 1234567890\ndata: 1234567890\nid: 2\n\n"] {
            #expect(parser.read(text.utf8).isEmpty)
        }
        #expect(parser.skipped == 2)
        #expect(parser.lastEventID == "2")
        #expect(parser.read("data: a\n\n".utf8) == [ServerEvent(type: "message", data: "a", id: "2")])
    }

    @Test func timeGrowsWithTheBytesAlone() {
        var parser = EventParser(maximumBytes: 64 << 20)
        let piece = Array("data: 0123456789\n".utf8)
        // One event of 6 MB in pieces: whoever looks through all of it again for each does not come to an end.
        for _ in 0..<400_000 { #expect(parser.read(piece).isEmpty) }
        #expect(parser.read("\n".utf8).first?.data.utf8.count == 400_000 * 11 - 1)
    }
}
