public import Martlet

/// How a ``SinkConnection`` gathers messages, and how it tries again.
public struct SinkOptions: Sendable, Hashable {
    /// How many messages a batch has at most.
    public var maximumItems: Int
    /// How many bytes the bodies of a batch have at most; one message may always be larger.
    public var maximumBytes: Int
    /// How long messages are gathered, counted from the beginning of the batch before, unless enough of them wait earlier.
    public var interval: Duration
    /// How often and after how long a batch is delivered again. After the last attempt its messages are refused.
    public var retry: Backoff

    /// 500 messages or 1 MiB, 200 ms, tried again for ever with delays from 100 ms to 30 s, unless told.
    public init(
        maximumItems: Int = 500,
        maximumBytes: Int = 1 << 20,
        interval: Duration = .milliseconds(200),
        retry: Backoff = Backoff()
    ) {
        self.maximumItems = maximumItems
        self.maximumBytes = maximumBytes
        self.interval = interval
        self.retry = retry
    }
}

/// When the next batch begins. A pure value.
///
/// Few messages are gathered for a while, so that a sink that pays for each batch is not asked for each message. Many go at
/// once: those who publish them may all wait for their confirmation.
struct SinkPace: Sendable {
    /// As many always go at once.
    static let many = 32

    private let options: SinkOptions
    private var lastBegin: Duration?
    private var lastCount = 0

    init(_ options: SinkOptions) {
        self.options = options
    }

    /// How many messages have to wait for a batch to begin before its time.
    var threshold: Int { max(1, min(options.maximumItems, max(Self.many, lastCount / 2))) }

    /// From when on any number will do; `nil`: now.
    var due: Duration? { lastBegin.map { $0 + options.interval } }

    /// A batch begins.
    mutating func begins(with count: Int, at now: Duration) {
        (lastBegin, lastCount) = (now, count)
    }
}
