import Martlet

/// What is asked of the server for a topic pattern.
enum WireFilter: Hashable, Sendable {
    /// One channel.
    case channel(String)
    /// Channels whose names match a glob of Redis'. It may match more than the pattern does.
    case glob(String)

    init(_ pattern: TopicPattern) {
        guard pattern.hasWildcards else {
            self = .channel(pattern.text)
            return
        }
        var text = ""
        for (index, segment) in pattern.segments.enumerated() {
            switch segment {
            case "#":
                // It also stands for nothing, and then there is no dot before it.
                text += "*"
            case "*":
                text += index == 0 ? "*" : ".*"
            default:
                text += (index == 0 ? "" : ".") + Self.escaped(segment)
            }
        }
        self = .glob(text)
    }

    /// On the wire.
    var text: String {
        switch self {
        case .channel(let text), .glob(let text): text
        }
    }

    var subscribe: String {
        switch self {
        case .channel: "SUBSCRIBE"
        case .glob: "PSUBSCRIBE"
        }
    }

    var unsubscribe: String {
        switch self {
        case .channel: "UNSUBSCRIBE"
        case .glob: "PUNSUBSCRIBE"
        }
    }

    /// With a backslash before what means something in a glob.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            if "*?[]^\\".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }
}
