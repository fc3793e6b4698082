import Foundation

/// Dictionaries with keys of every kind, and keys that need escapes or look alike.
enum Tables {
    enum Color: String, Codable, CodingKeyRepresentable { case red, green }
    enum Digit: Int, Codable, CodingKeyRepresentable { case one = 1, two }
    enum Plain: String, Codable { case x, y }

    struct Path: Codable, Hashable, CodingKeyRepresentable {
        var text: String
        init(_ text: String) { self.text = text }
        var codingKey: any CodingKey { Zoo.AnyKey(text) }
        init?(codingKey: some CodingKey) { text = codingKey.stringValue }
    }

    struct All: Codable {
        var byText = ["": 1, "a": 2, "é\"\n": 3]
        var byNumber = [1: "a", -1: "b"]
        var byColor = [Color.red: 1]
        var byDigit = [Digit.two: [1]]
        var byPath = [Path("a/b"): ["c": 1]]
        var byPlain = [Plain.x: 1]
        var byPoint = [Zoo.Place(x: 1, y: 2): "p"]
        var byUUID = [UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)): true]
        var byDouble = [0.5: 1]
        var nested = ["a": ["b": ["c": [String: Int]()]]]
        var lists = ["a": [1, 2], "b": []]
        var optionals: [String: Int?] = ["a": nil]
        var empty: [Int: Int] = [:]
    }

    /// Names that need escapes, or begin like others.
    struct Odd: Codable {
        var a = 1, b = 2, c = 3, d = 4, e = 5
        enum CodingKeys: String, CodingKey {
            case a = "", b = " ", c = "a\"b\\c\n\u{1}", d = "\u{1F600}/é", e = "super"
        }
    }

    /// Positions for names.
    struct Numbered: Codable {
        var first = "a", second = "b"
        enum CodingKeys: Int, CodingKey { case first = 1, second = 2 }
    }

    /// A member whose name stands in the document more often than in the type.
    struct ByHand: Codable {
        var values = ["b": 1, "a": 2]
        init() {}
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Zoo.AnyKey.self)
            values = [:]
            for key in container.allKeys { values[key.stringValue] = try container.decode(Int.self, forKey: key) }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Zoo.AnyKey.self)
            for (key, value) in values {
                try container.encode("\(value)", forKey: Zoo.AnyKey(key))
                try container.encode(value, forKey: Zoo.AnyKey(key))
            }
        }
    }

    /// More members than are looked for one by one, most of them twice.
    struct Wide: Codable {
        var count = 200
        init() {}
        init(from decoder: any Decoder) throws {
            count = try decoder.container(keyedBy: Zoo.AnyKey.self).allKeys.count
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Zoo.AnyKey.self)
            for number in 0..<count { try container.encode(number, forKey: Zoo.AnyKey("k\(number)")) }
            for number in 0..<count where number % 3 > 0 {
                var nested = encoder.container(keyedBy: Zoo.AnyKey.self)
                try nested.encode([number], forKey: Zoo.AnyKey("k\(number)"))
            }
        }
    }

    static let cases: [TypeCase] = [
        TypeCase(All()), TypeCase(Odd()), TypeCase(Numbered()), TypeCase(ByHand()), TypeCase(Wide()),
        TypeCase([Odd(), Odd()]), TypeCase(["x": Wide()]), TypeCase([String: Int]()), TypeCase([Color.green: Odd()]),
    ]
}
