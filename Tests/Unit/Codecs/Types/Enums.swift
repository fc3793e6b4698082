/// Enums with values and without, of the compiler's making and of people's.
enum Enums {
    enum Plain: Codable { case a, b }
    enum Text: String, Codable { case one, two = "zwei", empty = "" }
    enum Number: Int, Codable { case low = -1, high = 300 }
    enum Fraction: Double, Codable { case half = 0.5 }

    enum Associated: Codable {
        case none
        case one(Int)
        case named(value: String, count: Int?)
        case mixed(Int, label: Bool, _: [Double])
        indirect case again(Associated)
    }

    enum Renamed: Codable {
        case hot(degrees: Double)
        case cold
        enum CodingKeys: String, CodingKey { case hot = "h", cold = "c" }
        enum HotCodingKeys: String, CodingKey { case degrees = "d" }
    }

    /// A value or another, without a word that says which.
    enum Either: Codable {
        case number(Int)
        case text(String)
        case list([Either])
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                self = .list(try container.decode([Either].self))
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .number(let value): try container.encode(value)
            case .text(let value): try container.encode(value)
            case .list(let value): try container.encode(value)
            }
        }
    }

    /// Told by a member beside those of the value.
    enum Shape: Codable {
        case circle(Circle)
        case square(Square)
        struct Circle: Codable { var radius = 1.5 }
        struct Square: Codable { var side = 2 }
        private enum Keys: CodingKey { case type }
        init(from decoder: any Decoder) throws {
            switch try decoder.container(keyedBy: Keys.self).decode(String.self, forKey: .type) {
            case "circle": self = .circle(try Circle(from: decoder))
            default: self = .square(try Square(from: decoder))
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            switch self {
            case .circle(let circle):
                try container.encode("circle", forKey: .type)
                try circle.encode(to: encoder)
            case .square(let square):
                try square.encode(to: encoder)
                try container.encode("square", forKey: .type)
            }
        }
    }

    /// Told by the only key, whose value it is.
    enum Command: Codable {
        case move(to: Flattened.Point)
        case stop
        private enum Keys: CodingKey { case move, stop }
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            if container.contains(.stop) {
                self = .stop
            } else {
                self = .move(to: try container.decode(Flattened.Point.self, forKey: .move))
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            switch self {
            case .move(let point): try container.encode(point, forKey: .move)
            case .stop: try container.encodeNil(forKey: .stop)
            }
        }
    }

    /// Told by the first element.
    enum Tuple: Codable {
        case pair(Int, String)
        case empty
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            guard try container.decode(String.self) == "pair" else {
                self = .empty
                return
            }
            self = .pair(try container.decode(Int.self), try container.decode(String.self))
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            switch self {
            case .pair(let number, let text):
                try container.encode("pair")
                try container.encode(number)
                try container.encode(text)
            case .empty: try container.encode("empty")
            }
        }
    }

    enum Result<Value: Codable>: Codable {
        case success(Value)
        case failure(code: Int)
    }

    static let cases: [TypeCase] = [
        TypeCase(Plain.a), TypeCase([Plain.a, .b]), TypeCase([Text.one, .two, .empty]), TypeCase([Number.low, .high]),
        TypeCase(Fraction.half), TypeCase([Associated.none, .one(1), .named(value: "x", count: nil)]),
        TypeCase(Associated.mixed(1, label: true, [])), TypeCase(Associated.again(.again(.one(2)))),
        TypeCase([Renamed.hot(degrees: 40), .cold]), TypeCase(Either.list([.number(1), .text("a"), .list([])])),
        TypeCase([Shape.circle(.init()), .square(.init())]), TypeCase([Command.move(to: .init()), .stop]),
        TypeCase([Tuple.pair(1, "a"), .empty]), TypeCase([Result.success(["k": 1]), .failure(code: 5)]),
        TypeCase(["e": Associated.one(1)]),
    ]
}
