import Foundation
import Martlet
import MartletTesting
import Testing

/// Types that ask for several containers of one value, or write a member twice, make the documents that Foundation's
/// encoder makes of them.
@Suite(.timeLimit(.minutes(10))) struct ContainerMergingTests {
    /// A type that keeps members that it does not know.
    private struct Open: Codable, Equatable {
        var id: Int
        var extras: [String: String]
        var extrasComeFirst = true

        enum Keys: String, CodingKey { case id }

        init(id: Int, extras: [String: String], extrasComeFirst: Bool) {
            self.id = id
            self.extras = extras
            self.extrasComeFirst = extrasComeFirst
        }

        init(from decoder: any Decoder) throws {
            id = try decoder.container(keyedBy: Keys.self).decode(Int.self, forKey: .id)
            extras = [:]
        }

        func encode(to encoder: any Encoder) throws {
            if extrasComeFirst { try extras.encode(to: encoder) }
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(id, forKey: .id)
            if !extrasComeFirst { try extras.encode(to: encoder) }
        }
    }

    @Test(arguments: [true, false], [[:], ["x": "y", "a": "b"], ["id": "twice"]])
    func aDictionaryBesideATypesOwnMembers(_ comesFirst: Bool, _ extras: [String: String]) throws {
        let value = Open(id: 1, extras: extras, extrasComeFirst: comesFirst)
        try expectFoundationsDocument(of: value)
    }

    @Test func manyMembersBesideADictionary() throws {
        let extras = Dictionary(uniqueKeysWithValues: (0..<1_000).map { ("key \($0)", "\($0)") } + [("id", "twice")])
        for comesFirst in [true, false] {
            try expectFoundationsDocument(of: Open(id: 1, extras: extras, extrasComeFirst: comesFirst))
        }
    }

    private class Base: Codable {
        var a = 1

        enum Keys: String, CodingKey { case attributes }
        enum Attributes: String, CodingKey { case a, b }

        init() {}

        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            a = try container.nestedContainer(keyedBy: Attributes.self, forKey: .attributes).decode(
                Int.self,
                forKey: .a
            )
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            var attributes = container.nestedContainer(keyedBy: Attributes.self, forKey: .attributes)
            try attributes.encode(a, forKey: .a)
        }
    }

    private final class Derived: Base {
        var b = 2

        override init() { super.init() }

        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            b = try container.nestedContainer(keyedBy: Attributes.self, forKey: .attributes).decode(
                Int.self,
                forKey: .b
            )
            try super.init(from: decoder)
        }

        override func encode(to encoder: any Encoder) throws {
            try super.encode(to: encoder)
            var container = encoder.container(keyedBy: Keys.self)
            var attributes = container.nestedContainer(keyedBy: Attributes.self, forKey: .attributes)
            try attributes.encode(b, forKey: .b)
        }
    }

    @Test(arguments: CodableSemanticsTests.codecs)
    func aNestedContainerThatIsAskedForAgainGoesOn(_ codec: any Codec) throws {
        let copy = try codec.decode(Derived.self, from: codec.encode(Derived()))
        #expect(copy.a == 1)
        #expect(copy.b == 2)
        try expectFoundationsDocument(of: Derived())
    }

    /// A member that fails takes the place of none.
    @Test(arguments: CodableSemanticsTests.codecs)
    func whatCouldNotBeWrittenLeavesWhatWasThere(_ codec: any Codec) throws {
        struct Failing: Encodable {
            func encode(to encoder: any Encoder) throws { throw CocoaError(.coderInvalidValue) }
        }
        struct Value: Encodable {
            enum Keys: String, CodingKey { case a }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(1, forKey: .a)
                try? container.encode(Failing(), forKey: .a)
            }
        }
        #expect(try codec.decode([String: Int].self, from: codec.encode(Value())) == ["a": 1])
    }

    @Test(arguments: CodableSemanticsTests.codecs)
    func twoKindsUnderOneKeyAreAnError(_ codec: any Codec) {
        struct Value: Encodable {
            enum Keys: String, CodingKey { case a }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(1, forKey: .a)
                _ = container.nestedContainer(keyedBy: Keys.self, forKey: .a)
            }
        }
        #expect(throws: EncodingError.self) { try codec.encode(Value()) }
    }

    /// What is under a key already is gone on with, as if its container had been kept.
    @Test func aFinishedValueIsGoneOnWith() throws {
        struct Point: Encodable { var x = 1, y = 2 }
        struct Value: Encodable {
            enum Keys: String, CodingKey { case a, b, c, d, x }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(Point(), forKey: .a)
                try container.encode([Point(), Point()], forKey: .b)
                try container.encode(["k\"\u{e9}": [1]], forKey: .c)
                try container.encode([String: Int](), forKey: .d)
                var object = container.nestedContainer(keyedBy: Keys.self, forKey: .a)
                try object.encode(3, forKey: .x)
                try object.encode(4, forKey: .b)
                var array = container.nestedUnkeyedContainer(forKey: .b)
                #expect(array.count == 2)
                try array.encode(5)
                #expect(array.count == 3)
                var dictionary = container.nestedContainer(keyedBy: Keys.self, forKey: .c)
                try dictionary.encode(6, forKey: .a)
                var empty = container.nestedContainer(keyedBy: Keys.self, forKey: .d)
                try empty.encode(7, forKey: .a)
            }
        }
        try expectFoundationsDocument(of: Value())
    }

    /// More members and elements than MessagePack counts in one byte.
    @Test(arguments: [0, 1, 15, 16, 17, 300, 70_000])
    func aLargeValueIsGoneOnWith(_ count: Int) throws {
        struct Value: Encodable {
            enum Keys: String, CodingKey { case a, b, new }
            var count: Int

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                let longest = count > 1_000 ? 40 : 400
                let names = (0..<count).map { "\($0)" + String(repeating: "x", count: $0 % longest) }
                try container.encode(Dictionary(uniqueKeysWithValues: names.map { ($0, 1) }), forKey: .a)
                try container.encode(Array(repeating: Int?.none, count: count), forKey: .b)
                var object = container.nestedContainer(keyedBy: Keys.self, forKey: .a)
                try object.encode(2, forKey: .new)
                var array = container.nestedUnkeyedContainer(forKey: .b)
                try array.encode("more")
            }
        }
        try expectFoundationsDocument(of: Value(count: count))
    }

    /// A type writes another value by its single-value container, and members beside it.
    @Test func aSingleValueIsGoneOnWith() throws {
        struct Value: Encodable {
            enum Keys: String, CodingKey { case a }
            var inner: [String: Int]?
            var comesFirst: Bool

            func encode(to encoder: any Encoder) throws {
                if comesFirst { try inner.encode(to: encoder) }
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(1, forKey: .a)
                if !comesFirst { try inner.encode(to: encoder) }
            }
        }
        try expectFoundationsDocument(of: Value(inner: ["x": 2], comesFirst: true))
        try expectFoundationsDocument(of: Value(inner: ["x": 2, "a": 3], comesFirst: false))
        // Beside members a scalar counts for nothing, as with Foundation's encoder.
        try expectFoundationsDocument(of: Value(inner: nil, comesFirst: false))
        #expect(throws: EncodingError.self) { try JSONCodec().encode(Value(inner: nil, comesFirst: true)) }
    }

    @Test func aWrapperOfNothingIsAnEmptyObject() throws {
        struct Silent: Encodable { func encode(to encoder: any Encoder) {} }
        struct Wrapper: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                try container.encode(Silent())
            }
        }
        try expectFoundationsDocument(of: Wrapper())
    }

    /// Foundation's encoder stops the process there: it has kept the array as it was written.
    @Test(arguments: CodableSemanticsTests.codecs)
    func anArrayOfNumbersIsNotGoneOnWith(_ codec: any Codec) {
        struct Value<Element: Encodable & Sendable>: Encodable, Sendable {
            enum Keys: String, CodingKey { case a }
            var elements: [Element]
            var isSingle: Bool

            func encode(to encoder: any Encoder) throws {
                if isSingle {
                    var single = encoder.singleValueContainer()
                    try single.encode(elements)
                    _ = encoder.unkeyedContainer()
                } else {
                    var container = encoder.container(keyedBy: Keys.self)
                    try container.encode(elements, forKey: .a)
                    _ = container.nestedUnkeyedContainer(forKey: .a)
                }
            }
        }
        for isSingle in [true, false] {
            #expect(throws: EncodingError.self) { try codec.encode(Value(elements: [1], isSingle: isSingle)) }
            #expect(throws: EncodingError.self) { try codec.encode(Value(elements: [Int16(1)], isSingle: isSingle)) }
            #expect(throws: EncodingError.self) { try codec.encode(Value(elements: ["a"], isSingle: isSingle)) }
            #expect(throws: EncodingError.self) { try codec.encode(Value(elements: [UInt8(1)], isSingle: isSingle)) }
            #expect(throws: Never.self) { try codec.encode(Value(elements: [Int?(1)], isSingle: isSingle)) }
        }
    }

    private static let programs = ProcessInfo.processInfo.environment["MARTLET_PROGRAMS"].flatMap(Int.init) ?? 20_000

    /// Random programs of what a type may do with its encoder: other ones each time, and as many as the environment says.
    @Test(arguments: (0..<10).map { _ in UInt64.random(in: 0..<1_000_000_000) })
    func randomPrograms(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for number in 0..<(Self.programs / 10) {
            let program = EncoderProgram.random(&random)
            let expected = try JSONEncoder().encode(program)
            let text = try JSONCodec().encode(program)
            let document = try canonical(expected)
            // As many bytes, so that nothing stands in it twice.
            try #require(try canonical(Data(text)) == document && text.count == expected.count, "\(program)")
            guard number % 4 == 0 else { continue }
            let packed = try MessagePackTransform().incoming(MessagePackCodec().encode(program))
            try #require(try canonical(Data(packed)) == document && packed.count == expected.count, "\(program)")
        }
    }

    private func expectFoundationsDocument<Value: Encodable>(
        of value: Value,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try canonical(JSONEncoder().encode(value))
        let text = try JSONCodec().encode(value)
        #expect(try canonical(Data(text)) == expected, sourceLocation: location)
        let packed = try MessagePackTransform().incoming(MessagePackCodec().encode(value))
        #expect(try canonical(Data(packed)) == expected, sourceLocation: location)
        // As many members as are read.
        #expect(text.count == expected.count, sourceLocation: location)
    }

    private func canonical(_ json: Data) throws -> Data {
        let value = try JSONSerialization.jsonObject(with: json, options: .fragmentsAllowed)
        return try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
    }
}
