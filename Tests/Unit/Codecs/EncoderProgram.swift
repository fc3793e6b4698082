import MartletTesting

/// What a type does with its encoder, in some order: a program of steps.
///
/// The random ones have no step that Foundation's encoder stops the process for; nor a scalar beside a container, which it
/// leaves in an encoder that it uses for another value later.
struct EncoderProgram: Encodable {
    /// A step with the encoder itself.
    enum Step {
        case keyed([Member])
        case unkeyed([Element])
        /// `encoder.singleValueContainer().encode(…)`
        case single(Content)
        /// `….encode(to: encoder)`
        case same(Content)
    }

    /// A step with a keyed container.
    indirect enum Member {
        case content(Key, Content)
        case object(Key, [Member])
        /// A nested container, and what is written to the outer one before and between what is written to it.
        case around(Key, [Member], between: [Member], [Member])
        case array(Key, [Element])
        case superclass(EncoderProgram)
        case superclassUnder(Key, EncoderProgram)
    }

    /// A step with an unkeyed container.
    indirect enum Element {
        case content(Content)
        case object([Member])
        case array([Element])
        case superclass(EncoderProgram)
    }

    /// What may be encoded.
    indirect enum Content {
        case number(Int)
        case null
        case numbers([Int])
        case small([Int16])
        case texts([String])
        case dictionary([String: Int])
        case byNumber([Int: String])
        case program(EncoderProgram)
        case programs([EncoderProgram])
        case optional(EncoderProgram)
    }

    enum Key: String, CodingKey, CaseIterable { case a, b, c, d, e, f }
    enum OtherKey: String, CodingKey { case a, b, c, d, e, f }

    var steps: [Step]

    func encode(to encoder: any Encoder) throws {
        for step in steps {
            switch step {
            case .keyed(let members):
                var container = encoder.container(keyedBy: Key.self)
                for member in members { try member.run(in: &container) }
            case .unkeyed(let elements):
                var container = encoder.unkeyedContainer()
                for element in elements { try element.run(in: &container) }
            case .single(let content):
                var container = encoder.singleValueContainer()
                try container.encode(content)
            case .same(let content):
                try content.value.encode(to: encoder)
            }
        }
    }
}

extension EncoderProgram.Content {
    fileprivate var value: any Encodable {
        switch self {
        case .number(let value): value
        case .null: Int?.none
        case .numbers(let value): value
        case .small(let value): value
        case .texts(let value): value
        case .dictionary(let value): value
        case .byNumber(let value): value
        case .program(let value): value
        case .programs(let value): value
        case .optional(let value): Optional(value)
        }
    }
}

extension SingleValueEncodingContainer {
    fileprivate mutating func encode(_ content: EncoderProgram.Content) throws {
        if case .null = content { return try encodeNil() }
        try encode(content.value)
    }
}

extension EncoderProgram.Member {
    fileprivate func run<Key: CodingKey>(in container: inout KeyedEncodingContainer<Key>) throws {
        func key(_ key: EncoderProgram.Key) -> Key? { Key(stringValue: key.rawValue) }
        switch self {
        case .content(let name, .null):
            if let key = key(name) { try container.encodeNil(forKey: key) }
        case .content(let name, let content):
            if let key = key(name) { try container.encode(content.value, forKey: key) }
        case .object(let name, let members):
            guard let key = key(name) else { return }
            var nested = container.nestedContainer(keyedBy: EncoderProgram.OtherKey.self, forKey: key)
            for member in members { try member.run(in: &nested) }
        case .around(let name, let first, let between, let last):
            guard let key = key(name) else { return }
            var nested = container.nestedContainer(keyedBy: EncoderProgram.Key.self, forKey: key)
            for member in first { try member.run(in: &nested) }
            for member in between { try member.run(in: &container) }
            for member in last { try member.run(in: &nested) }
        case .array(let name, let elements):
            guard let key = key(name) else { return }
            var nested = container.nestedUnkeyedContainer(forKey: key)
            for element in elements { try element.run(in: &nested) }
        case .superclass(let program):
            try program.encode(to: container.superEncoder())
        case .superclassUnder(let name, let program):
            if let key = key(name) { try program.encode(to: container.superEncoder(forKey: key)) }
        }
    }
}

