import Foundation

/// Types that are written as another value.
enum Wrappers {
    struct ID<Value: Codable>: RawRepresentable, Codable { var rawValue: Value }

    /// Its raw value is text.
    struct Name: RawRepresentable, Codable { var rawValue: String }

    struct Flags: OptionSet, Codable { var rawValue: UInt8 }

    struct Single<Value: Codable>: Codable {
        var value: Value
        init(_ value: Value) { self.value = value }
        init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Value.self) }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }

    /// By the encoder itself.
    struct Forwarding<Value: Codable>: Codable {
        var value: Value
        init(_ value: Value) { self.value = value }
        init(from decoder: any Decoder) throws { value = try Value(from: decoder) }
        func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
    }

    @propertyWrapper struct Clamped: Codable {
        var wrappedValue: Int
        init(wrappedValue: Int) { self.wrappedValue = min(max(wrappedValue, 0), 10) }
        init(from decoder: any Decoder) throws { self.init(wrappedValue: try Int(from: decoder)) }
        func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
    }

    @propertyWrapper struct Lossless: Codable {
        var wrappedValue: Int
        init(wrappedValue: Int) { self.wrappedValue = wrappedValue }
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                wrappedValue = number
            } else {
                wrappedValue = Int(try container.decode(String.self)) ?? 0
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode("\(wrappedValue)")
        }
    }

    struct Wrapped: Codable {
        @Clamped var level = 7
        @Lossless var number = -5
        var id = ID(rawValue: 4)
        var names = [Name(rawValue: "a/b"), Name(rawValue: "")]
        var flags: Flags = [Flags(rawValue: 1), Flags(rawValue: 128)]
    }

    /// Null, and the absence of a value, in every place.
    struct Nulls: Codable {
        var optional: Int??
        var list: [String?] = [nil, "", nil]
        var table: [String: Bool?] = ["a": nil, "b": true]
        var nothing: Single<Int?> = Single(nil)
        var optionalPoint: Flattened.Point? = nil
    }

    struct ExplicitNull: Codable {
        var value: Int?
        private enum Keys: CodingKey { case value }
        init(_ value: Int?) { self.value = value }
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            guard container.contains(.value) else { throw CancellationError() }
            value = try container.decodeIfPresent(Int.self, forKey: .value)
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(value, forKey: .value)
        }
    }

    /// A type of Foundation's in each place, and types that are written as one.
    struct Foundations: Codable {
        var data = Data([0, 255, 62, 63])
        var url = URL(filePath: "/a b")
        var decimal = Decimal(string: "123456789012345678901234567890.5") ?? 0
        var uuid = UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
        var date = Date(timeIntervalSince1970: 1_700_000_000)
        var single = Single(Data([1]))
        var optional: Date? = Date(timeIntervalSince1970: -1)
        var list = [Data(), Data([7])]
    }

    /// The same for MessagePack, which has no decimals.
    struct Dates: Codable {
        var forwarded = Single(Date(timeIntervalSince1970: 5))
        var table = [1: Date(timeIntervalSince1970: 6)]
        var locale = Locale(identifier: "de_DE").identifier
        var zone = TimeZone(secondsFromGMT: 3_600)
        var components = DateComponents(year: 2_001, month: 1)
        var range = NSRange(location: 1, length: 2)
    }

    struct Sizes: Codable {
        var small: [Int8] = [.min, 0, .max]
        var large: [UInt64] = [.max, 0]
        var shorts: [Int16] = [1]
        var words: [UInt32] = []
        var half = Float16(0.5)
        var float = Float(0.1)
        var floats: [Float] = [1, 0.1, -1e-9]
        var doubles = [0.1, 1e300, Double.leastNonzeroMagnitude, -1.5, 1e21]
        var text = "\u{0}\u{1F}\"\\/é😀\u{2028}"
        var duration = Duration.milliseconds(1_500)
    }

    struct Ranges: Codable {
        var closed = 1...3
        var open = 0.5..<1.5
        var from = 3...
        var upTo = ..<7
        var through = ...8
        var empty = 5..<5
        var set: Set<String> = ["only"]
        var contiguous = ContiguousArray(["a"])
    }

    /// An existential, told by a member.
    struct Existential: Codable {
        enum Kind: String, Codable { case point, label }
        private enum Keys: CodingKey { case kind }
        var value: any Codable
        init(_ value: any Codable) { self.value = value }
        init(from decoder: any Decoder) throws {
            switch try decoder.container(keyedBy: Keys.self).decode(Kind.self, forKey: .kind) {
            case .point: value = try Flattened.Point(from: decoder)
            case .label: value = try Flattened.Label(from: decoder)
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(value is Flattened.Point ? Kind.point : .label, forKey: .kind)
            try value.encode(to: encoder)
        }
    }

    static let cases: [TypeCase] = [
        TypeCase(ID(rawValue: 1)), TypeCase(ID(rawValue: [1])), TypeCase([Name(rawValue: "é")]),
        TypeCase(Flags(rawValue: 3)), TypeCase(Single(5)), TypeCase(Single("x")), TypeCase(Single([1, 2])),
        TypeCase(Single(Single(Single(["a": 1])))), TypeCase(Single(Int?.none)), TypeCase(Single(Flattened.Mute())),
        TypeCase(Forwarding(true)), TypeCase(Forwarding(Flattened.Point())), TypeCase(Forwarding([Int8(1)])),
        TypeCase(Forwarding(Single(1.5))), TypeCase(Wrapped()), TypeCase(Nulls()), TypeCase(ExplicitNull(nil)),
        TypeCase(ExplicitNull(1)), TypeCase(Dates()), TypeCase(Sizes()), TypeCase(Ranges()),
        TypeCase([Existential(Flattened.Point()), Existential(Flattened.Label())]), TypeCase("text"),
        TypeCase(Int?.none),
        TypeCase([[Int]]()), TypeCase([Single([Single(1)])]),
    ]
}
