import Martlet
import MartletRelay

/// Where messages come from that is no broker.
enum SourceAddress: Hashable, Sendable {
    /// `sse+https://host/path`
    case events(Secret, EventSourceOptions, positions: String?)
    /// `slack:#channel`, with the token in the environment.
    case slack(SlackOptions, positions: String?)

    /// The forms there are.
    static let known = "and, to relay from, sse+https://host/events, slack:#channel"

    private static let prefix = "sse+"

    /// Reads a URL.
    ///
    /// - Returns: `nil` if it is none of a source.
    /// - Throws: `MessagingError.Code.invalidArgument` with what is wrong with it.
    init?(url text: String) throws {
        switch text.prefix(while: { $0 != ":" }).lowercased() {
        case "sse+https", "sse+http":
            self = .events(Secret(String(text.dropFirst(Self.prefix.count))), EventSourceOptions(), positions: nil)
        case "slack" where text.contains(":"): self = .slack(try SlackOptions(url: text), positions: nil)
        default: return nil
        }
        try check()
    }

    private var options: SourceOptions {
        switch self {
        case .events(_, _, let positions), .slack(_, let positions): SourceOptions(positionFile: positions)
        }
    }

    /// Whether what has been read is kept from one run to the next.
    var keepsPositions: Bool { options.positionFile != nil }

    /// What subscriptions there are able to have.
    var capabilities: Capabilities {
        keepsPositions
            ? [.separateHeaders, .lastingSubscriptions, .durableSubscriptions]
            : [.separateHeaders, .lastingSubscriptions]
    }

    /// Finds what is wrong with it, as far as that is known without its being reached.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument`, `MessagingError.Code.unsupported`.
    func check() throws {
        switch self {
        case .events(let url, let events, _): _ = try EventSource(url.value, options: events)
        case .slack(let slack, _): _ = try SlackSource(slack)
        }
    }

    /// A connection that reads there. It is to be closed.
    ///
    /// - Throws: as ``check()``.
    func open(_ connection: ConnectionOptions) throws -> any Connection {
        switch self {
        case .events(let url, let events, _):
            SourceConnection(try EventSource(url.value, options: events), options: options, connection: connection)
        case .slack(let slack, _):
            SourceConnection(try SlackSource(slack), options: options, connection: connection)
        }
    }
}

extension SourceAddress: CustomStringConvertible {
    /// Without its secrets.
    var description: String {
        switch self {
        case .events(let url, _, _): Self.prefix + url.server
        case .slack(let options, _): options.shownURL
        }
    }
}
