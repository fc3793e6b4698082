import Foundation
import MartletTesting

/// Codable types of every shape that the compiler makes and that people write.
enum Zoo {
    struct Numbers: Codable, Equatable {
        var a: Int8, b: Int16, c: Int32, d: Int64, e: Int
        var f: UInt8, g: UInt16, h: UInt32, i: UInt64, j: UInt
        var double: Double, float: Float, truth: Bool
    }

    struct Optionals: Codable, Equatable {
        var present: Int?
        var absent: Int?
        var list: [Int?]
        var nested: [String: Int?]
        var double: Double??
    }

    enum Shape: Codable, Equatable {
        case point
        case circle(radius: Double)
        case line(Int, Int)
        indirect case group([Shape], name: String?)
    }

    enum Color: String, Codable, CodingKeyRepresentable { case red, green }
    enum Level: Int, Codable { case low = 1, high = 2 }

    struct Place: Codable, Hashable {
        var x: Int
        var y: Int
    }

    struct Dictionaries: Codable, Equatable {
        var text: [String: Double]
        var numbers: [Int: String]
        var colors: [Color: Int]
        var places: [Place: Level]
        var set: Set<Int>
    }

    struct FoundationTypes: Codable, Equatable {
        var date: Date
        var data: Data
        var url: URL
        var decimal: Decimal
        var uuid: UUID
        var dates: [Date]
    }

    /// Names of members that need escapes or look like others.
    struct Keys: Codable, Equatable {
        var plain: Int
        var quoted: String
        var empty: Bool
        var other: [Double]

        enum CodingKeys: String, CodingKey {
            case plain = "é/😀"
            case quoted = "a\"\\\n\u{1}"
            case empty = ""
            case other = "pla"
        }
    }

    class Animal: Codable {
        var name: String

        init(name: String) { self.name = name }
    }

    /// Writes what its superclass has into a place of its own.
    final class Dog: Animal {
        var tricks: [String]

        init(name: String, tricks: [String]) {
            self.tricks = tricks
            super.init(name: name)
        }

        private enum CodingKeys: CodingKey { case tricks }

        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            tricks = try container.decode([String].self, forKey: .tricks)
            try super.init(from: container.superDecoder())
        }

        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try super.encode(to: container.superEncoder())
            try container.encode(tricks, forKey: .tricks)
        }
    }

    /// Shares one object with its superclass.
    final class Cat: Animal {
        var lives: Int

        init(name: String, lives: Int) {
            self.lives = lives
            super.init(name: name)
        }

        private enum CodingKeys: CodingKey { case lives }

        required init(from decoder: any Decoder) throws {
            lives = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .lives)
            try super.init(from: decoder)
        }

        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(lives, forKey: .lives)
            try super.encode(to: encoder)
        }
    }

    /// Holds several nested containers and writes to them in turn.
    struct Interleaved: Codable, Equatable {
        var left: [Int]
        var right: [String: Int]
        var last: Int

        private enum CodingKeys: CodingKey { case left, right, last, unused }

        init(left: [Int], right: [String: Int], last: Int) {
            (self.left, self.right, self.last) = (left, right, last)
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            var elements = try container.nestedUnkeyedContainer(forKey: .left)
            let members = try container.nestedContainer(keyedBy: AnyKey.self, forKey: .right)
            left = []
            while !elements.isAtEnd { left.append(try elements.decode(Int.self)) }
            right = [:]
            for key in members.allKeys { right[key.stringValue] = try members.decode(Int.self, forKey: key) }
            last = try container.decode(Int.self, forKey: .last)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            _ = container.superEncoder(forKey: .unused)
            var elements = container.nestedUnkeyedContainer(forKey: .left)
            var members = container.nestedContainer(keyedBy: AnyKey.self, forKey: .right)
            try container.encode(last, forKey: .last)
            var pairs = right.sorted { $0.key < $1.key }[...]
            for element in left {
                try elements.encode(element)
                if let pair = pairs.popFirst() { try members.encode(pair.value, forKey: AnyKey(pair.key)) }
            }
            for pair in pairs { try members.encode(pair.value, forKey: AnyKey(pair.key)) }
        }
    }

    struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    /// An array of unlike elements.
    struct Mixed: Codable, Equatable {
        var number: Int
        var text: String?
        var place: Place
        var inner: [Bool]

        init(number: Int, text: String?, place: Place, inner: [Bool]) {
            (self.number, self.text, self.place, self.inner) = (number, text, place, inner)
        }

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            number = try container.decode(Int.self)
            text = try container.decodeIfPresent(String.self)
            place = try Place(from: container.superDecoder())
            var nested = try container.nestedUnkeyedContainer()
            inner = []
            while !nested.isAtEnd { inner.append(try nested.decode(Bool.self)) }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode(number)
            try container.encode(text)
            try place.encode(to: container.superEncoder())
            var nested = container.nestedUnkeyedContainer()
            for value in inner { try nested.encode(value) }
        }
    }

    struct All: Codable, Equatable {
        var numbers: Numbers
        var optionals: Optionals
        var shapes: [Shape]
        var dictionaries: Dictionaries
        var foundation: FoundationTypes
        var keys: Keys
        var interleaved: Interleaved
        var mixed: [Mixed]
        var texts: [String]
        var bytes: [UInt8]
        var floats: [Float]
    }
}

