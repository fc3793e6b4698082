import Martlet

/// The name of a metric, made of where a message came from and of which field it was. A pure value.
///
/// It is text with braces: `{1}`, `{2}`, … for what the first, second, … `*` of the filter matched; `{rest}` for what its `#`
/// matched; `{topic}` for the whole topic; `{field}` for the field. What these stand for may be several segments, which dots
/// separate; a segment that comes out empty is left out.
struct MetricTemplate: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case text(String)
        case capture(Int)
        case rest, topic, field
    }

    /// What a template is filled with.
    struct Source {
        var topic: TopicName
        var captures: [String] = []
        var rest: [String] = []
        var field: [String] = []
    }

    private let pieces: [Piece]
    let text: String

    /// - Throws: `MessagingError.Code.invalidArgument` for a text that is no template.
    init(_ text: String) throws {
        func problem(_ reason: String) -> MessagingError {
            MessagingError(.invalidArgument, "the name of a metric \(quoted(text)) is not valid: \(reason)")
        }
        self.text = text
        var pieces: [Piece] = []
        var left = text[...]
        while let open = left.firstIndex(of: "{") {
            guard let close = left[open...].firstIndex(of: "}") else { throw problem("a brace is not closed") }
            if open > left.startIndex { pieces.append(.text(String(left[..<open]))) }
            let name = left[left.index(after: open)..<close]
            switch name {
            case "rest": pieces.append(.rest)
            case "topic": pieces.append(.topic)
            case "field": pieces.append(.field)
            default:
                guard let number = Int(name), number > 0 else {
                    throw problem("\(quoted("{\(name)}")) is no number from 1, nor {rest}, {topic} or {field}")
                }
                pieces.append(.capture(number))
            }
            left = left[left.index(after: close)...]
        }
        if !left.isEmpty { pieces.append(.text(String(left))) }
        guard !pieces.isEmpty else { throw problem("it is empty") }
        for case .text(let text) in pieces where text.contains(where: { $0.isWhitespace || ";~".contains($0) }) {
            throw problem("white space, ; and '~' can't stand in one")
        }
        self.pieces = pieces
    }

    /// Whether it says which field a value is of.
    var tellsFields: Bool { pieces.contains(.field) }

    /// The number of the last capture that it asks for.
    var lastCapture: Int { pieces.map { if case .capture(let number) = $0 { number } else { 0 } }.max() ?? 0 }

    /// Whether it asks for what a `#` matched.
    var usesRest: Bool { pieces.contains(.rest) }

    /// The name.
    func name(of source: Source) -> String {
        let whole = pieces.map { piece in
            switch piece {
            case .text(let text): text
            case .capture(let number):
                number <= source.captures.count ? MetricName.segment(source.captures[number - 1]) : ""
            case .rest: MetricName.path(source.rest)
            case .topic: MetricName.path(source.topic.segments)
            case .field: MetricName.path(source.field)
            }
        }
        .joined()
        return whole.split(separator: ".").joined(separator: ".")
    }
}

/// Text that Carbon takes as a part of a name. Pure.
package enum MetricName {
    /// A segment, with `_` for what can't stand in one: white space, control characters, dots, slashes, and what has a meaning
    /// to Graphite.
    static func segment(_ text: String) -> String {
        String(
            text.map { character in
                let isPlain =
                    character.isLetter || character.isNumber || "-_:+%@=".contains(character)
                return isPlain ? character : "_"
            }
        )
    }

    /// Segments with dots between them.
    package static func path(_ segments: [String]) -> String { segments.map(segment).joined(separator: ".") }

    /// Whether a text can be the name of a tag (`Graphite: tag names have at least one character, and none of ;!^=`).
    static func isTag(_ name: String) -> Bool {
        !name.isEmpty && name == segment(name) && !name.contains("=")
    }
}
