import Martlet

/// Which messages a route of a file passes on. A pure value.
struct MessageFilter: Hashable, Sendable {
    /// What is looked at.
    enum Subject: Hashable, Sendable {
        /// A member of a JSON body: what leads there.
        case field([String])
        case header(String)
    }

    /// What a file compares with.
    enum Operand: Hashable, Sendable {
        case boolean(Bool)
        case number(Double)
        case text(String)
    }

    /// What is asked of it.
    enum Test: Hashable, Sendable {
        case exists(Bool)
        case equals(Operand)
        case differs(Operand)
        case above(Double)
        case below(Double)
    }

    struct Condition: Hashable, Sendable {
        var subject: Subject
        /// All of them have to hold.
        var tests: [Test]
    }

    /// All of them have to hold.
    var conditions: [Condition] = []
    /// Topics that are left out.
    var exceptions: [TopicPattern] = []

    /// Whether everything passes.
    var isEmpty: Bool { conditions.isEmpty && exceptions.isEmpty }

    /// Whether a message passes. What is no JSON has no fields.
    func passes(_ message: Message, from topic: TopicName) -> Bool {
        if exceptions.contains(where: { $0.matches(topic) }) { return false }
        guard !conditions.isEmpty else { return true }
        var body: JSON?
        for condition in conditions {
            let value: JSON?
            switch condition.subject {
            case .header(let name):
                value = message.headers[name]?.string.map(JSON.string)
            case .field(let path):
                let json = body ?? (try? JSON(parsing: message.body)) ?? .null
                body = json
                value = json.member(at: path)
            }
            guard condition.tests.allSatisfy({ $0.holds(for: value) }) else { return false }
        }
        return true
    }
}

extension MessageFilter.Test {
    fileprivate func holds(for value: JSON?) -> Bool {
        switch self {
        case .exists(let isThere): (value != nil) == isThere
        case .equals(let operand): value?.equals(operand) ?? false
        case .differs(let operand): !(value?.equals(operand) ?? false)
        case .above(let bound): value?.number.map { $0 > bound } ?? false
        case .below(let bound): value?.number.map { $0 < bound } ?? false
        }
    }
}

extension JSON {
    /// What stands in objects behind names, and in arrays at numbers from 0.
    fileprivate func member(at path: [String]) -> JSON? {
        var value = self
        for name in path {
            switch value {
            case .object(let members):
                guard let member = members[name] else { return nil }
                value = member
            case .array(let elements):
                guard let index = Int(name), elements.indices.contains(index) else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }

    /// Also of a text that is one: headers are texts on most brokers.
    fileprivate var number: Double? {
        if case .string(let text) = self { Double(text) } else { double }
    }

    fileprivate func equals(_ operand: MessageFilter.Operand) -> Bool {
        switch operand {
        case .boolean(let flag): self == .boolean(flag) || self == .string("\(flag)")
        case .number(let number): self.number == number
        case .text(let text): self == .string(text)
        }
    }
}
