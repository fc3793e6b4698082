import Foundation
import Martlet
import Testing

/// The value of no type.
@Suite(.timeLimit(.minutes(10))) struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
        "0.5",
        "-1.25e-7", "1e+300", #""""#, #""a\"\\\n é""#, "[]", "{}", #"[1,[2,{"a":null}],"x"]"#,
        #"{"a":[1,{"b":null}],"b":""}"#,
    ])
    func whatIsReadIsWritten(_ text: String) throws {
        let value = try JSON(parsing: text)
        #expect(value.description == text.replacing("1.25e-7", with: "1.25e-07"))
        #expect(try JSON(parsing: value.bytes) == value)
        // By any codec, and by Foundation's.
        for codec in [JSONCodec(), MessagePackCodec()] as [any Codec] {
            #expect(try codec.decode(JSON.self, from: codec.encode(value)) == value)
            #expect(try codec.decode([JSON].self, from: codec.encode([value, value])) == [value, value])
        }
        #expect(try JSONDecoder().decode(JSON.self, from: JSONEncoder().encode(value)) == value)
    }

    @Test(arguments: ["", "{", "nul", "[1,]", "{\"a\"}", "1 2"]) func whatIsNoneIsAnError(_ text: String) {
        let error = #expect(throws: MessagingError.self) { try JSON(parsing: text) }
        #expect(error?.code == .decodingFailed)
    }

    @Test func numbersKeepTheirDigits() throws {
        #expect(try JSON(parsing: "9007199254740993") == .integer(9_007_199_254_740_993))
        #expect(try JSON(parsing: "9223372036854775808") == .natural(9_223_372_036_854_775_808))
        #expect(try JSON(parsing: "18446744073709551616") == .number(18446744073709551616))
        #expect(try JSON(parsing: "1.0") == .integer(1))
        #expect(try JSON(parsing: "1.0") == 1.0)
        #expect(try JSON(parsing: "-0.0").double?.sign == .minus)
        #expect(throws: MessagingError.self) { try JSON(parsing: "1e999") }
        // The same number is equal, whatever it is kept as.
        #expect(JSON.integer(5) == .natural(5))
        #expect(JSON.natural(5) == .number(5))
        #expect(Set([JSON.integer(5), .natural(5), .number(5)]).count == 1)
        #expect(JSON.integer(1) != .boolean(true))
        #expect(JSON.number(0.5) != .integer(0))
        #expect(JSON.integer(.max) != .number(9_223_372_036_854_775_808))
        #expect(JSON.natural(1 << 63) == .number(9_223_372_036_854_775_808))
    }

    @Test func accessorsGiveWhatIsThere() throws {
        let value: JSON = [
            "a": 1, "b": 2.5, "c": "x", "d": [true, .null], "e": ["f": ["g": 7]], "big": .natural(.max), "whole": 3.0,
        ]
        #expect(value["a"]?.int == 1)
        #expect(value["a"]?.double == 1)
        #expect(value["b"]?.double == 2.5)
        #expect(value["b"]?.int == nil)
        #expect(value["whole"]?.int64 == 3)
        #expect(value["big"]?.uint64 == .max)
        #expect(value["big"]?.int == nil)
        #expect(value["c"]?.string == "x")
        #expect(value["c"]?.int == nil)
        #expect(value["d"]?[0]?.bool == true)
        #expect(value["d"]?[1]?.isNull == true)
        #expect(value["d"]?[2] == nil)
        #expect(value["d"]?[-1] == nil)
        #expect(value["d"]?.array?.count == 2)
        #expect(value["e", "f", "g"]?.int == 7)
        #expect(value["d", 0]?.bool == true)
        #expect(value["e", "x", "g"] == nil)
        #expect(value["e", "f", "x", default: 9] == 9)
        #expect(value["a", default: 9] == 1)
        #expect(value["x"] == nil)
        #expect(value[path: []] == value)
        #expect(value.object?.count == 7)
        #expect(JSON.null["a"] == nil)
        #expect(JSON("x")[0] == nil)
    }

    @Test func pathsMakeWhatIsMissing() throws {
        var state = JSON.null
        state["foo", "bar"] = 1
        state["foo", "list", 0] = "a"
        state["foo", "list", 1] = "b"
        state["foo", "list", 5] = "nowhere"
        state["count", default: 0] = .integer((state["count", default: 0].int64 ?? 0) + 1)
        #expect(state == ["foo": ["bar": 1, "list": ["a", "b"]], "count": 1])
        state["foo", "list", 0] = nil
        state["foo", "bar"] = nil
        state["nothing", "here"] = nil
        #expect(state == ["foo": ["list": ["b"]], "count": 1])
        // What is no object becomes one.
        state["count", "deep"] = true
        #expect(state["count"] == ["deep": true])
        state["count"] = nil
        #expect(state == ["foo": ["list": ["b"]]])
        state["foo"]?["list"]?[0] = 2
        #expect(state == ["foo": ["list": [2]]])
    }

    @Test func typesBecomeValuesAndBack() throws {
        struct Reading: Codable, Equatable { var value = 2.5, tags = ["a"], at: Date? }
        let reading = Reading(at: Date(timeIntervalSince1970: 1.5))
        let value = try JSON(encoding: reading)
        #expect(value == ["value": 2.5, "tags": ["a"], "at": 1.5])
        #expect(try value.value() == reading)
        #expect(throws: MessagingError.self) { try value.value(as: [Int].self) }
        #expect(throws: MessagingError.self) { try JSON(encoding: Double.nan) }
        #expect(JSON.array([.number(.nan), 1]).description == "[null,1]")
    }

    @Test func whatMessagePackHasBeyondItIsTextAndNumbers() throws {
        let codec = MessagePackCodec()
        #expect(try codec.decode(JSON.self, from: codec.encode(Data([1, 2, 3]))) == "AQID")
        #expect(try codec.decode(JSON.self, from: [0xD6, 0xFF, 0, 0, 0, 7]) == 7)
        #expect(try codec.decode(JSON.self, from: [0xCA, 0x7F, 0xC0, 0, 0]).double?.isNaN == true)
        #expect(try codec.decode(JSON.self, from: codec.encode([1: "a"])) == ["1": "a"])
        #expect(throws: DecodingError.self) { try codec.decode(JSON.self, from: [0xD4, 0x05, 0x00]) }
    }

    @Test func plainTextIsJSONOrText() throws {
        let plain = PlainText()
        for (text, value) in [
            ("ON", "ON"), ("21.5", 21.5), ("1", 1), ("true", true), ("", .null), (#"{"a":[1]}"#, ["a": [1]]),
            ("{", "{"),
        ] as [(String, JSON)] {
            #expect(try plain.decode(JSON.self, from: Array(text.utf8)) == value)
        }
        #expect(try plain.encode(JSON("ON")) == Array("ON".utf8))
        #expect(try plain.encode(["t": 21.123456] as JSON) == Array(#"{"t":21.1235}"#.utf8))
        #expect(try plain.encode(JSON.null) == [])
    }

    @Test func theLaterOfTwoKeysCounts() throws {
        #expect(try JSON(parsing: #"{"a":1,"b":2,"a":3}"#) == ["a": 3, "b": 2])
        #expect((["a": 1, "a": 2] as JSON) == ["a": 2])
    }

    @Test func whatIsTooDeepIsAnError() throws {
        let deepest = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        let value = try JSON(parsing: deepest)
        #expect(value.description == deepest)
        #expect(throws: MessagingError.self) { try JSON(parsing: "[" + deepest + "]") }
    }

    /// What is written can be read again; the next level is an error.
    @Test(arguments: [JSONCodec(), MessagePackCodec()] as [any Codec], ["[", "{\"a\":"])
    func asDeepIsWrittenAsIsRead(codec: any Codec, begin: String) throws {
        let levels = { (count: Int, innermost: JSON) in
            (0..<count).reduce(innermost) { value, _ in begin == "[" ? [value] : ["a": value] }
        }
        for innermost in [[], [:]] as [JSON] {
            let deepest = levels(511, innermost)
            #expect(try codec.decode(JSON.self, from: codec.encode(deepest)) == deepest)
            #expect(throws: EncodingError.self) { try codec.encode(levels(512, innermost)) }
        }
        let deepest = levels(512, 1)
        #expect(try codec.decode(JSON.self, from: codec.encode(deepest)) == deepest)
        #expect(throws: EncodingError.self) { try codec.encode(levels(513, 1)) }
    }
}
