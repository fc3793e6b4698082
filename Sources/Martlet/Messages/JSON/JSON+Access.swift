extension JSON {
    /// Whether it is `null`.
    public var isNull: Bool { if case .null = self { true } else { false } }

    /// The truth value; `nil` if it is something else.
    public var bool: Bool? { if case .boolean(let value) = self { value } else { nil } }

    /// The text; `nil` if it is something else.
    public var string: String? { if case .string(let text) = self { text } else { nil } }

    /// The elements; `nil` if it is no array.
    public var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }

    /// The members; `nil` if it is no object.
    public var object: [String: JSON]? { if case .object(let members) = self { members } else { nil } }

    /// The number, if it is whole and fits; `nil` otherwise.
    public var int: Int? { whole() }

    /// The number, if it is whole and fits; `nil` otherwise.
    public var int64: Int64? { whole() }

    /// The number, if it is whole, not negative, and fits; `nil` otherwise.
    public var uint64: UInt64? { whole() }

    /// The number, or the nearest one that a `Double` has; `nil` if it is something else.
    public var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .natural(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    private func whole<Integer: FixedWidthInteger>() -> Integer? {
        switch self {
        case .integer(let number): Integer(exactly: number)
        case .natural(let number): Integer(exactly: number)
        case .number(let number): Integer(exactly: number)
        default: nil
        }
    }
}

// MARK: Members and elements

extension JSON {
    /// One step into a value: a key or a position.
    public enum Step: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        /// To the member of a key.
        case key(String)
        /// To the element of a position, from 0.
        case position(Int)

        /// To the member of a key.
        public init(stringLiteral key: String) { self = .key(key) }
        /// To the element of a position.
        public init(integerLiteral position: Int) { self = .position(position) }
    }

    /// The member of a key; `nil` if there is none, or this is no object.
    ///
    /// Setting one makes an object of what is none. Setting `nil` removes the member.
    public subscript(key: String) -> JSON? {
        get { object?[key] }
        set {
            guard newValue != nil || object != nil else { return }
            var members = object ?? [:]
            members[key] = newValue
            self = .object(members)
        }
    }

    /// The element of a position; `nil` if there is none, or this is no array.
    ///
    /// Setting the one behind the last appends; one further on changes nothing. `null` becomes an array. Setting `nil` removes
    /// the element.
    public subscript(position: Int) -> JSON? {
        get { array.flatMap { $0.indices.contains(position) ? $0[position] : nil } }
        set {
            guard var elements = array ?? (isNull ? [] : nil), (0...elements.count).contains(position) else { return }
            switch (newValue, position < elements.count) {
            case (let value?, true): elements[position] = value
            case (let value?, false): elements.append(value)
            case (nil, true): elements.remove(at: position)
            case (nil, false): return
            }
            self = .array(elements)
        }
    }

    /// What some steps lead to: `json["values", 0]`; `nil` if there is nothing. Without a step it is the value itself.
    ///
    /// Setting it makes the objects and arrays on the way; see the subscripts of one step. Setting `nil` removes it.
    public subscript(_ first: Step, _ second: Step, _ more: Step...) -> JSON? {
        get { self[path: [first, second] + more] }
        set { self[path: [first, second] + more] = newValue }
    }

    /// What some steps lead to, or a value where there is nothing: `json["counts", "north", default: 0]`.
    public subscript(_ path: Step..., default value: @autoclosure () -> JSON) -> JSON {
        get { self[path: path] ?? value() }
        set { self[path: path] = newValue }
    }

    /// What a list of steps leads to; see ``subscript(_:_:_:)``.
    public subscript(path path: some Collection<Step>) -> JSON? {
        get {
            var value: JSON? = self
            for step in path { value = value?[step] }
            return value
        }
        set {
            guard let first = path.first else {
                self = newValue ?? .null
                return
            }
            guard path.count > 1 else {
                self[first] = newValue
                return
            }
            guard self[first] != nil || newValue != nil else { return }
            var inner = self[first] ?? .null
            inner[path: path.dropFirst()] = newValue
            self[first] = inner
        }
    }

    private subscript(step: Step) -> JSON? {
        get {
            switch step {
            case .key(let key): self[key]
            case .position(let position): self[position]
            }
        }
        set {
            switch step {
            case .key(let key): self[key] = newValue
            case .position(let position): self[position] = newValue
            }
        }
    }
}
