import Martlet

/// What is asked of the server for a topic pattern.
enum WireFilter: Hashable, Sendable {
    /// One channel.
    case channel(ByteKey)
    /// Channels whose names match a glob of Redis'. It may match more than the pattern does.
    case glob(ByteKey)

    init(_ pattern: TopicPattern) {
        var text = ""
        for (index, segment) in pattern.segments.enumerated() {
            switch segment {
            case .rest:
                // It also stands for nothing, and then there is no dot before it.
                text += "*"
            case .one:
                text += index == 0 ? "*" : ".*"
            case .literal(let literal):
                let wire = NameForm.dotted.text(of: literal)
                text += (index == 0 ? "" : ".") + (pattern.hasWildcards ? Self.escaped(wire) : wire)
            }
        }
        self = pattern.hasWildcards ? .glob(ByteKey(text)) : .channel(ByteKey(text))
    }

    /// On the wire.
    var text: String {
        switch self {
        case .channel(let key), .glob(let key): key.text
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

    private static let special = Array("*?[]^\\".utf8)

    /// With a backslash before what means something in a glob.
    private static func escaped(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            if special.contains(byte) { result.append(UInt8(ascii: "\\")) }
            result.append(byte)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
