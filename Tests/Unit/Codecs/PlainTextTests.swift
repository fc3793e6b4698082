import Foundation
import Martlet
import Testing

/// Values as plain text.
@Suite(.timeLimit(.minutes(10))) struct PlainTextTests {
    private func text(_ value: some Encodable, decimals: Int = 4) throws -> String {
        String(decoding: try PlainText(decimals: decimals).encode(value), as: UTF8.self)
    }

    private func value<Value: Decodable>(_ text: String, as _: Value.Type = Value.self) throws -> Value {
        try PlainText().decode(Value.self, from: Array(text.utf8))
    }

    private enum Power: String, Codable { case on = "ON", off = "OFF" }
    private enum Level: Int, Codable { case low = 1, high = 2 }
    private struct Reading: Codable, Hashable {
        var temperature: Double
        var isOn = true
        var name: String?
    }

    @Test func scalarsAreTheirText() throws {
        #expect(try text("ON") == "ON")
        #expect(try text("a \"b\" \\ \n é") == "a \"b\" \\ \n é")
        #expect(try text("") == "")
        #expect(try text(true) == "1")
        #expect(try text(false) == "0")
        #expect(try text(Int?.none) == "")
        #expect(try text(String?.some("x")) == "x")
        #expect(try text(42) == "42")
        #expect(try text(UInt64.max) == "18446744073709551615")
        #expect(try text(Power.off) == "OFF")
        #expect(try text(Level.high) == "2")
        #expect(try text(URL(string: "https://a.b/c")) == "https://a.b/c")
        #expect(try text(Data([1, 2, 3])) == "AQID")
        #expect(try text(Optional(Optional(true))) == "1")
        #expect(throws: EncodingError.self) { try text(Double.nan) }
    }

    /// The right column is what Python's `round` makes of the left one.
    @Test(
        arguments: [
            (21.5, 4, "21.5"), (21.123456, 4, "21.1235"), (21.12345, 4, "21.1234"), (2.675, 2, "2.67"),
            (1.005, 2, "1"), (8.345, 2, "8.35"), (0.045, 2, "0.04"), (0.125, 2, "0.12"), (0.375, 2, "0.38"),
            (2.5, 0, "2"), (3.5, 0, "4"), (0.5, 0, "0"), (1.5, 0, "2"), (0.51, 0, "1"), (-2.675, 2, "-2.67"),
            (99.99995, 4, "99.9999"), (9.99999, 4, "10"), (0.99996, 4, "1"), (0.00005, 4, "0.0001"),
            (0.00015, 4, "0.0001"), (1.0 / 3, 4, "0.3333"), (-0.00001, 4, "0"), (1e-7, 4, "0"),
            (.leastNonzeroMagnitude, 15, "0"),
            (1e-7, 9, "0.0000001"), (1e16, 4, "10000000000000000"), (1e22, 4, "10000000000000000000000"),
            (1.5e300, 4, "15" + String(repeating: "0", count: 299)), (-0.0, 4, "0"), (100, 4, "100"),
            (123456.1, 15, "123456.1"), (0.1 + 0.2, 15, "0.3"), (0.1 + 0.2, 99, "0.3"), (1.6, -1, "2"),
        ]
    )
    func numbersAreRoundedAndHaveNoExponent(_ number: Double, _ decimals: Int, _ expected: String) throws {
        #expect(try text(number, decimals: decimals) == expected)
    }

    @Test func floatsAndDecimalsAreRoundedByTheirOwnDigits() throws {
        #expect(try text(Float(0.1)) == "0.1")
        #expect(try text(Float(21.123456)) == "21.1235")
        #expect(try text(Decimal(string: "12345678901234567890.123456")) == "12345678901234567890.1235")
    }

    @Test func everythingElseIsJSONWithRoundedNumbers() throws {
        #expect(
            try text(Reading(temperature: 21.123456, name: "1.23456e5 \"2.99999\""))
                == #"{"temperature":21.1235,"isOn":true,"name":"1.23456e5 \"2.99999\""}"#
        )
        #expect(try text([0.00001, 1e20, -2.5]) == "[0,100000000000000000000,-2.5]")
        #expect(try text(["a": [Int: Bool]()]) == #"{"a":{}}"#)
        #expect(try text([Double]()) == "[]")
    }

    @Test(arguments: ["1", "on", "ON", "On", "true", "TRUE", " true\n"]) func trueIsRead(_ text: String) throws {
        #expect(try value(text) as Bool)
    }

    @Test(arguments: ["0", "off", "OFF", "false", "False"]) func falseIsRead(_ text: String) throws {
        #expect(try !(value(text) as Bool))
    }

    @Test(arguments: ["", "2", "yes", "1.0", "online", "\"on\"", "null"])
    func nothingElseIsATruthValue(_ text: String) throws {
        #expect(throws: DecodingError.self) { try value(text, as: Bool.self) }
    }

    @Test func numbersAreReadFromTheirText() throws {
        #expect(try value("21.5", as: Double.self) == 21.5)
        #expect(try value(" -3e2 ", as: Double.self) == -300)
        #expect(try value("+7.25", as: Double.self) == 7.25)
        #expect(try value("21.1") == Float(21.1))
        #expect(try value("21.0", as: Int.self) == 21)
        #expect(try value("007", as: Int.self) == 7)
        #expect(try value("18446744073709551615") == UInt64.max)
        #expect((try value("nan") as Double).isNaN)
        #expect(try value("-inf") == -Double.infinity)
        #expect(try value("2") == Level.high)
        #expect(try value("0.1") == Decimal(string: "0.1"))
        for text in ["", "x", "21,5", "0x10", "1 2", "21.5 °C", "ON", "\"1\""] {
            #expect(throws: DecodingError.self, "\(text)") { try value(text, as: Double.self) }
        }
        for text in ["21.5", "300", "1e3", "-1"] {
            #expect(throws: DecodingError.self, "\(text)") { try value(text, as: UInt8.self) }
        }
    }

    @Test func textIsTakenAsItIs() throws {
        for text in ["", "ON", " x ", "\"quoted\"", "null", "{", "{\"a\":1}", "1", "é"] {
            #expect(try value(text) == text)
        }
        #expect(try value("null") == Optional("null"))
        #expect(try value("ON") == Power.on)
        #expect(try value("https://a.b/c") == URL(string: "https://a.b/c"))
        #expect(try value("AQID") == Data([1, 2, 3]))
        let id = UUID()
        #expect(try value(text(id)) == id)
        #expect(throws: DecodingError.self) { try PlainText().decode(String.self, from: [0x4F, 0xFF]) }
        #expect(throws: DecodingError.self) { try value("on", as: Power.self) }
    }

    @Test func nothingIsNil() throws {
        #expect(try value("") == String?.none)
        #expect(try value("") == Int?.none)
        #expect(try value("") == Reading?.none)
        #expect(try value("null") == Int?.none)
        #expect(try value("null") == Reading?.none)
        #expect(try value("5") == Int?.some(5))
        #expect(try value("on") == Bool?.some(true))
    }

    @Test func theRestIsReadAsJSON() throws {
        #expect(try value(#"{"temperature":21.5,"isOn":false}"#) == Reading(temperature: 21.5, isOn: false))
        #expect(try value(" [1, 2.5] ") == [1, 2.5])
        #expect(try value(#"{"b":[1],"a":[]}"#) == ["a": [Int](), "b": [1]])
        for text in ["", "{", "[]", "ON", #"{"temperature":"warm","isOn":true}"#] {
            #expect(throws: DecodingError.self, "\(text)") { try value(text, as: Reading.self) }
        }
    }

    @Test func whatIsWrittenIsRead() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let digits = Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 10_000
            #expect(try value(text(digits)) == digits)
            let whole = Int64.random(in: .min ... .max, using: &random)
            #expect(try value(text(whole)) == whole)
            let large = Double(bitPattern: UInt64.random(in: 0x4340 << 48..<0x7FF0 << 48, using: &random))
            #expect(try value(text(large)) == large)
        }
    }

    @Test func itSaysNothingOfItself() throws {
        let codecs = Codecs(writer: PlainText())
        #expect(try codecs.message("ON").headers.isEmpty)
        #expect(try codecs.value(of: Message("ON")) == "ON")
        #expect(try codecs.value(of: Message("on")) == true)
        let octets = Message("on", headers: [Headers.Standard.contentType: "application/octet-stream"])
        #expect(try codecs.value(of: octets) == true)
        // Whatever says what it is is read as that.
        let json = Message("\"ON\"", headers: [Headers.Standard.contentType: "application/json"])
        #expect(try codecs.value(of: json) == "ON")
        let packed = Message([0xC3], headers: [Headers.Standard.contentType: "application/msgpack"])
        #expect(throws: MessagingError.self) { try codecs.value(Bool.self, of: packed) }
        #expect(try Codecs(writer: PlainText(), readers: [MessagePackCodec()]).value(of: packed) == true)
        // As a reader it is for those who do say it.
        let said = Message("ON", headers: [Headers.Standard.contentType: "text/plain; charset=utf-8"])
        #expect(try Codecs(readers: [PlainText()]).value(of: said) == "ON")
        #expect(throws: MessagingError.self) { try Codecs().value(String.self, of: said) }
        #expect(throws: MessagingError.self) {
            try Codecs(readers: [PlainText()]).value(String.self, of: Message("ON"))
        }
        // One for a message alone.
        #expect(try Codecs().message(21.123456, codec: PlainText()).body == Array("21.1235".utf8))
        #expect(try Codecs(writer: MessagePackCodec()).message(1, codec: PlainText()).headers.isEmpty)
        #expect(try Codecs().message(1, codec: MessagePackCodec()).headers.contentType == "application/msgpack")
        #expect(try Codecs().value(of: json, codec: PlainText()) == "\"ON\"")
    }
}
