import Testing

@testable import Martlet

@Suite struct EnvelopeTests {
    static let request = #"""
        {"header":{"reply_to":"rpc-ff62bf64dcd2417e82cd16fba18d1911","correlation_id":null,"timestamp":1795225731391319550,
         "content_type":"json","encoding":"utf8","agent":"commlib"},"data":{"a":0,"b":2}}
        """#
    static let reply = #"""
        {"header":{"reply_to":"","correlation_id":null,"timestamp":1795225731393077075,"content_type":"json","encoding":"utf8",
         "agent":"commlib"},"data":{"c":2}}
        """#

    private func unwrap(_ text: String, from use: Envelope.Use = .call) -> Message? {
        Envelope.unwrap(Array(text.utf8), from: use)
    }

    private func wrapped(_ message: Message, for use: Envelope.Use = .call, replyTo: String? = nil) -> String {
        String(decoding: Envelope.wrap(message, for: use, replyTo: replyTo, now: 5), as: UTF8.self)
    }

    // MARK: What Python peers send

    @Test(arguments: [Envelope.Use.call, .publication])
    func capturedRequest(use: Envelope.Use) throws {
        let message = try #require(unwrap(Self.request, from: use))
        #expect(message.text == #"{"a":0,"b":2}"#)
        #expect(message.headers.replyTo == "rpc-ff62bf64dcd2417e82cd16fba18d1911")
        #expect(message.headers.timestamp == 1_795_225_731_391_319_550)
        #expect(message.headers.count == 2)
    }

    @Test(arguments: [Envelope.Use.call, .publication])
    func capturedReply(use: Envelope.Use) throws {
        let message = try #require(unwrap(Self.reply, from: use))
        #expect(message.text == #"{"c":2}"#)
        #expect(message.headers == ["timestamp": 1_795_225_731_393_077_075])
    }

    /// The form of the older documentation, with the values that it shows.
    @Test func olderForm() throws {
        let text = #"""
            {"data": {"x": 1}, "header": {"timestamp": 1700000000000000001, "reply_to": "q",
             "properties": {"content_type": "application/json", "content_encoding": "utf8"}}}
            """#
        let message = try #require(unwrap(text, from: .publication))
        #expect(message.text == #"{"x": 1}"#)
        #expect(message.headers == ["timestamp": 1_700_000_000_000_000_001, "reply-to": "q"])
        let published = text.replacing(#""reply_to": "q","#, with: "")
        #expect(unwrap(published, from: .publication)?.headers == ["timestamp": 1_700_000_000_000_000_001])
        let other = published.replacing("application/json", with: "application/x-msgpack")
        #expect(unwrap(other, from: .publication)?.headers.contentType == "application/x-msgpack")
    }

    @Test(arguments: [
        // orjson, ujson, the standard library
        #"{"header":{"reply_to":"é/x"},"data":{"t":"é/"}}"#,
        #"{"header":{"reply_to":"\u00e9\/x"},"data":{"t":"\u00e9\/"}}"#,
        #"{"header": {"reply_to": "\u00e9/x"}, "data": {"t": "\u00e9/"}}"#,
        "\n{ \"data\"\t:\r{\"t\":\"é/\"} , \"header\" : { \"reply_to\" : \"\\u00E9/x\" } }\n",
        #"{"h\u0065ader":{"reply\u005fto":"é/x"},"dat\u0061":{"t":"é/"}}"#,
    ])
    func dialects(text: String) throws {
        for use in [Envelope.Use.call, .publication] {
            let message = try #require(unwrap(text, from: use))
            #expect(message.headers == ["reply-to": "é/x"])
            let value: [String: String] = try Codecs().value(of: message)
            #expect(value == ["t": "é/"])
        }
    }

    @Test(arguments: ["NaN", "-Infinity", "[Infinity,NaN]", "1e999", "123456789012345678901234567890", "\"\\ud800\""])
    func bodiesThatOnlySomeReadersTake(body: String) {
        #expect(unwrap(#"{"header":{"reply_to":"x"},"data":\#(body)}"#)?.text == body)
    }

    @Test func pairsOfSurrogatesAndHalves() {
        #expect(unwrap(#"{"header":{"reply_to":"\ud83d\uDE00"},"data":1}"#)?.headers.replyTo == "😀")
        #expect(unwrap(#"{"header":{"reply_to":"a\ud83dz"},"data":1}"#)?.headers.replyTo == "a\u{FFFD}z")
        #expect(unwrap(#"{"header":{"reply_to":"\ude00\ud83d"},"data":1}"#)?.headers.replyTo == "\u{FFFD}\u{FFFD}")
        #expect(
            unwrap(#"{"header":{"reply_to":"\ud83d\u0041\b\f\n\r\t\"\\\/"},"data":1}"#)?.headers.replyTo
                == "\u{FFFD}A\u{8}\u{C}\n\r\t\"\\/"
        )
    }

    @Test func lastOfKeysCounts() throws {
        let text = #"""
            {"header":{"reply_to":"a"},"data":1,"header":{"timestamp":1,"timestamp":2,"reply_to":"b","reply_to":null,
             "properties":{"k":1},"properties":{"l":1,"l":2}},"data":3}
            """#
        let message = try #require(unwrap(text, from: .publication))
        #expect(message.text == "3")
        #expect(message.headers == ["timestamp": 2, "l": 2])
    }

    @Test(
        arguments: [
            (#""timestamp":1795225731.5"#, 1_795_225_731_500_000_000),
            (#""timestamp":1.7952257315e9"#, 1_795_225_731_500_000_000),
            (#""timestamp":1.5e18"#, 1_500_000_000_000_000_000), (#""timestamp":-1"#, -1), (#""timestamp":null"#, nil),
            (#""timestamp":99999999999999999999"#, nil), (#""timestamp":1e300"#, nil), (#""timestamp":NaN"#, nil),
            (#""timestamp":9223372036854775807"#, .max), (#""timestamp":-9223372036854775808"#, .min),
        ] as [(String, Int64?)]
    )
    func times(field: String, nanoseconds: Int64?) {
        let message = unwrap(#"{"header":{"reply_to":"x",\#(field)},"data":1}"#)
        #expect(message != nil)
        #expect(message?.headers.timestamp == nanoseconds)
    }

    @Test(
        arguments: [
            (#""id""#, "id"), ("12", "12"), ("-7", "-7"), ("null", nil), (#""""#, nil), ("1.5", nil), ("[]", nil),
        ] as [(String, String?)]
    )
    func correlationIDs(value: String, id: String?) {
        let message = unwrap(#"{"header":{"correlation_id":\#(value)},"data":1}"#)
        #expect(message != nil)
        #expect(message?.headers.correlationID == id)
    }

    // MARK: What counts as an envelope

    /// Among them everything that Python peers send without one.
    @Test(arguments: [
        "", " ", "1", "null", "[]", "{}", "hello", #"{"a":1}"#, #"{"ts":1795225863654250850}"#,
        #"{"range":3.25,"name":"x","extra":[1,2,{"z":null}]}"#,
        #"{"header":{"msg_id":7,"node_id":"n1","agent":"commlib-py","timestamp":1,"properties":{"a":1}},"payload":{"open":false}}"#,
        #"{"header":{"msg_id":7,"node_id":"n1","agent":"commlib-py","timestamp":1,"properties":{"a":1}},"data":{"open":false}}"#,
        #"{"name":"door","uri":"a.b","description":"","data":{}}"#,
        #"{"data":"aGk=","filename":"f","encoding":"base64"}"#,
        #"{"goal_id":"1","status":4}"#, #"{"msg":"Goal Started","status":0,"goal_id":"1","goal_data":{}}"#,
        #"{"status":0,"timestamp":-1,"goal_id":"","error":"Cannot make the transition - Goal 1 is running!"}"#,
        #"{"task_id":"1","queue_name":"q","priority":3,"status":1,"ttl":null,"task_data":{}}"#,
        #"{"x": 1.2346, "y": [1, 2.0], "z": null}"#, #"{"body": 1, "__end__": false}"#,
        // an application's own
        #"{"header":{"seq":1,"stamp":2,"frame_id":"f"},"data":[1,2]}"#, #"{"header":{"timestamp":1},"data":1}"#,
        #"{"header":{"properties":{}},"data":1}"#, #"{"header":{},"data":1}"#, #"{"header":"title","data":1}"#,
        #"{"header":{"content_type":"image/png","encoding":"base64"},"data":"iVBO"}"#,
        #"{"header":{"reply_to":"x"},"data":1,"more":2}"#, #"{"header":{"reply_to":"x"}}"#, #"{"data":1}"#,
        #"{"header":{"reply_to":5},"data":1}"#, #"{"header":{"timestamp":"now","properties":{}},"data":1}"#,
        #"{"header":{"timestamp":1,"properties":[]},"data":1}"#,
        #"{"header":{"reply_to":"x","agent":1},"data":1}"#,
    ])
    func plainPublications(text: String) {
        #expect(unwrap(text, from: .publication) == nil)
        #expect(!Envelope.isNeeded(for: Message(text)))
    }

    @Test(arguments: [
        #"{"header":{},"data":{}}"#, #"{"header":null,"data":{}}"#, #"{"header":[1],"data":{}}"#,
        #"{"header":{"reply_to":5,"timestamp":"x","content_type":1,"encoding":[],"properties":7},"data":{}}"#,
        #"{"extra":[{}],"header":{"agent":{"a":[]},"new":1},"data":{},"header":{}}"#,
        #"{"header":{"properties":{"a":null,"b":[],"c":{},"d":{"base64":"?"},"e":{"x":{}},"f":{"value":[]}}},"data":{}}"#,
        #"{"header":{"properties":{"g":{"value":5,"unit":"m"},"h":{"base64":5},"i":{"value":{"x":1}}}},"data":{}}"#,
    ])
    func callsNeedOnlyHeaderAndData(text: String) {
        #expect(unwrap(text) == Message("{}"))
        #expect(unwrap(text, from: .publication) == nil)
    }

    @Test(arguments: [
        "", "{", "{}", "1", #"{"data":{}}"#, #"{"header":{}}"#, #"{"header":{},"data":}"#, #"{"header":{},"data":{}"#,
        #"{"header":{},"data":{}}}"#, #"{"header":{},"data":{},}"#, #"{"header":{},"data":{"a"}}"#,
        #"{"header":{"a":01},"data":{}}"#, #"{"header":{,},"data":{}}"#,
        #"{"header":{"properties":{"a":{"b"}}},"data":{}}"#,
        #"{"header" {},"data":{}}"#, #"{header:{},"data":{}}"#, #"{"header":{},"data":'x'}"#,
        "\u{FEFF}{\"header\":{},\"data\":1}",
        #"[{"header":{},"data":{}}]"#, #"{"header":nul,"data":{}}"#, "{\"header\":{},\"data\":\"\n\"}",
    ])
    func brokenJSONIsNoEnvelope(text: String) {
        #expect(unwrap(text) == nil)
    }

    @Test func invalidUTF8IsNoEnvelope() {
        #expect(
            Envelope.unwrap(Array(#"{"header":{},"data":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8), from: .call)
                == nil
        )
    }

    // MARK: What is written

    @Test func writtenRequest() {
        let message = Message(
            #"{"a":0,"b":2}"#,
            headers: ["reply-to": "rpc-1", "timestamp": 1_795_225_731_391_319_550]
        )
        let fields = #""timestamp":1795225731391319550,"content_type":"json","encoding":"utf8","agent":"martlet""#
        #expect(
            wrapped(message)
                == #"{"header":{"reply_to":"rpc-1","correlation_id":null,\#(fields)},"data":{"a":0,"b":2}}"#
        )
        let own = #""header":{"reply_to":"amq.rabbitmq.reply-to","correlation_id":null,"#
        #expect(wrapped(message, replyTo: "amq.rabbitmq.reply-to").contains(own))
    }

    @Test func writtenPublication() {
        let message = Message("[1]", headers: ["hop": 1, "content_type": "x"])
        #expect(
            wrapped(message, for: .publication)
                == #"{"header":{"reply_to":"","correlation_id":null,"timestamp":5,"content_type":"json","encoding":"utf8","#
                + #""agent":"martlet","properties":{"content_type":"application/json","content_encoding":"utf8","hop":1,"#
                + #""content_type":{"value":"x"}}},"data":[1]}"#
        )
    }

    /// A Python client sees an empty object; it does not look for the rest.
    @Test func errorsAreHeaders() throws {
        let error = MessagingError.reply(for: MessagingError(.refused, "no \"way\""))
        let text = wrapped(error)
        #expect(text.hasSuffix(#""properties":{"error-code":"refused","error-message":"no \"way\""}},"data":null}"#))
        let read = try #require(unwrap(text))
        #expect(MessagingError(read.headers)?.message == "no \"way\"")
        #expect(read.body.isEmpty)
    }

    @Test(arguments: [
        (Message(), #""data":{}}"#), (Message("{}"), #""data":{}}"#), (Message("null"), #""data":null}"#),
        (Message([0xFF, 0]), #""data":"/wA="}"#), (Message("x"), #""data":"eA=="}"#),
        (Message("{} {}"), #""data":"e30ge30="}"#), (Message("[1,NaN]"), #""data":[1,NaN]}"#),
        (Message("1", headers: ["content-type": "text/plain"]), #""data":"MQ=="}"#),
        (Message("1", headers: ["content-type": "application/json; charset=utf-8"]), #""data":1}"#),
        (Message("1", headers: ["content-type": "application/problem+JSON"]), #""data":1}"#),
        (Message("{", headers: ["content-type": "application/json"]), #""data":"ew=="}"#),
    ])
    func bodies(message: Message, end: String) throws {
        for use in [Envelope.Use.call, .publication] {
            let text = wrapped(message, for: use)
            #expect(text.hasSuffix(end))
            var read = try #require(unwrap(text, from: use))
            read.headers.timestamp = nil
            #expect(read == message)
        }
    }

    @Test func onlyWhiteSpaceAroundABodyIsLost() {
        #expect(unwrap(wrapped(Message(" \n[1, 2]\t ")))?.text == "[1, 2]")
    }

    @Test(arguments: [
        (#""encoding":"base64""#, #""aGk=""#, "hi"), (#""encoding":"base64""#, #""\u0061Gk=""#, "hi"),
        (#""encoding":"base64""#, #""aGk""#, #""aGk""#), (#""encoding":"base64""#, "{}", "{}"),
        (#""encoding":"none""#, "{}", ""), (#""encoding":"none""#, "[]", "[]"), (#""encoding":"none""#, "{ }", "{ }"),
        (#""encoding":"utf8","properties":{"content_encoding":"base64"}"#, #""aGk=""#, #""aGk=""#),
        (#""properties":{"content_encoding":"base64"}"#, #""aGk=""#, "hi"), (#""encoding":"\ud800""#, "1", "1"),
    ])
    func encodings(field: String, data: String, body: String) {
        #expect(unwrap(#"{"header":{\#(field)},"data":\#(data)}"#)?.text == body)
    }

    @Test func whatLooksLikeAnEnvelopeNeedsOne() throws {
        let body = #"{"header":{"reply_to":"x"},"data":1}"#
        #expect(Envelope.isNeeded(for: Message(body)))
        #expect(Envelope.isNeeded(for: Message("1", headers: ["a": 1])))
        let read = try #require(unwrap(wrapped(Message(body), for: .publication), from: .publication))
        #expect(read.text == body)
    }
}
