/// Types that write several values into one object, or one array.
enum Flattened {
    struct Point: Codable { var x = 1, y = 2 }
    struct Label: Codable { var text = "é\"/", size: Double? = nil }

    /// Members of two other types as its own.
    struct Merged: Codable {
        var point = Point()
        var label = Label()
        init() {}
        init(from decoder: any Decoder) throws {
            point = try Point(from: decoder)
            label = try Label(from: decoder)
        }
        func encode(to encoder: any Encoder) throws {
            try point.encode(to: encoder)
            try label.encode(to: encoder)
        }
    }

    struct Three: Codable {
        var merged = Merged()
        var more = ["p": 1]
        init() {}
        private enum Keys: CodingKey { case own, p }
        init(from decoder: any Decoder) throws {
            merged = try Merged(from: decoder)
            more = ["p": try decoder.container(keyedBy: Keys.self).decode(Int.self, forKey: .p)]
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(true, forKey: .own)
            try merged.encode(to: encoder)
            try more.encode(to: encoder)
            try container.encode(false, forKey: .own)
        }
    }

    /// The members of an optional value, if there is one.
    struct Optionally: Codable {
        var point: Point? = Point()
        var own = 1
        init() {}
        private enum Keys: CodingKey { case own }
        init(from decoder: any Decoder) throws {
            point = try Point(from: decoder)
            own = try decoder.container(keyedBy: Keys.self).decode(Int.self, forKey: .own)
        }
        func encode(to encoder: any Encoder) throws {
            try point.encode(to: encoder)
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(own, forKey: .own)
        }
    }