extension EncoderProgram.Element {
    fileprivate func run(in container: inout any UnkeyedEncodingContainer) throws {
        switch self {
        case .content(.null): try container.encodeNil()
        case .content(let content): try container.encode(content.value)
        case .object(let members):
            var nested = container.nestedContainer(keyedBy: EncoderProgram.OtherKey.self)
            for member in members { try member.run(in: &nested) }
        case .array(let elements):
            var nested = container.nestedUnkeyedContainer()
            for element in elements { try element.run(in: &nested) }
        case .superclass(let program):
            try program.encode(to: container.superEncoder())
        }
    }
}

// MARK: - Random programs

extension EncoderProgram {
    static func random(_ random: inout SplitMix64) -> EncoderProgram {
        var writer = Writer(random: random)
        defer { random = writer.random }
        return writer.program(depth: 0).0
    }

    /// What has come of something so far, as Foundation's encoder sees it.
    private enum Outcome {
        case scalar
        /// An array that can't be gone on with.
        case sealed
        case array
        case object(Members)
    }

    /// What an object has under its keys so far.
    private final class Members {
        var outcomes: [String: Outcome] = [:]
    }

    /// What an encoder has been asked for so far.
    private final class Asked {
        var object: Members?
        var isArray = false
        var single: Outcome?

        var isContainer: Bool { isArray || object != nil }

        /// The members, if a keyed container may be asked for.
        func members() -> Members? {
            if let object { return object }
            if case .object(let members)? = single {
                (object, single) = (members, nil)
            } else if single == nil, !isArray {
                object = Members()
            }
            return object
        }

        /// Whether an unkeyed container may be asked for.
        func elements() -> Bool {
            if isArray { return true }
            if case .array? = single {
                (isArray, single) = (true, nil)
            } else if single == nil, object == nil {
                isArray = true
            }
            return isArray
        }

        /// What it all is; the encoder is then as new, but for a scalar beside a container.
        func take() -> Outcome? {
            if let object {
                self.object = nil
                return .object(object)
            }
            if isArray {
                isArray = false
                return .array
            }
            defer { single = nil }
            return single
        }
    }

    private struct Writer {
        var random: SplitMix64

        private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        private mutating func key() -> Key { Key.allCases.randomElement(using: &random) ?? .a }
        private mutating func list<Value>(_ most: Int, _ make: (inout Writer) -> Value?) -> [Value] {
            (0..<number(0...most)).compactMap { _ in make(&self) }
        }

        mutating func program(depth: Int) -> (EncoderProgram, Outcome) {
            let asked = Asked()
            let program = EncoderProgram(steps: steps(asked, depth))
            return (program, asked.take() ?? .object(Members()))
        }

        private mutating func steps(_ asked: Asked, _ depth: Int) -> [Step] {
            var steps = list(depth == 0 ? 4 : 2) { $0.step(asked, depth) }
            // The outermost has to write something.
            if depth == 0, !asked.isContainer, asked.single == nil, asked.members() != nil { steps.append(.keyed([])) }
            return steps
        }

        private mutating func step(_ asked: Asked, _ depth: Int) -> Step? {
            switch number(0...5) {
            case 0...2: asked.members().map { .keyed(members($0, depth)) }
            case 3: asked.elements() ? .unkeyed(elements(depth)) : nil
            case 4: single(asked, depth).map { .single($0) }
            default: same(asked, depth).map { .same($0) }
            }
        }

        /// What the single-value container may take.
        private mutating func single(_ asked: Asked, _ depth: Int) -> Content? {
            guard asked.single == nil else { return nil }
            switch number(asked.isContainer ? 4...8 : 0...8) {
            case 0:
                asked.single = .scalar
                return .number(number(0...99))
            case 1:
                asked.single = .scalar
                return .null
            case 2:
                asked.single = .sealed
                return .numbers([1, 2])
            case 3:
                asked.single = .sealed
                return .small([3])
            case 4, 5:
                guard let members = asked.members() else { return nil }
                let dictionary = dictionary(members)
                asked.single = asked.take()
                return .dictionary(dictionary)
            case 6 where depth < 3:
                guard asked.elements() else { return nil }
                asked.single = asked.take()
                return .programs(list(2) { $0.program(depth: depth + 1).0 })
            case 7 where depth < 3:
                let program = EncoderProgram(steps: steps(asked, depth + 1))
                asked.single = asked.take() ?? .object(Members())
                return .program(program)
            default:
                return nil
            }
        }

