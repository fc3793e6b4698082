/// Types that write into containers inside of containers.
enum Nestings {
    private enum Keys: String, CodingKey { case a, b, c, d, data, attributes, items, meta }

    /// JSON:API's form: members two objects deep.
    struct Resource: Codable {
        var title = "t"
        var count = 2
        init() {}
        init(from decoder: any Decoder) throws {
            let outer = try decoder.container(keyedBy: Keys.self)
            let data = try outer.nestedContainer(keyedBy: Keys.self, forKey: .data)
            let attributes = try data.nestedContainer(keyedBy: Keys.self, forKey: .attributes)
            title = try attributes.decode(String.self, forKey: .a)
            count = try data.nestedContainer(keyedBy: Keys.self, forKey: .meta).decode(Int.self, forKey: .b)
        }
        func encode(to encoder: any Encoder) throws {
            var outer = encoder.container(keyedBy: Keys.self)
            var data = outer.nestedContainer(keyedBy: Keys.self, forKey: .data)
            var attributes = data.nestedContainer(keyedBy: Keys.self, forKey: .attributes)
            var meta = data.nestedContainer(keyedBy: Keys.self, forKey: .meta)
            try meta.encode(count, forKey: .b)
            try attributes.encode(title, forKey: .a)
        }
    }

    /// Each member asks for its way anew.
    struct Again: Codable {
        var a = 1, b = 2
        init() {}
        init(from decoder: any Decoder) throws {
            func attributes() throws -> KeyedDecodingContainer<Keys> {
                try decoder.container(keyedBy: Keys.self).nestedContainer(keyedBy: Keys.self, forKey: .data)
                    .nestedContainer(keyedBy: Keys.self, forKey: .attributes)
            }
            (a, b) = (try attributes().decode(Int.self, forKey: .a), try attributes().decode(Int.self, forKey: .b))
        }
        func encode(to encoder: any Encoder) throws {
            for (key, value) in [(Keys.a, a), (.b, b)] {
                var outer = encoder.container(keyedBy: Keys.self)
                var data = outer.nestedContainer(keyedBy: Keys.self, forKey: .data)
                var attributes = data.nestedContainer(keyedBy: Keys.self, forKey: .attributes)
                try attributes.encode(value, forKey: key)
            }
        }
    }

    /// An array that is gone on with.
    struct Appending: Codable {
        var items = [1, 2, 3]
        init() {}
        init(from decoder: any Decoder) throws {
            items = try decoder.container(keyedBy: Keys.self).decode([Int].self, forKey: .items)
        }
        func encode(to encoder: any Encoder) throws {
            for item in items {
                var container = encoder.container(keyedBy: Keys.self)
                var array = container.nestedUnkeyedContainer(forKey: .items)
                try array.encode(item)
            }
        }
    }

