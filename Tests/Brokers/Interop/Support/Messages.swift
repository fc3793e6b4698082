import IntegrationSupport

// The messages that both sides of the tests know; Peers/messages.py has the same.

struct Reading: Codable, Sendable, Hashable {
    var number = -1
    var text = ""
    var ratio = 0.0
    var flag = false
    var tags: [JSON] = []
    var nested: [String: JSON] = [:]

    /// One that exercises JSON: accents, quotes, nothing, nesting.
    static func sample(_ number: Int) -> Reading {
        Reading(
            number: number,
            text: "reading \(number) äα \"q\" \\ /",
            ratio: Double(number) / 4,
            flag: number.isMultiple(of: 2),
            tags: ["a", .number(Double(number)), nil],
            nested: ["k": ["n": .number(Double(number + 1))]]
        )
    }

    var json: JSON {
        [
            "number": .number(Double(number)), "text": .string(text), "ratio": .number(ratio), "flag": .boolean(flag),
            "tags": .array(tags), "nested": .object(nested),
        ]
    }
}

struct Pair: Codable, Sendable, Hashable {
    var a = 0
    var b = 0

    var json: JSON { ["a": .number(Double(a)), "b": .number(Double(b))] }

    static func sample(_ number: Int) -> Pair { Pair(a: 7 * number - 3, b: 1_000 - number * number) }
}

struct Sum: Codable, Sendable, Hashable {
    var c: Int
}

struct CountGoal: Codable, Sendable {
    var target: Int
}

struct CountFeedback: Codable, Sendable {
    var current: Int
}

struct CountResult: Codable, Sendable, Hashable {
    var count: Int
}

/// What a node answers when it is told to start or stop.
struct ControlAnswer: Codable, Sendable, Hashable {
    var status: Int
    var error: String
}

struct Door: Codable, Sendable, Hashable {
    var open: Bool
}
