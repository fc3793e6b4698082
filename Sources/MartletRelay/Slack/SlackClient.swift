import AsyncHTTPClient
import Martlet
import NIOHTTP1
import Synchronization

/// Calls of Slack's methods for one channel.
final class SlackClient: Sendable {
    /// What Slack says of a call that it does not do.
    struct Refusal: Error, Hashable {
        /// As its documentation lists them, such as `channel_not_found`.
        let code: String
    }

    let options: SlackOptions
    private let client: WebClient
    private let base: WebAddress
    private let knownID = Mutex<String?>(nil)

    init(_ options: SlackOptions) throws {
        guard !options.channel.isEmpty, !options.token.value.isEmpty else {
            throw MessagingError(.invalidArgument, "Slack is spoken to with a token, about a channel")
        }
        guard options.token.value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw MessagingError(.invalidArgument, "the token for Slack has white space or letters beyond ASCII")
        }
        self.options = options
        base = try WebAddress(options.base)
        client = try WebClient(options.web)
    }

    func close() async { await client.close() }

    /// Calls a method that changes something.
    func send(_ method: String, _ arguments: JSON) async throws -> JSON {
        var request = self.request(method)
        request.headers.add(name: "content-type", value: "application/json; charset=utf-8")
        request.body = .bytes(arguments.bytes)
        return try await call(method, request)
    }

    /// Calls a method that only asks.
    func ask(_ method: String, _ arguments: [String: String]) async throws -> JSON {
        var request = self.request(method)
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        let form = arguments.sorted { $0.key < $1.key }
            .map { "\(FieldText.form($0))=\(FieldText.form($1))" }.joined(separator: "&")
        request.body = .bytes(Array(form.utf8))
        return try await call(method, request)
    }

    private func request(_ method: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: base.text + (base.text.hasSuffix("/") ? "" : "/") + method)
        request.method = .POST
        request.headers.add(name: "authorization", value: "Bearer \(options.token.value)")
        return request
    }

    /// - Throws: ``Refusal``; ``RetryAfter``; `MessagingError` with a reason that passes: of `notConnected` nothing has
    ///   happened, of others it may have.
    private func call(_ method: String, _ request: HTTPClientRequest) async throws -> JSON {
        let answer = try await client.exchange(request, bodyLimit: 16 << 20)
        func tooMany() -> RetryAfter {
            let text = "Slack wants fewer calls of \(method)"
            return RetryAfter(answer.retryAfter ?? .seconds(30), MessagingError(.notConnected, text))
        }
        if answer.status == 429 { throw tooMany() }
        guard (200..<300).contains(answer.status), let body = answer.body, let value = try? JSON(parsing: body),
            let isDone = value["ok"]?.bool
        else {
            let text = "Slack answered \(method) with \(answer.status) and no whole answer"
            throw MessagingError(.connectionLost, text)
        }
        if isDone { return value }
        switch value["error"]?.string ?? "" {
        case "ratelimited", "rate_limited": throw tooMany()
        case let code where Self.passing.contains(code):
            throw MessagingError(.connectionLost, "Slack could not do \(method): \(code)")
        case let code: throw Refusal(code: code)
        }
    }

    private static let passing: Set<String> = [
        "", "fatal_error", "internal_error", "request_timeout", "service_unavailable",
    ]

    /// Asks for a page behind others. What Slack wants to be asked later is waited for: an app that may ask for few pages a minute
    /// would never get to the last one, if it began again.
    func page<Page>(at cursor: String, _ ask: () async throws -> Page) async throws -> Page {
        while true {
            do {
                return try await ask()
            } catch let wait as RetryAfter where !cursor.isEmpty {
                try await Task.sleep(for: wait.delay)
            }
        }
    }

    /// What is thrown for a refusal that somebody has to do something about: the call is made again after a minute.
    static func later(_ refusal: Refusal, _ what: String) -> RetryAfter {
        RetryAfter(.seconds(60), MessagingError(.notConnected, "Slack does not \(what): \(quoted(refusal.code))"))
    }

    // MARK: The channel

    /// The name without `#`.
    var channelName: String { String(options.channel.drop { $0 == "#" }) }

    /// The channel as a message is posted to it.
    var channelToPostTo: String { Self.isID(options.channel) ? options.channel : "#\(channelName)" }

    private static func isID(_ text: String) -> Bool {
        guard let first = text.first, "CGD".contains(first), text.utf8.count >= 9 else { return false }
        return text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
    }

    /// The channel was told by an answer.
    func learn(channelID: String?) {
        if let channelID { knownID.withLock { $0 = channelID } }
    }

    /// The ID of the channel, which is looked for once.
    func channelID() async throws -> String {
        if Self.isID(options.channel) { return options.channel }
        if let known = knownID.withLock({ $0 }) { return known }
        var cursor = ""
        repeat {
            let arguments = [
                "types": "public_channel,private_channel", "exclude_archived": "true", "limit": "200", "cursor": cursor,
            ].filter { !$0.value.isEmpty }
            let answer = try await page(at: cursor) { try await ask("conversations.list", arguments) }
            for channel in answer["channels"]?.array ?? [] where channel["name"]?.string == channelName {
                if let id = channel["id"]?.string {
                    learn(channelID: id)
                    return id
                }
            }
            cursor = answer["response_metadata", "next_cursor"]?.string ?? ""
        } while !cursor.isEmpty
        throw Refusal(code: "channel_not_found")
    }

    /// Deletes a message.
    func delete(_ time: String) async throws {
        _ = try await send("chat.delete", ["channel": .string(try await channelID()), "ts": .string(time)])
    }

    /// Adds a reaction to a message.
    func react(_ name: String, to time: String) async throws {
        let arguments: JSON = [
            "channel": .string(try await channelID()), "timestamp": .string(time), "name": .string(name),
        ]
        _ = try await send("reactions.add", arguments)
    }

    /// A page of the channel's messages, the newest first.
    ///
    /// - Parameters:
    ///   - oldest: the time behind which messages are wanted; `nil`: any.
    ///   - cursor: where the page begins; empty: with the newest message.
    func history(after oldest: String?, limit: Int, cursor: String) async throws -> SlackPage {
        let arguments = [
            "channel": try await channelID(), "limit": "\(limit)", "include_all_metadata": "true",
            "oldest": oldest ?? "", "cursor": cursor,
        ].filter { !$0.value.isEmpty }
        let answer = try await page(at: cursor) { try await ask("conversations.history", arguments) }
        guard let messages = answer["messages"]?.array else {
            throw MessagingError(.connectionLost, "Slack answered conversations.history without messages")
        }
        let next = answer["response_metadata", "next_cursor"]?.string ?? ""
        return SlackPage(messages: messages.compactMap(SlackMessage.init), cursor: next)
    }
}

/// Some of a channel's messages, the newest first, and where the next page begins.
struct SlackPage {
    let messages: [SlackMessage]
    /// Empty: this was the last page.
    let cursor: String
}

/// A message of a channel.
struct SlackMessage: Hashable {
    /// Its time, by which Slack names it.
    let time: String
    let text: String
    /// `nil` for what somebody or a bot has written.
    let subtype: String?
    /// Whether it is not shown to those who read the channel: it only tells of another.
    let isHidden: Bool
    /// What a ``SlackSink`` has marked it with.
    let mark: String?
    let postID: String?

    static let eventType = "martlet_relay"

    init?(_ value: JSON) {
        guard let time = value["ts"]?.string else { return nil }
        self.time = time
        let text = value["text"]?.string ?? ""
        self.text = text.isEmpty ? SlackText.lines(of: value).joined(separator: "\n") : text
        subtype = value["subtype"]?.string
        isHidden = value["hidden"]?.bool ?? false
        let isOfMartlet = value["metadata", "event_type"]?.string == Self.eventType
        mark = isOfMartlet ? value["metadata", "event_payload", "mark"]?.string : nil
        postID = isOfMartlet ? value["metadata", "event_payload", "id"]?.string : nil
    }
}