    /// Objects, arrays and a superclass's encoder as elements.
    struct Elements: Codable {
        init() {}
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            let object = try container.nestedContainer(keyedBy: Keys.self)
            var array = try container.nestedUnkeyedContainer()
            guard try object.decode(Int.self, forKey: .a) == 1, try array.decode(Int.self) == 2,
                try array.nestedContainer(keyedBy: Keys.self).allKeys.isEmpty, array.isAtEnd,
                try Int(from: container.superDecoder()) == 3, try container.decodeNil(),
                try container.decodeIfPresent(Int.self) == 4, try container.decodeIfPresent(Int.self) == nil
            else { throw CancellationError() }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            var object = container.nestedContainer(keyedBy: Keys.self)
            var array = container.nestedUnkeyedContainer()
            try array.encode(2)
            try object.encode(1, forKey: .a)
            _ = array.nestedContainer(keyedBy: Keys.self)
            try 3.encode(to: container.superEncoder())
            try container.encodeNil()
            try container.encode(4)
        }
    }

    /// A finished value is gone on with.
    struct Amended: Codable {
        var point = Flattened.Point()
        var points = [Flattened.Point()]
        init() {}
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            point = try container.decode(Flattened.Point.self, forKey: .a)
            var array = try container.nestedUnkeyedContainer(forKey: .b)
            points = [try array.decode(Flattened.Point.self)]
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(point, forKey: .a)
            try container.encode(points, forKey: .b)
            var object = container.nestedContainer(keyedBy: Keys.self, forKey: .a)
            try object.encode("more", forKey: .c)
            var array = container.nestedUnkeyedContainer(forKey: .b)
            try array.encode("more")
        }
    }

    /// A nested container that a value takes the place of, and one more that goes on with that.
    struct Replaced: Codable {
        init() {}
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            let object = try container.nestedContainer(keyedBy: Zoo.AnyKey.self, forKey: .a)
            guard Set(object.allKeys.map(\.stringValue)) == ["x", "d"] else { throw CancellationError() }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            var first = container.nestedContainer(keyedBy: Keys.self, forKey: .a)
            try first.encode(1, forKey: .b)
            try container.encode(["x": 1], forKey: .a)
            try first.encode(2, forKey: .c)
            var second = container.nestedContainer(keyedBy: Keys.self, forKey: .a)
            try second.encode(3, forKey: .d)
        }
    }

    struct Matrix: Codable {
        var rows = [[1.5, 2], [], [3]]
        init() {}
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            rows = []
            while !container.isAtEnd {
                var row = try container.nestedUnkeyedContainer()
                var values: [Double] = []
                while !row.isAtEnd { values.append(try row.decode(Double.self)) }
                rows.append(values)
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            for row in rows {
                var nested = container.nestedUnkeyedContainer()
                for value in row { try nested.encode(value) }
            }
        }
    }

    /// Two arrays of the same object that are written to in turn.
    struct Columns: Codable {
        var pairs = [1: "a", 2: "b", 3: "c"]
        init() {}
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            let keys = try container.decode([Int].self, forKey: .a)
            pairs = Dictionary(uniqueKeysWithValues: zip(keys, try container.decode([String].self, forKey: .b)))
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            var keys = container.nestedUnkeyedContainer(forKey: .a)
            var values = container.nestedUnkeyedContainer(forKey: .b)
            for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
                try keys.encode(key)
                try values.encode(value)
            }
        }
    }

    /// A chain of objects as deep as a path.
    struct Deep: Codable {
        var path = ["a", "b", "c", "a"]
        init() {}
        init(from decoder: any Decoder) throws {
            var container = try decoder.container(keyedBy: Zoo.AnyKey.self)
            path = []
            while let key = container.allKeys.first {
                path.append(key.stringValue)
                container = try container.nestedContainer(keyedBy: Zoo.AnyKey.self, forKey: key)
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Zoo.AnyKey.self)
            for name in path {
                container = container.nestedContainer(keyedBy: Zoo.AnyKey.self, forKey: Zoo.AnyKey(name))
            }
        }
    }

    /// It writes where it is in the document.
    struct Whereabouts: Codable {
        init() {}
        init(from decoder: any Decoder) throws { _ = try String(from: decoder) }
        func encode(to encoder: any Encoder) throws {
            try encoder.codingPath.map(\.stringValue).joined(separator: "/").encode(to: encoder)
        }
    }

    struct Places: Codable {
        var list = [[Whereabouts()], [Whereabouts(), Whereabouts()]]
        var table = ["k": [Whereabouts()]]
        var one = Whereabouts()
    }

    /// Elements by way of a sequence.
    struct Streamed: Codable {
        var range = 0..<5
        init() {}
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            for number in range where try container.decode(Int.self) != number { throw CancellationError() }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode(contentsOf: range)
        }
    }

    /// A superclass's encoder that writes an array, a scalar or nothing.
    struct Supers: Codable {
        init() {}
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            guard try [Int](from: container.superDecoder(forKey: .a)) == [1, 2],
                try String(from: container.superDecoder(forKey: .b)) == "x",
                try container.superDecoder(forKey: .c).container(keyedBy: Keys.self).allKeys.isEmpty
            else { throw CancellationError() }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try [1, 2].encode(to: container.superEncoder(forKey: .a))
            try 1.encode(to: container.superEncoder(forKey: .b))
            try "x".encode(to: container.superEncoder(forKey: .b))
            _ = container.superEncoder(forKey: .c)
        }
    }

    static let cases: [TypeCase] = [
        TypeCase(Resource()), TypeCase(Again()), TypeCase(Appending()), TypeCase(Elements()), TypeCase(Amended()),
        TypeCase(Replaced()), TypeCase(Matrix()), TypeCase(Columns()), TypeCase(Deep()), TypeCase(Places()),
        TypeCase(Streamed()), TypeCase(Supers()), TypeCase([Amended(), Amended()]), TypeCase(["k": Resource()]),
        TypeCase(Flattened.Tagged("r", Resource())), TypeCase(Flattened.Tagged("a", Again())),
    ]
}
