import DequeModule
import Martlet

/// A channel of Slack that messages are read from by `conversations.history`, the oldest first.
///
/// The topic of a message is the channel's name, its body the text as it was written: without the links that Slack makes of
/// addresses, and without the fence of a block of code. Its position is Slack's time of it. Without a position the source
/// begins with what is written from then on. Messages that tell of something (somebody has joined) are left out, and so are
/// those of its own mark; see ``SlackOptions/mark``.
///
/// A message comes once, as it stands when it is read: one that is edited or deleted after that does not come again, one that is
/// deleted before does not come at all. A bot's message without text comes as the text of its blocks, or else of its
/// attachments. Replies in a thread are no messages of the channel, unless they were sent there, too.
///
/// ``SlackOptions/acknowledgement`` has messages that are done with deleted, or marked by a reaction.
///
/// When Slack wants fewer calls that is obeyed. A channel or a token that Slack does not accept is tried again after a minute.
public struct SlackSource: Source {
    private let client: SlackClient

    /// A channel.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` or `MessagingError.Code.unsupported` for options that can't be.
    public init(_ options: SlackOptions) throws {
        client = try SlackClient(options)
    }

    /// The time of the newest message.
    public func beginning() async throws -> String? {
        try await reading { try await client.history(after: nil, limit: 1, cursor: "").messages.first?.time ?? "0" }
    }

    /// Looks for the channel, and returns what is written behind a position.
    public func items(from position: String?) async throws -> SlackItems {
        let start: String
        if let position { start = position } else { start = try await beginning() ?? "0" }
        _ = try await reading { try await client.channelID() }
        return SlackItems(client, start)
    }

    /// Whether something becomes of a message that is done with.
    public var acknowledgesItems: Bool { client.options.acknowledgement != .none }

    /// Deletes a message, or adds a reaction to it.
    public func acknowledge(_ item: SourceItem) async throws {
        guard let time = item.position else { return }
        do {
            switch client.options.acknowledgement {
            case .none: break
            case .deletion: try await client.delete(time)
            case .reaction(let name): try await client.react(name, to: time)
            }
        } catch let refusal as SlackClient.Refusal {
            // Somebody was faster, or it is there from an earlier run.
            if ["message_not_found", "already_reacted"].contains(refusal.code) { return }
            throw MessagingError(.refused, "Slack answers \(quoted(refusal.code))", isRetriable: false)
        }
    }

    private func reading<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let refusal as SlackClient.Refusal {
            throw SlackClient.later(refusal, "let the channel be read")
        }
    }

    /// Ends the connections.
    public func close() async { await client.close() }
}

/// The messages of a channel, as items of a ``SlackSource``.
public struct SlackItems: AsyncSequence, Sendable {
    private let client: SlackClient
    private let position: String

    init(_ client: SlackClient, _ position: String) {
        self.client = client
        self.position = position
    }

    /// Asks for messages.
    public func makeAsyncIterator() -> Iterator { Iterator(client: client, intake: SlackIntake(position)) }

    /// Asks for the messages of a channel.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let client: SlackClient
        fileprivate var intake: SlackIntake
        fileprivate var isFirst = true

        /// The next message.
        public mutating func next() async throws -> SourceItem? {
            while true {
                if let message = intake.next() {
                    // What it leaves out moves the position, too, but need not be told of.
                    if let item = item(message) { return item }
                    continue
                }
                if !isFirst { try await Task.sleep(for: client.options.interval ?? .seconds(10)) }
                isFirst = false
                try await fetch()
            }
        }

        private mutating func fetch() async throws {
            var cursor = ""
            do {
                repeat {
                    let page = try await client.history(after: intake.position, limit: 200, cursor: cursor)
                    intake.add(page.messages)
                    cursor = page.cursor
                } while !cursor.isEmpty
                intake.end()
            } catch let refusal as SlackClient.Refusal {
                throw SlackClient.later(refusal, "let the channel be read")
            }
        }

        private func item(_ message: SlackMessage) -> SourceItem? {
            let isWritten = message.subtype.map(Self.written.contains) ?? true
            guard isWritten, !message.isHidden, message.mark != client.options.mark, !message.text.isEmpty else {
                return nil
            }
            let headers = Headers.identified(by: "slack-\(client.channelName)-\(message.time)")
            return SourceItem(
                topic: TopicName(segments: [client.channelName]),
                message: Message(SlackText.plain(message.text), headers: headers),
                position: message.time
            )
        }

        private static let written: Set<String> = ["bot_message", "file_share", "me_message", "thread_broadcast"]
    }
}

/// Puts the messages of pages, which come the newest first, into their order. A pure value.
///
/// If there are very many, the newest are asked for again later, so that no more than some thousands are kept.
struct SlackIntake {
    /// How many messages are kept.
    static let maximum = 5_000

    /// The time of the last message that was handed out.
    private(set) var position: String
    /// The newest first, while pages come.
    private var coming: Deque<SlackMessage> = []
    /// The oldest first.
    private var ready: Deque<SlackMessage> = []

    init(_ position: String) {
        self.position = position
    }

    mutating func add(_ page: [SlackMessage]) {
        coming.append(contentsOf: page)
        if coming.count > Self.maximum { coming.removeFirst(coming.count - Self.maximum) }
    }

    /// All pages have come.
    mutating func end() {
        ready = Deque(coming.sorted { Self.isEarlier($0.time, $1.time) })
        coming = []
    }

    /// The next message. One that has come before is left out.
    mutating func next() -> SlackMessage? {
        while let message = ready.popFirst() {
            guard Self.isEarlier(position, message.time) else { continue }
            position = message.time
            return message
        }
        return nil
    }

    /// Times are seconds and microseconds, with as many digits as these need.
    static func isEarlier(_ a: String, _ b: String) -> Bool {
        func parts(_ time: String) -> (Int, Int) {
            let parts = time.split(separator: ".").map { Int($0) ?? 0 }
            return (parts.first ?? 0, parts.count > 1 ? parts[1] : 0)
        }
        return parts(a) < parts(b)
    }
}

extension Headers {
    fileprivate static func identified(by id: String) -> Headers {
        var headers = Headers()
        headers.messageID = id
        return headers
    }
}
