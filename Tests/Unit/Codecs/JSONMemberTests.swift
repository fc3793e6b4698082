import Martlet
import Testing

/// How members of objects are found.
@Suite struct JSONMemberTests {
    private struct Pair: Codable, Equatable {
        var a: Int
        var b: Int
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONCodec().decode(type, from: Array(text.utf8))
    }

    @Test func theLastOfAKeyCounts() throws {
        #expect(try decode(Pair.self, #"{"a":1,"b":2,"a":3}"#) == Pair(a: 3, b: 2))
        #expect(try decode(Pair.self, #"{"b":1,"a":"x","b":{},"\u0061":5,"b":2}"#) == Pair(a: 5, b: 2))
        #expect(try decode([String: Int].self, #"{"a":1,"\u0061":2,"b":3,"a":4}"#) == ["a": 4, "b": 3])
        #expect(throws: DecodingError.self) { try decode(Pair.self, #"{"a":1,"b":2,"a":null}"#) }
    }

    /// Names that look alike are two, in whatever form they stand there.
    @Test func keysAreComparedByTheirBytes() throws {
        struct Both: Decodable, Equatable {
            enum CodingKeys: String, CodingKey {
                case composed = "caf\u{E9}"
                case other = "x"
            }
            var composed: Int
            var other: Int
        }
        for text in [#"{"caf\u00e9":1,"cafe\u0301":2,"x":3}"#, "{\"caf\u{E9}\":1,\"cafe\u{301}\":2,\"x\":3}"] {
            #expect(try decode(Both.self, text) == Both(composed: 1, other: 3))
        }
    }

    /// Past a few keys they are found by hashing, which has to agree.
    @Test(arguments: [1, 23, 24, 25, 100, 5_000])
    func manyKeys(count: Int) throws {
        let text = (0..<count).flatMap { ["\"k\($0)\":0", "\"\\u006b\($0)\":\($0)"] }.joined(separator: ",")
        let table = try decode([String: Int].self, "{\(text)}")
        #expect(table == Dictionary(uniqueKeysWithValues: (0..<count).map { ("k\($0)", $0) }))
        #expect(try decode(Pair.self, "{\"b\":0,\(text),\"b\":2,\"a\":1,\(text)}") == Pair(a: 1, b: 2))
        #expect(throws: DecodingError.self) { try decode(Pair.self, "{\(text)}") }
    }

    @Test func keysNeedNotBeInOrder() throws {
        struct Many: Decodable {
            var total = 0
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Zoo.AnyKey.self)
                let keys = container.allKeys
                for key in keys.sorted(by: { $0.stringValue > $1.stringValue }) {
                    #expect(container.contains(key))
                    #expect(try !container.decodeNil(forKey: key))
                    total += try container.decode(Int.self, forKey: key)
                    #expect(try container.decodeIfPresent(Int.self, forKey: key) != nil)
                }
                #expect(!container.contains(Zoo.AnyKey("other")))
                #expect(try container.decodeIfPresent(Int.self, forKey: Zoo.AnyKey("other")) == nil)
            }
        }
        let text = (0..<1_000).map { "\"k\($0)\":1" }.joined(separator: ",")
        #expect(try decode(Many.self, "{\(text)}").total == 1_000)
    }

    /// The same object may be asked for more than once, by several containers.
    @Test func containersOfOneObject() throws {
        struct Twice: Decodable {
            var sum: Int
            init(from decoder: any Decoder) throws {
                let one = try decoder.container(keyedBy: Zoo.AnyKey.self)
                let other = try decoder.container(keyedBy: Zoo.AnyKey.self)
                let (a, b) = (Zoo.AnyKey("a"), Zoo.AnyKey("b"))
                sum = try one.decode(Int.self, forKey: b) + other.decode(Int.self, forKey: a)
                sum += try one.decode(Int.self, forKey: a) + other.decode(Int.self, forKey: b)
            }
        }
        #expect(try decode(Twice.self, #"{"a":1,"b":20,"a":300}"#).sum == 640)
    }

    @Test func stringsWithEscapes() throws {
        let text = #"["\u0041\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀","plain","",  "\u0000"]"#
        #expect(try decode([String].self, text) == ["A\"\\/\u{8}\u{C}\n\r\té😀é😀", "plain", "", "\0"])
    }

    @Test func stringsOfEveryLength() throws {
        for length in 0..<40 {
            for special in ["", "é", "\"", "\\", "\n", "\u{1F}", "\u{7F}"] {
                for position in [0, length / 2, length] {
                    var text = String(repeating: "x", count: length)
                    text.insert(contentsOf: special, at: text.index(text.startIndex, offsetBy: position))
                    let bytes = try JSONCodec().encode([text])
                    #expect(try JSONCodec().decode([String].self, from: bytes) == [text])
                    #expect(throws: DecodingError.self) {
                        try JSONCodec().decode([String].self, from: Array(bytes.dropLast(2)))
                    }
                }
            }
        }
    }
}
