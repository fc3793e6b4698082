/// What travels beside a message's body: names and values.
///
/// Names are case-sensitive, are equal if their bytes are, and occur once. Messages have few headers, so they are kept in an array in the
/// order in which they were set; no headers cost nothing.
public struct Headers: Sendable {
    private(set) var fields: [(name: String, value: HeaderValue)] = []
    /// What came beside them. It makes no difference to whether headers are equal.
    package var native: NativeProperties?

    /// No headers.
    public init() {}

    /// Headers that have come from outside, of which the last of a name counts. Takes time in proportion to their number: a
    /// peer may send any.
    public init(received all: [Element]) {
        guard all.count > 16 else {
            for (index, field) in all.enumerated()
            where all[..<index].contains(where: { $0.name.hasSameBytes(as: field.name) }) {
                for (name, value) in all { self[name] = value }
                return
            }
            fields = all
            return
        }
        var places: [ByteKey: Int] = [:]
        for (name, value) in all {
            if let place = places[ByteKey(name)] {
                fields[place].value = value
            } else {
                places[ByteKey(name)] = fields.count
                fields.append((name, value))
            }
        }
    }

    /// Makes room for so many more, none of which then moves the others.
    mutating func reserve(_ count: Int) { fields.reserveCapacity(fields.count + count) }

    /// The value of a header; assigning `nil` removes it.
    public subscript(name: String) -> HeaderValue? {
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
}

extension Headers: RandomAccessCollection {
    /// The position of the first header.
    public var startIndex: Int { fields.startIndex }
    /// The position after the last header.
    public var endIndex: Int { fields.endIndex }
    /// The header at a position, in the order in which they were set.
    public subscript(position: Int) -> (name: String, value: HeaderValue) { fields[position] }
}

extension Headers: Hashable {
    /// Equal headers have the same names with the same values, in any order.
    public static func == (a: Headers, b: Headers) -> Bool {
        a.count == b.count && a.allSatisfy { b[$0.name] == $0.value }
    }

    /// Hashes the names and values, whatever their order.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(Dictionary(fields.map { (ByteKey($0.name), $0.value) }) { _, last in last })
    }
}

extension Headers: ExpressibleByDictionaryLiteral {
    /// Headers of a literal; of a name that occurs twice the last value counts.
    public init(dictionaryLiteral elements: (String, HeaderValue)...) {
        for (name, value) in elements { self[name] = value }
    }
}