        /// What may be encoded to the encoder itself.
        private mutating func same(_ asked: Asked, _ depth: Int) -> Content? {
            switch number(0...6) {
            case 0 where asked.single == nil && !asked.isContainer:
                asked.single = .scalar
                return .number(7)
            case 1: return asked.elements() ? .numbers([1, 2]) : nil
            case 2: return asked.elements() ? .texts(["x"]) : nil
            case 3: return asked.members().map { .dictionary(dictionary($0)) }
            case 4:
                guard let members = asked.members() else { return nil }
                members.outcomes["5"] = .scalar
                return .byNumber([5: "five"])
            case 5 where depth < 3: return .program(EncoderProgram(steps: steps(asked, depth + 1)))
            case 6 where depth < 3 && asked.single == nil:
                let program = EncoderProgram(steps: steps(asked, depth + 1))
                asked.single = asked.take() ?? .object(Members())
                return .optional(program)
            default: return nil
            }
        }

        private mutating func dictionary(_ members: Members) -> [String: Int] {
            let dictionary = [key().rawValue: number(0...99), "z": 1]
            for key in dictionary.keys { members.outcomes[key] = .scalar }
            return dictionary
        }

        /// What may be encoded as a value of its own, and what comes of it.
        private mutating func content(_ depth: Int) -> (Content, Outcome) {
            switch number(0...9) {
            case 0: return (.null, .scalar)
            case 1: return (.numbers(list(3) { $0.number(0...9) }), .sealed)
            case 2: return (.small([1]), .sealed)
            case 3: return (.texts(["é", "y"]), .sealed)
            case 4, 5:
                let members = Members()
                return (.dictionary(dictionary(members)), .object(members))
            case 6 where depth < 3: return (.programs(list(2) { $0.program(depth: depth + 1).0 }), .array)
            case 7 where depth < 3:
                let (program, outcome) = program(depth: depth + 1)
                return (.program(program), outcome)
            case 8 where depth < 3:
                let (program, outcome) = program(depth: depth + 1)
                return (.optional(program), outcome)
            default: return (.number(number(0...99)), .scalar)
            }
        }

        private mutating func members(_ members: Members, _ depth: Int) -> [Member] {
            list(depth == 0 ? 5 : 3) { $0.member(members, depth) }
        }

        private mutating func member(_ members: Members, _ depth: Int) -> Member? {
            let key = key()
            let name = key.rawValue
            switch number(0...8) {
            case 0...2:
                let (content, outcome) = content(depth)
                members.outcomes[name] = outcome
                return .content(key, content)
            case 3, 4:
                guard depth < 4, let inner = object(name, members) else { return nil }
                return .object(key, self.members(inner, depth + 1))
            case 5:
                guard depth < 4, let inner = object(name, members) else { return nil }
                let first = self.members(inner, depth + 1)
                // Whatever takes its place meanwhile, the container that was asked for goes on with what it is of.
                let between = self.members(members, depth + 1)
                return .around(key, first, between: between, self.members(inner, depth + 1))
            case 6:
                switch members.outcomes[name] {
                case nil, .array: members.outcomes[name] = .array
                default: return nil
                }
                return .array(key, elements(depth + 1))
            case 7 where depth < 3:
                let (program, outcome) = program(depth: depth + 1)
                members.outcomes["super"] = outcome
                return .superclass(program)
            case 8 where depth < 3:
                let (program, outcome) = program(depth: depth + 1)
                members.outcomes[name] = outcome
                return .superclassUnder(key, program)
            default:
                return nil
            }
        }

        /// The members of the object under a key, if a nested keyed container may be asked for.
        private func object(_ name: String, _ members: Members) -> Members? {
            switch members.outcomes[name] {
            case .object(let inner)?: return inner
            case nil:
                let inner = Members()
                members.outcomes[name] = .object(inner)
                return inner
            default: return nil
            }
        }

        private mutating func elements(_ depth: Int) -> [Element] {
            list(3) { writer in
                switch writer.number(0...5) {
                case 3 where depth < 4: .object(writer.members(Members(), depth + 1))
                case 4 where depth < 4: .array(writer.elements(depth + 1))
                case 5 where depth < 3: .superclass(writer.program(depth: depth + 1).0)
                default: .content(writer.content(depth).0)
                }
            }
        }
    }
}
