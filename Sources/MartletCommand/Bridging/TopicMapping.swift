import Martlet

/// Makes a template of a prefix that is stripped, and one that is added. A pure value.
enum TopicMapping {
    /// The template for a pattern's topics.
    ///
    /// - Parameters:
    ///   - strip: what the topics begin with that they are to lose.
    ///   - prefix: what they get in front after that.
    /// - Returns: `nil` if the pattern's topics do not all begin with what is to be stripped and go on after it.
    static func template(for pattern: String, strip: String? = nil, prefix: String? = nil) -> String? {
        var segments = ["{topic}"]
        if let strip {
            let pattern = TopicPattern(pattern).segments
            let lost = TopicName(strip).segments
            guard pattern.count > lost.count, pattern.starts(with: lost) else { return nil }
            var stars = 0
            segments = pattern.dropFirst(lost.count).map { segment in
                switch segment {
                case "*":
                    stars += 1
                    return "{\(stars)}"
                case "#": return "{rest}"
                default: return segment
                }
            }
        }
        if let prefix { segments.insert(prefix, at: 0) }
        return segments.joined(separator: ".")
    }
}
