public import Martlet

/// A channel of Slack, and how it is spoken to.
public struct SlackOptions: Sendable, Hashable {
    /// The token of a bot, which begins with `xoxb-`. It is not shown.
    public var token: Secret
    /// The channel: its ID, or its name with or without `#`. The bot has to be a member.
    public var channel: String
    /// Where Slack's methods are.
    public var base: String
    /// How the server is spoken to.
    public var web: WebOptions
    /// How often at most a message is posted, and how often new ones are asked for.
    public var interval: Duration?
    /// What the messages are marked with that a ``SlackSink`` posts; a ``SlackSource`` leaves out those of its own mark. By
    /// default all of one process have one mark, which no other has.
    public var mark: String
    /// What a ``SlackSource`` does to a message that is done with.
    public var acknowledgement: Acknowledgement

    /// What becomes of a message in the channel once it has been handed out and settled.
    public enum Acknowledgement: Sendable, Hashable {
        /// It stays as it is.
        case none
        /// It is deleted, if the token's owner has written it: others' Slack lets nobody delete but those who administer it. Then
        /// it stays, and that is logged. The token needs the scope `chat:write`.
        case deletion
        /// It gets a reaction of this name, such as `white_check_mark`. The token needs the scope `reactions:write`.
        case reaction(String)
    }

    /// Slack's own server, a message a second at most, new ones asked for every 10 s, and messages stay as they are, unless told.
    public init(
        token: Secret,
        channel: String,
        base: String = "https://slack.com/api",
        web: WebOptions = WebOptions(),
        interval: Duration? = nil,
        mark: String = Self.processMark,
        acknowledgement: Acknowledgement = .none
    ) {
        self.token = token
        self.channel = channel
        self.base = base
        self.web = web
        self.interval = interval
        self.mark = mark
        self.acknowledgement = acknowledgement
    }

    /// The mark of this process.
    public static let processMark = String(UInt64.random(in: .min ... .max), radix: 36)
}
