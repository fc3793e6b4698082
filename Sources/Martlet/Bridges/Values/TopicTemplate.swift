/// Where a message goes to, made of where it came from.
///
/// Its text is a topic in whose segments stand, in braces: `{1}`, `{2}`, … for what the first, second, … `*` of the
/// pattern matched; `{rest}` for what `#` matched; `{topic}` for the whole topic; `{origin}` for the topic that the
/// message had before the first bridge took it. The last three are whole segments. With the pattern `sensors.*.#`
/// the template `site.berlin.{1}.{rest}` makes `site.berlin.sonar.front.raw` of `sensors.sonar.front.raw`.
struct TopicTemplate: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case text(String)
        case capture(Int)
    }

    private enum Segment: Sendable, Hashable {
        case pieces([Piece])
        case rest
        case topic
        case origin
    }

    let text: String
    private let segments: [Segment]

    /// The template that leaves every topic as it is.
    static let identity = TopicTemplate("{topic}", [.topic])

    private init(_ text: String, _ segments: [Segment]) {
        self.text = text
        self.segments = segments
    }

    /// - Throws: ``MessagingError/Code/invalidArgument`` for a text that is no template.
    init(_ text: String) throws {
        self.text = text
        segments = try text.split(separator: ".", omittingEmptySubsequences: false).map { segment in
            switch segment {
            case "{rest}": .rest
            case "{topic}": .topic
            case "{origin}": .origin
            default: .pieces(try Self.pieces(of: segment, in: text))
            }
        }
    }

    private static func pieces(of segment: Substring, in text: String) throws -> [Piece] {
        func problem(_ reason: String) -> MessagingError {
            MessagingError(.invalidArgument, "the topic template \(quoted(text)) is not valid: \(reason)")
        }
        var pieces: [Piece] = []
        var left = segment
        while let open = left.firstIndex(of: "{") {
            guard let close = left[open...].firstIndex(of: "}") else { throw problem("a brace is not closed") }
            if open > left.startIndex { pieces.append(.text(String(left[..<open]))) }
            let name = left[left.index(after: open)..<close]
            guard let number = Int(name), number > 0 else {
                throw problem(
                    "{\(shortened(String(name)))} is no number from 1, nor {rest}, {topic} or {origin} as a whole segment"
                )
            }
            pieces.append(.capture(number))
            left = left[left.index(after: close)...]
        }
        if !left.isEmpty { pieces.append(.text(String(left))) }
        let literal = pieces.map { if case .text(let text) = $0 { text } else { "x" } }.joined()
        if let reason = TopicName("x.\(literal)").name.problem { throw problem(reason) }
        return pieces
    }

    /// Throws ``MessagingError/Code/invalidArgument`` if it asks for what a pattern's matches don't have.
    func validate(for pattern: TopicPattern) throws {
        let stars = pattern.segments.count { $0 == "*" }
        for segment in segments {
            switch segment {
            case .rest where pattern.segments.last != "#":
                throw unmatched("{rest}", pattern, "it has no '#'")
            case .pieces(let pieces):
                for case .capture(let number) in pieces where number > stars {
                    throw unmatched("{\(number)}", pattern, "it has \(stars) '*'")
                }
            case .rest, .topic, .origin: break
            }
        }
    }

    private func unmatched(_ name: String, _ pattern: TopicPattern, _ reason: String) -> MessagingError {
        MessagingError(
            .invalidArgument,
            "the topic template \(quoted(text)) has \(name), which \(quoted(pattern.text)) does not give: \(reason)"
        )
    }

    /// Whether it needs more than the topic to make one.
    var usesOrigin: Bool { segments.contains(.origin) }

    /// The topic for one that the pattern matches; `nil` if what comes out is no topic.
    func topic(for topic: TopicName, matching pattern: TopicPattern, origin: String? = nil) -> TopicName? {
        if segments == [.topic] { return topic }
        let came = topic.segments
        let wanted = pattern.segments
        var made: [String] = []
        for segment in segments {
            switch segment {
            case .rest:
                guard wanted.last == "#", came.count >= wanted.count - 1 else { return nil }
                made += came[(wanted.count - 1)...]
            case .topic:
                made += came
            case .origin:
                guard let origin else { return nil }
                made.append(origin)
            case .pieces(let pieces):
                var text = ""
                for piece in pieces {
                    switch piece {
                    case .text(let literal): text += literal
                    case .capture(let number):
                        guard let place = Self.place(ofStar: number, in: wanted), place < came.count else { return nil }
                        text += came[place]
                    }
                }
                made.append(text)
            }
        }
        let name = TopicName(made.joined(separator: "."))
        return name.name.isValid ? name : nil
    }

    private static func place(ofStar number: Int, in pattern: [String]) -> Int? {
        var seen = 0
        for (index, segment) in pattern.enumerated() where segment == "*" {
            seen += 1
            if seen == number { return index }
        }
        return nil
    }

    /// Every topic that can come out.
    func shape(for pattern: TopicPattern) -> TopicShape {
        TopicShape(
            segments.flatMap { segment -> [TopicShape.Segment] in
                switch segment {
                case .rest, .origin: [.many]
                case .topic: TopicShape(pattern).segments
                case .pieces(let pieces):
                    if case .text(let text) = pieces.first, pieces.count == 1 { [.literal(text)] } else { [.one] }
                }
            }
        )
    }

    /// The way back: a pattern that matches what comes out, and the template that makes of it what went in.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` where there is none, because something of the topic is left
    ///   out, used twice, or mixed with other text.
    func reversed(from pattern: TopicPattern) throws -> (pattern: TopicPattern, template: TopicTemplate) {
        func problem(_ reason: String) -> MessagingError {
            MessagingError(
                .invalidArgument,
                "there is no way back from \(quoted(text)) to \(quoted(pattern.text)): \(reason)"
            )
        }
        var back: [String] = []
        // Where each `*` of the pattern is in the way back's pattern.
        var numbers: [Int: Int] = [:]
        var hasRest = false
        func take(_ number: Int) throws {
            guard numbers[number] == nil else { throw problem("{\(number)} occurs twice") }
            numbers[number] = numbers.count + 1
            back.append("*")
        }
        func takeRest() throws {
            guard !hasRest else { throw problem("{rest} occurs twice") }
            hasRest = true
            back.append("#")
        }
        for segment in segments {
            if hasRest { throw problem("something follows the rest") }
            switch segment {
            case .origin:
                throw problem("it has {origin}")
            case .rest:
                try takeRest()
            case .topic:
                var star = 0
                for segment in pattern.segments {
                    switch segment {
                    case "*":
                        star += 1
                        try take(star)
                    case "#": try takeRest()
                    default: back.append(segment)
                    }
                }
            case .pieces(let pieces):
                switch (pieces.first, pieces.count) {
                case (.text(let text), 1): back.append(text)
                case (.capture(let number), 1): try take(number)
                default: throw problem("a segment mixes captures with other text")
                }
            }
        }
        let stars = pattern.segments.count { $0 == "*" }
        guard numbers.count == stars, hasRest == (pattern.segments.last == "#") else {
            throw problem("it leaves out what a wildcard matched")
        }
        var star = 0
        let template = pattern.segments.map { segment -> String in
            switch segment {
            case "*":
                star += 1
                return "{\(numbers[star] ?? 0)}"
            case "#": return "{rest}"
            default: return segment
            }
        }
        return (TopicPattern(back.joined(separator: ".")), try TopicTemplate(template.joined(separator: ".")))
    }
}
