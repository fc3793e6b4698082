/// Classes that share an object with their superclass, or give it a place of its own.
enum Hierarchies {
    class Base: Codable {
        var id = 1
        var name = "base"
        init() {}
    }

    /// The compiler gives it nothing of its own: it writes what its superclass writes.
    final class Silent: Base {
        var own = 5
    }

    /// Members of both in one object.
    final class Shared: Base {
        var extra = "x"
        override init() { super.init() }
        private enum Keys: CodingKey { case extra }
        required init(from decoder: any Decoder) throws {
            extra = try decoder.container(keyedBy: Keys.self).decode(String.self, forKey: .extra)
            try super.init(from: decoder)
        }
        override func encode(to encoder: any Encoder) throws {
            try super.encode(to: encoder)
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(extra, forKey: .extra)
        }
    }

    /// It writes a member of its superclass again.
    final class Overriding: Base {
        override init() { super.init() }
        private enum Keys: CodingKey { case name }
        required init(from decoder: any Decoder) throws { try super.init(from: decoder) }
        override func encode(to encoder: any Encoder) throws {
            try super.encode(to: encoder)
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode("derived", forKey: .name)
        }
    }

    /// The superclass comes last and has the last word.
    final class Overridden: Base {
        override init() { super.init() }
        private enum Keys: CodingKey { case name, own }
        required init(from decoder: any Decoder) throws { try super.init(from: decoder) }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode("derived", forKey: .name)
            try container.encode([1], forKey: .own)
            try super.encode(to: encoder)
        }
    }

    class Nested: Base {
        var level = 1
        override init() { super.init() }
        private enum Keys: CodingKey { case level }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            level = try container.decode(Int.self, forKey: .level)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(level, forKey: .level)
            try super.encode(to: container.superEncoder())
        }
    }

    /// Three levels, each inside of the next.
    final class NestedTwice: Nested {
        var top = true
        override init() { super.init() }
        private enum Keys: CodingKey { case top }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            top = try container.decode(Bool.self, forKey: .top)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try super.encode(to: container.superEncoder())
            try container.encode(top, forKey: .top)
        }
    }

    /// The middle one shares its object with the lowest, which has its superclass in it.
    final class SharedOverNested: Nested {
        var top = 2.5
        override init() { super.init() }
        private enum Keys: CodingKey { case top }
        required init(from decoder: any Decoder) throws {
            top = try decoder.container(keyedBy: Keys.self).decode(Double.self, forKey: .top)
            try super.init(from: decoder)
        }
        override func encode(to encoder: any Encoder) throws {
            try super.encode(to: encoder)
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(top, forKey: .top)
        }
    }

    /// The superclass has a key of the type's own.
    final class UnderAKey: Base {
        override init() { super.init() }
        private enum Keys: CodingKey { case parent, after }
        required init(from decoder: any Decoder) throws {
            try super.init(from: decoder.container(keyedBy: Keys.self).superDecoder(forKey: .parent))
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try super.encode(to: container.superEncoder(forKey: .parent))
            try container.encodeNil(forKey: .after)
        }
    }

    /// Members beside the superclass's, in the place that it has.
    final class InsideOfTheSuperclass: Base {
        var more = 3
        override init() { super.init() }
        private enum Keys: CodingKey { case parent, more }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            more = try container.nestedContainer(keyedBy: Keys.self, forKey: .parent).decode(Int.self, forKey: .more)
            try super.init(from: container.superDecoder(forKey: .parent))
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try super.encode(to: container.superEncoder(forKey: .parent))
            var parent = container.nestedContainer(keyedBy: Keys.self, forKey: .parent)
            try parent.encode(more, forKey: .more)
        }
    }

    class List: Codable {
        var numbers = [1, 2]
        init() {}
        required init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            numbers = [try container.decode(Int.self), try container.decode(Int.self)]
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            for number in numbers { try container.encode(number) }
        }
    }

    /// Elements of both in one array.
    final class LongerList: List {
        var last = "end"
        override init() { super.init() }
        required init(from decoder: any Decoder) throws {
            try super.init(from: decoder)
            var container = try decoder.unkeyedContainer()
            for _ in numbers { _ = try container.decode(Int.self) }
            last = try container.decode(String.self)
        }
        override func encode(to encoder: any Encoder) throws {
            try super.encode(to: encoder)
            var container = encoder.unkeyedContainer()
            try container.encode(last)
        }
    }

    /// The superclass is an element.
    final class ListInAList: List {
        override init() { super.init() }
        required init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            _ = try container.decode(String.self)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode("first")
            try super.encode(to: container.superEncoder())
            try container.encodeNil()
        }
    }

    /// A superclass's encoder that is asked for, kept, and written to after others.
    final class Late: Base {
        var own = 1
        override init() { super.init() }
        private enum Keys: CodingKey { case own }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            own = try container.decode(Int.self, forKey: .own)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            let parent = container.superEncoder()
            try container.encode(own, forKey: .own)
            try super.encode(to: parent)
        }
    }

    /// A place for a superclass that nothing is written to.
    final class WithoutParent: Codable {
        var own = 1
        init() {}
        private enum Keys: CodingKey { case own }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            own = try container.decode(Int.self, forKey: .own)
            _ = try container.superDecoder().container(keyedBy: Keys.self)
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            _ = container.superEncoder()
            try container.encode(own, forKey: .own)
        }
    }

    /// What was never written is null to who looks for it.
    final class MissingParent: Codable {
        var own = 1
        init() {}
        private enum Keys: CodingKey { case own, parent }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            own = try container.decode(Int.self, forKey: .own)
            guard try container.superDecoder().singleValueContainer().decodeNil(),
                try container.superDecoder(forKey: .parent).singleValueContainer().decodeNil()
            else { throw CancellationError() }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(own, forKey: .own)
        }
    }

    /// The superclass is one value.
    class Scalar: Codable {
        var value = 7
        init() {}
        required init(from decoder: any Decoder) throws { value = try Int(from: decoder) }
        func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
    }

    final class OverScalar: Scalar {
        override init() { super.init() }
        private enum Keys: CodingKey { case own }
        required init(from decoder: any Decoder) throws {
            try super.init(from: decoder.container(keyedBy: Keys.self).superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try super.encode(to: container.superEncoder())
            try container.encode(1, forKey: .own)
        }
    }

    /// One object for a class, its superclass and a dictionary of what neither knows.
    final class WithExtras: Base {
        var extras = ["x": 1, "y": 2]
        override init() { super.init() }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Zoo.AnyKey.self)
            extras = [:]
            for key in container.allKeys where key.stringValue != "id" && key.stringValue != "name" {
                extras[key.stringValue] = try container.decode(Int.self, forKey: key)
            }
            try super.init(from: decoder)
        }
        override func encode(to encoder: any Encoder) throws {
            try extras.encode(to: encoder)
            try super.encode(to: encoder)
        }
    }

    class Generic<Value: Codable>: Codable {
        var value: Value
        init(_ value: Value) { self.value = value }
    }

    final class GenericOfBase: Generic<[Base]> {
        init() { super.init([Base(), Base()]) }
        required init(from decoder: any Decoder) throws { try super.init(from: decoder) }
    }

    final class Tree: Codable {
        var value: Int
        var left: Tree?
        var right: Tree?
        init(_ value: Int, _ left: Tree? = nil, _ right: Tree? = nil) {
            (self.value, self.left, self.right) = (value, left, right)
        }
    }

    static let cases: [TypeCase] = [
        TypeCase(Base()), TypeCase(Silent()), TypeCase(Shared()), TypeCase(Overriding()), TypeCase(Overridden()),
        TypeCase(Nested()), TypeCase(NestedTwice()), TypeCase(SharedOverNested()), TypeCase(UnderAKey()),
        TypeCase(InsideOfTheSuperclass()), TypeCase(List()), TypeCase(LongerList()), TypeCase(ListInAList()),
        TypeCase(Late()), TypeCase(WithoutParent()), TypeCase(MissingParent()), TypeCase(Scalar()),
        TypeCase(OverScalar()), TypeCase(WithExtras()), TypeCase(Generic(["a": Base()])), TypeCase(GenericOfBase()),
        TypeCase(Tree(1, Tree(2), Tree(3, nil, Tree(4)))), TypeCase([Nested](repeating: NestedTwice(), count: 0)),
    ]
}
