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

    /// Slack's own server, a message a second at most, and new ones asked for every 10 s, unless told.
    public init(
        token: Secret,
        channel: String,
        base: String = "https://slack.com/api",
        web: WebOptions = WebOptions(),
        interval: Duration? = nil,
        mark: String = Self.processMark
    ) {
        self.token = token
        self.channel = channel
        self.base = base
        self.web = web
        self.interval = interval
        self.mark = mark
    }

    /// The mark of this process.
    public static let processMark = String(UInt64.random(in: .min ... .max), radix: 36)
}
