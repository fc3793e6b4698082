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

    /// Random programs of what a type may do with its encoder.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func randomPrograms(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<2_000 { try expectFoundationsDocument(of: Program.random(&random)) }
    }

    private func expectFoundationsDocument<Value: Encodable>(
        of value: Value,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try canonical(JSONEncoder().encode(value))
        let text = try JSONCodec().encode(value)
        #expect(try canonical(Data(text)) == expected, sourceLocation: location)
        let packed = try MessagePackCodec().decode(AnyValue.self, from: MessagePackCodec().encode(value))
        #expect(try canonical(JSONEncoder().encode(packed)) == expected, sourceLocation: location)
        // As many members as are read.
        #expect(text.count == expected.count, sourceLocation: location)
    }

    private func canonical(_ json: Data) throws -> Data {
        try JSONSerialization.data(withJSONObject: JSONSerialization.jsonObject(with: json), options: [.sortedKeys])
    }
}

/// What a type does with its encoder, in some order.
private struct Program: Encodable {
    enum Step {
        case number(Key, Int)
        case dictionary([String: Int])
        case object(Key, [Step])
        case array(Key, [Int])
    }

    enum Key: String, CodingKey, CaseIterable { case a, b, c, d, e, f }

    var steps: [Step]

    func encode(to encoder: any Encoder) throws {
        for step in steps {
            if case .dictionary(let dictionary) = step {
                try dictionary.encode(to: encoder)
            } else {
                var container = encoder.container(keyedBy: Key.self)
                try Self.run([step], in: &container)
            }
        }
        if steps.isEmpty { _ = encoder.container(keyedBy: Key.self) }
    }

    private static func run(_ steps: [Step], in container: inout KeyedEncodingContainer<Key>) throws {
        for step in steps {
            switch step {
            case .dictionary: break
            case .number(let key, let number): try container.encode(number, forKey: key)
            case .object(let key, let steps):
                var nested = container.nestedContainer(keyedBy: Key.self, forKey: key)
                try run(steps, in: &nested)
            case .array(let key, let numbers):
                var nested = container.nestedUnkeyedContainer(forKey: key)
                for number in numbers { try nested.encode(number) }
            }
        }
    }

    static func random(_ random: inout SplitMix64) -> Program { Program(steps: steps(of: Shape(), depth: 0, &random)) }

    /// What an object has under its keys so far.
    private final class Shape {
        var isScalar: [Key: Bool] = [:]
        var objects: [Key: Shape] = [:]
        var arrays: Set<Key> = []

        func setScalar(_ key: Key) {
            isScalar[key] = true
            objects[key] = nil
            arrays.remove(key)
        }

        func mayBecomeObject(_ key: Key) -> Bool { isScalar[key] == nil && !arrays.contains(key) }
        func mayBecomeArray(_ key: Key) -> Bool { isScalar[key] == nil && objects[key] == nil }
    }

    /// Steps that Foundation does not trap on: no nested container under a key that has another kind of value.
    private static func steps(of shape: Shape, depth: Int, _ random: inout SplitMix64) -> [Step] {
        var steps: [Step] = []
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            let key = Key.allCases.randomElement(using: &random) ?? .a
            let number = Int.random(in: 0...99, using: &random)
            switch Int.random(in: 0...(depth == 0 ? 3 : 2), using: &random) {
            case 0:
                shape.setScalar(key)
                steps.append(.number(key, number))
            case 1 where depth < 3 && shape.mayBecomeObject(key):
                let inner = shape.objects[key] ?? Shape()
                shape.objects[key] = inner
                steps.append(.object(key, Self.steps(of: inner, depth: depth + 1, &random)))
            case 2 where shape.mayBecomeArray(key):
                shape.arrays.insert(key)
                steps.append(.array(key, (0..<number % 4).map { $0 }))
            case 3:
                shape.setScalar(key)
                steps.append(.dictionary([key.rawValue: number, "z": 1]))
            default: break
            }
        }
        return steps
    }
}
