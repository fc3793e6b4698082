/// Where a message goes to, made of where it came from.
///
/// Its text is a topic in whose segments stand, in braces: `{1}`, `{2}`, … for what the first, second, … `*` of the
/// pattern matched; `{rest}` for what `#` matched; `{topic}` for the whole topic; `{origin}` for the topic that the
/// message had before the first bridge took it. The last three are whole segments. With the pattern `sensors.*.#`
/// the template `site.berlin.{1}.{rest}` makes `site.berlin.sonar.front.raw` of `sensors.sonar.front.raw`. Otherwise it is
/// written as a ``TopicName`` is, and a brace of a segment's own as `%7B` or `%7D`.
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

    private let segments: [Segment]

    /// The template that leaves every topic as it is.
    static let identity = TopicTemplate([.topic])

    private init(_ segments: [Segment]) {
        self.segments = segments
    }

    /// - Throws: ``MessagingError/Code/invalidArgument`` for a text that is no template.
    init(_ text: String) throws {
        func problem(_ reason: String) -> MessagingError {
            MessagingError(.invalidArgument, "the topic template \(quoted(text)) is not valid: \(reason)")
        }
        segments = try NameForm.template.parts(of: text).map { part in
            switch String(decoding: part, as: UTF8.self) {
            case "{rest}": .rest
            case "{topic}": .topic
            case "{origin}": .origin
            case "*", "#": throw problem("a wildcard is for patterns; that character alone is written '%2A' or '%23'")
            default: .pieces(try Self.pieces(of: part, problem))
            }
        }
        let literals = segments.map { if case .pieces(let pieces) = $0 { Self.literal(pieces) } else { "" } }
        if let reason = DottedName.problem(in: literals) { throw problem(reason) }
    }

    private static func pieces(of segment: [UInt8], _ problem: (String) -> MessagingError) throws -> [Piece] {
        var pieces: [Piece] = []
        var left = segment[...]
        while let open = left.firstIndex(of: UInt8(ascii: "{")) {
            guard let close = left[open...].firstIndex(of: UInt8(ascii: "}")) else {
                throw problem("a brace is not closed")
            }
            if open > left.startIndex { pieces.append(.text(NameForm.template.read(left[..<open], isWhole: false))) }
            let name = String(decoding: left[(open + 1)..<close], as: UTF8.self)
            guard let number = Int(name), number > 0 else {
                throw problem(
                    "{\(shortened(name))} is no number from 1, nor {rest}, {topic} or {origin} as a whole segment"
                )
            }
            pieces.append(.capture(number))
            left = left[(close + 1)...]
        }
        if pieces.isEmpty { return [.text(NameForm.template.read(left))] }
        if !left.isEmpty { pieces.append(.text(NameForm.template.read(left, isWhole: false))) }
        return pieces
    }

    private static func literal(_ pieces: [Piece]) -> String {
        pieces.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }

    /// The template as text.
    var text: String {
        let parts = segments.map { segment in
            switch segment {
            case .rest: "{rest}"
            case .topic: "{topic}"
            case .origin: "{origin}"
            case .pieces(let pieces):
                pieces.map { piece in
                    switch piece {
                    case .text(let text): NameForm.template.text(of: text)
                    case .capture(let number): "{\(number)}"
                    }
                }
                .joined()
            }
        }
        return parts.joined(separator: ".")
    }

    /// Throws ``MessagingError/Code/invalidArgument`` if it asks for what a pattern's matches don't have.
    func validate(for pattern: TopicPattern) throws {
        let stars = pattern.segments.count { $0 == .one }
        for segment in segments {
            switch segment {
            case .rest where pattern.segments.last != .rest:
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
    ///
    /// What was captured are segments, and stays that: whatever is in one, it is never cut again.
    func topic(for topic: TopicName, matching pattern: TopicPattern, origin: TopicName? = nil) -> TopicName? {
        if segments == [.topic] { return topic }
        let came = topic.segments
        let wanted = pattern.segments
        var made: [String] = []
        for segment in segments {
            switch segment {
            case .rest:
                guard wanted.last == .rest, came.count >= wanted.count - 1 else { return nil }
                made += came[(wanted.count - 1)...]
            case .topic:
                made += came
            case .origin:
                guard let origin else { return nil }
                made += origin.segments
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
        let name = TopicName(segments: made)
        return name.name.isValid ? name : nil
    }

    private static func place(ofStar number: Int, in pattern: [TopicPattern.Segment]) -> Int? {
        var seen = 0
        for (index, segment) in pattern.enumerated() where segment == .one {
            seen += 1
            if seen == number { return index }
        }
        return nil
    }

    /// Every topic that can come out.
    func shape(for pattern: TopicPattern) -> TopicShape {
        if segments == [.topic] { return TopicShape(pattern) }
        return TopicShape(
            segments.flatMap { segment -> [TopicShape.Segment] in
                switch segment {
                case .rest, .origin: [.many]
                case .topic: TopicShape(pattern).segments
                case .pieces(let pieces):
                    if case .text(let text) = pieces.first, pieces.count == 1 {
                        [.literal(ByteKey(text))]
                    } else {
                        [.one]
                    }
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
        var back: [TopicPattern.Segment] = []
        // Where each `*` of the pattern is in the way back's pattern.
        var numbers: [Int: Int] = [:]
        var hasRest = false
        func take(_ number: Int) throws {
            guard numbers[number] == nil else { throw problem("{\(number)} occurs twice") }
            numbers[number] = numbers.count + 1
            back.append(.one)
        }
        func takeRest() throws {
            guard !hasRest else { throw problem("{rest} occurs twice") }
            hasRest = true
            back.append(.rest)
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
                    case .one:
                        star += 1
                        try take(star)
                    case .rest: try takeRest()
                    case .literal: back.append(segment)
                    }
                }
            case .pieces(let pieces):
                switch (pieces.first, pieces.count) {
                case (.text(let text), 1): back.append(.literal(text))
                case (.capture(let number), 1): try take(number)
                default: throw problem("a segment mixes captures with other text")
                }
            }
        }
        let stars = pattern.segments.count { $0 == .one }
        guard numbers.count == stars, hasRest == (pattern.segments.last == .rest) else {
            throw problem("it leaves out what a wildcard matched")
        }
        var star = 0
        let template = pattern.segments.map { segment -> Segment in
            switch segment {
            case .one:
                star += 1
                return .pieces([.capture(numbers[star] ?? 0)])
            case .rest: return .rest
            case .literal(let text): return .pieces([.text(text)])
            }
        }
        return (TopicPattern(segments: back), TopicTemplate(template))
    }
}