extension Zoo.All {
    static func random(_ random: inout SplitMix64) -> Zoo.All {
        func integer<Value: FixedWidthInteger>() -> Value {
            Bool.random(using: &random)
                ? Value(truncatingIfNeeded: Int.random(in: -3...300, using: &random))
                : Value.random(in: .min ... .max, using: &random)
        }
        func list<Value>(_ make: () -> Value) -> [Value] {
            (0..<Int.random(in: 0...4, using: &random)).map { _ in make() }
        }
        func text() -> String {
            list {
                ["a", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "é", "😀", "\u{2028}", "\u{FFFF}", "long "]
                    .randomElement(using: &random) ?? ""
            }.joined()
        }
        func double() -> Double {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 1_000
            case 1: Double(Int.random(in: -10...10, using: &random))
            case 2: Double.random(in: -1...1, using: &random)
            default:
                { $0.isFinite ? $0 : 0 }(Double(bitPattern: UInt64.random(in: .min ... .max, using: &random)))
            }
        }
        func float() -> Float {
            { $0.isFinite ? $0 : 0 }(Float(bitPattern: UInt32.random(in: .min ... .max, using: &random)))
        }
        func shape(_ depth: Int) -> Zoo.Shape {
            switch Int.random(in: 0..<(depth < 3 ? 4 : 3), using: &random) {
            case 0: .point
            case 1: .circle(radius: double())
            case 2: .line(integer(), integer())
            default: .group(list { shape(depth + 1) }, name: Bool.random(using: &random) ? text() : nil)
            }
        }
        func whole() -> Double { Double(Int.random(in: 0...2_000_000_000, using: &random)) }
        return Zoo.All(
            numbers: Zoo.Numbers(
                a: integer(),
                b: integer(),
                c: integer(),
                d: integer(),
                e: integer(),
                f: integer(),
                g: integer(),
                h: integer(),
                i: integer(),
                j: integer(),
                double: double(),
                float: float(),
                truth: Bool.random(using: &random)
            ),
            optionals: Zoo.Optionals(
                present: integer() as Int,
                absent: nil,
                list: [1, nil, integer()],
                nested: ["a": nil, "b": 2],
                double: double()
            ),
            shapes: list { shape(0) },
            dictionaries: Zoo.Dictionaries(
                text: Dictionary(list { (text(), double()) }) { $1 },
                numbers: Dictionary(list { (integer(), text()) }) { $1 },
                colors: [.red: integer(), .green: 2],
                places: Dictionary(list { (Zoo.Place(x: integer(), y: 1), Zoo.Level.high) }) { $1 },
                set: Set(list { integer() })
            ),
            foundation: Zoo.FoundationTypes(
                date: Date(timeIntervalSince1970: whole() + 0.5),
                data: Data(list { integer() }),
                url: URL(string: "https://example.org/a%20b?q=\(UInt8.random(in: 0...99, using: &random))#f")
                    ?? URL(filePath: "/"),
                decimal: Decimal(string: "\(Int64.random(in: -999_999...999_999, using: &random)).125") ?? 0,
                uuid: UUID(),
                dates: list { Date(timeIntervalSince1970: whole()) }
            ),
            keys: Zoo.Keys(
                plain: integer(),
                quoted: text(),
                empty: Bool.random(using: &random),
                other: list { double() }
            ),
            interleaved: Zoo.Interleaved(
                left: list { integer() },
                right: Dictionary(list { (text(), integer()) }) { $1 },
                last: 1
            ),
            mixed: list {
                Zoo.Mixed(
                    number: integer(),
                    text: Bool.random(using: &random) ? text() : nil,
                    place: Zoo.Place(x: 1, y: 2),
                    inner: list { true }
                )
            },
            texts: list { text() },
            bytes: list { integer() },
            floats: list { float() }
        )
    }
}
