import Martlet

/// Makes a template of a prefix that is stripped, and one that is added. A pure value.
enum TopicMapping {
    /// The template for a pattern's topics.
    ///
    /// - Parameters:
    ///   - strip: what the topics begin with that they are to lose.
    ///   - prefix: what they get in front after that, as a template.
    /// - Returns: `nil` if the pattern's topics do not all begin with what is to be stripped and go on after it.
    static func template(for pattern: TopicPattern, strip: TopicName? = nil, prefix: String? = nil) -> String? {
        var segments = ["{topic}"]
        if let strip {
            let pattern = pattern.segments
            let lost = TopicPattern(strip).segments
            guard pattern.count > lost.count, pattern.starts(with: lost) else { return nil }
            var stars = 0
            segments = pattern.dropFirst(lost.count).map { segment in
                switch segment {
                case .one:
                    stars += 1
                    return "{\(stars)}"
                case .rest: return "{rest}"
                case .literal(let text): return NameForm.template.text(of: text)
                }
            }
        }
        if let prefix { segments.insert(prefix, at: 0) }
        return segments.joined(separator: ".")
    }
}
