import Martlet

/// Names and values: a message's headers, or a declaration's arguments. In order; a name may occur once.
public struct AMQPTable: Sendable {
    private var fields: [(name: String, value: AMQPValue)] = []

    /// An empty table.
    public init() {}

    /// A table of names of which each occurs once.
    init(unique fields: [(name: String, value: AMQPValue)]) {
        self.fields = fields
    }

    /// A table of what came from outside, where a name may occur twice: the last one counts.
    init(received fields: [(name: String, value: AMQPValue)]) {
        guard fields.count > 1, Set(fields.map { ByteKey($0.name) }).count != fields.count else {
            self.fields = fields
            return
        }
        var places: [ByteKey: Int] = [:]
        for field in fields {
            if let place = places[ByteKey(field.name)] {
                self.fields[place].value = field.value
            } else {
                places[ByteKey(field.name)] = self.fields.count
                self.fields.append(field)
            }
        }
    }

    /// The value of a name; assigning `nil` removes it.
    public subscript(name: String) -> AMQPValue? {
        get { fields.first { $0.name.hasSameBytes(as: name) }?.value }
        set {
            let index = fields.firstIndex { $0.name.hasSameBytes(as: name) }
            switch (index, newValue) {
            case (let index?, let value?): fields[index].value = value
            case (let index?, nil): fields.remove(at: index)
            case (nil, let value?): fields.append((name, value))
            case (nil, nil): break
            }
        }
    }

    /// Throws `MessagingError.Code.invalidArgument` for what AMQP can't carry: a name of more than 255 bytes, or
    /// tables too deep within each other.
    func validate() throws {
        if AMQPValue.table(self).isDeeper(than: AMQPValue.maximumDepth) {
            throw MessagingError(
                .invalidArgument,
                "a table holds tables or arrays more than \(AMQPValue.maximumDepth) deep"
            )
        }
        try validateNames()
    }

    private func validateNames() throws {
        for (name, value) in fields {
            try ShortText.check(name, "the name of a table's field")
            try Self.validateNames(value)
        }
    }

    private static func validateNames(_ value: AMQPValue) throws {
        switch value {
        case .table(let table): try table.validateNames()
        case .array(let values): for value in values { try validateNames(value) }
        default: break
        }
    }

    /// About how many bytes it takes on the wire; no fewer.
    var sizeBound: Int { fields.reduce(4) { $0 + 1 + $1.name.utf8.count + $1.value.sizeBound } }
}

extension AMQPValue {
    var sizeBound: Int {
        switch self {
        case .string(let text): 5 + text.utf8.count
        case .bytes(let bytes): 5 + bytes.count
        case .array(let values): values.reduce(5) { $0 + $1.sizeBound }
        case .table(let table): 1 + table.sizeBound
        default: 9
        }
    }
}

extension AMQPTable: RandomAccessCollection {
    /// The position of the first field.
    public var startIndex: Int { fields.startIndex }
    /// The position after the last field.
    public var endIndex: Int { fields.endIndex }
    /// The field at a position.
    public subscript(position: Int) -> (name: String, value: AMQPValue) { fields[position] }
}

extension AMQPTable: Hashable {
    /// Equal tables have the same names with the same values, in any order.
    public static func == (a: AMQPTable, b: AMQPTable) -> Bool {
        a.count == b.count && a.byName == b.byName
    }

    private var byName: [ByteKey: AMQPValue] {
        Dictionary(fields.map { (ByteKey($0.name), $0.value) }) { _, last in last }
    }

    /// Hashes the names and values, whatever their order.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(byName)
    }
}

extension AMQPTable: ExpressibleByDictionaryLiteral {
    /// A table of a literal; of a name that occurs twice the last value counts.
    public init(dictionaryLiteral elements: (String, AMQPValue)...) {
        for (name, value) in elements { self[name] = value }
    }
}