    /// Its own members first.
    struct OptionallyAfter: Codable {
        var own = 1
        var point: Point? = Point()
        init() {}
        private enum Keys: CodingKey { case own }
        init(from decoder: any Decoder) throws { point = try Point(from: decoder) }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(own, forKey: .own)
            try point.encode(to: encoder)
        }
    }

    /// By the single-value container, and then a member.
    struct SingleThenKeyed: Codable {
        var values = ["a": 1, "b": 2]
        init() {}
        private enum Keys: CodingKey { case a, c }
        init(from decoder: any Decoder) throws {
            values = try decoder.singleValueContainer().decode([String: Int].self)
        }
        func encode(to encoder: any Encoder) throws {
            var single = encoder.singleValueContainer()
            try single.encode(values)
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(3, forKey: .a)
            try container.encode(4, forKey: .c)
        }
    }

    struct Tagged<Value: Codable>: Codable {
        var type: String
        var value: Value
        private enum Keys: String, CodingKey { case type = "@type" }
        init(_ type: String, _ value: Value) { (self.type, self.value) = (type, value) }
        init(from decoder: any Decoder) throws {
            type = try decoder.container(keyedBy: Keys.self).decode(String.self, forKey: .type)
            value = try Value(from: decoder)
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(type, forKey: .type)
            try value.encode(to: encoder)
        }
    }

    /// All that it does not know stays with it.
    struct Unknown: Codable {
        var id = 1
        var rest: [String: AnyValue] = ["x": .array([.null, .integer(1)]), "y": .object(["z": .text("")])]
        init() {}
        init(from decoder: any Decoder) throws {
            rest = try [String: AnyValue](from: decoder)
            id = try decoder.container(keyedBy: Keys.self).decode(Int.self, forKey: .id)
            rest["id"] = nil
        }
        private enum Keys: CodingKey { case id }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(id, forKey: .id)
            try rest.encode(to: encoder)
        }
    }

    /// One array of two.
    struct Joined: Codable {
        var numbers = [1, 2]
        var texts = ["a"]
        init() {}
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            numbers = [try container.decode(Int.self), try container.decode(Int.self)]
            texts = [try container.decode(String.self)]
            guard container.isAtEnd, container.count == 3 else { throw CancellationError() }
        }
        func encode(to encoder: any Encoder) throws {
            try numbers.encode(to: encoder)
            try texts.encode(to: encoder)
        }
    }

    struct JoinedAfterSingle: Codable {
        var points = [Point(), Point()]
        init() {}
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            points = [try container.decode(Point.self), try container.decode(Point.self)]
        }
        func encode(to encoder: any Encoder) throws {
            var single = encoder.singleValueContainer()
            try single.encode(points)
            var container = encoder.unkeyedContainer()
            try container.encode(container.count)
        }
    }

    /// The same member by keys of several types.
    struct ManyKeys: Codable {
        var a = 2
        init() {}
        private enum One: String, CodingKey { case first = "a" }
        private enum Two: CodingKey { case a, b }
        init(from decoder: any Decoder) throws {
            a = try decoder.container(keyedBy: One.self).decode(Int.self, forKey: .first)
        }
        func encode(to encoder: any Encoder) throws {
            var one = encoder.container(keyedBy: One.self)
            var two = encoder.container(keyedBy: Two.self)
            var three = encoder.container(keyedBy: Zoo.AnyKey.self)
            try two.encode("first", forKey: .a)
            try one.encode(1, forKey: .first)
            try two.encode([1], forKey: .b)
            try three.encode(a, forKey: Zoo.AnyKey("a"))
        }
    }

    /// A container that was asked for and not used, of either kind.
    struct Nothing: Codable {
        init() {}
        private enum Keys: CodingKey {}
        init(from decoder: any Decoder) throws { _ = try decoder.container(keyedBy: Keys.self) }
        func encode(to encoder: any Encoder) throws { _ = encoder.container(keyedBy: Keys.self) }
    }

    struct NoElements: Codable {
        init() {}
        init(from decoder: any Decoder) throws { _ = try decoder.unkeyedContainer() }
        func encode(to encoder: any Encoder) throws { _ = encoder.unkeyedContainer() }
    }

    /// It encodes nothing at all.
    struct Mute: Codable {
        init() {}
        init(from decoder: any Decoder) {}
        func encode(to encoder: any Encoder) {}
    }

    /// Beside members a scalar counts for nothing.
    struct ScalarBeside: Codable {
        init() {}
        private enum Keys: CodingKey { case a, b }
        init(from decoder: any Decoder) throws {
            _ = try decoder.container(keyedBy: Keys.self).decode(Int.self, forKey: .a)
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(1, forKey: .a)
            try 5.encode(to: encoder)
            try container.encode(2, forKey: .b)
        }
    }

    /// A protocol's extension that writes a member into whatever its types write.
    struct Stamped: Versioned {
        var value = [1: "one"]
        func encode(to encoder: any Encoder) throws {
            try value.encode(to: encoder)
            try encodeVersion(to: encoder)
        }
        init() {}
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Zoo.AnyKey.self)
            value = [1: try container.decode(String.self, forKey: Zoo.AnyKey("1"))]
        }
    }

    static let cases: [TypeCase] = [
        TypeCase(Point()), TypeCase(Label()), TypeCase(Merged()), TypeCase(Three()), TypeCase(Optionally()),
        TypeCase(OptionallyAfter()), TypeCase(SingleThenKeyed()), TypeCase(Tagged("point", Point())),

        TypeCase([Tagged("a", Merged()), Tagged("b", Merged())]),
        TypeCase(Unknown()), TypeCase(Joined()), TypeCase(JoinedAfterSingle()), TypeCase(ManyKeys()),
        TypeCase(Nothing()),
        TypeCase(NoElements()), TypeCase([Mute()]), TypeCase(["m": Mute()]),
        TypeCase(ScalarBeside()), TypeCase(Stamped()), TypeCase([Optionally(), Optionally()]),
    ]
}

protocol Versioned: Codable {}

private enum VersionKey: String, CodingKey { case version = "_v" }

extension Versioned {
    func encodeVersion(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: VersionKey.self)
        try container.encode(3, forKey: .version)
    }
}
