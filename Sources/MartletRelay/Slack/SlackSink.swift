import AsyncHTTPClient
public import Martlet
import NIOHTTP1

/// A channel of Slack. Messages that wait are put together into one of Slack's, as a block of code, and no more than one a
/// second is posted.
///
/// | answer | outcome |
/// |---|---|
/// | `ok` | the messages are confirmed |
/// | 429, `ratelimited` | they are posted again when Slack says so |
/// | none, a torn one, 5xx | they may have been posted: that is looked for in the channel, and if not they are posted again |
/// | an error about the text | they are refused, and become dead letters of a bridge |
/// | any other error, such as `not_in_channel` | they are posted again after a minute: somebody has to do something |
///
/// Of an incoming web hook nothing can be looked for, so that there a message may come twice.
public struct SlackSink: Sink {
    private let poster: SlackPoster

    /// A channel, to which a bot posts by `chat.postMessage`.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` or `MessagingError.Code.unsupported` for options that can't be.
    public init(_ options: SlackOptions) throws {
        poster = SlackPoster(.channel(try SlackClient(options)), interval: options.interval)
    }

    /// The channel of an incoming web hook.
    ///
    /// - Parameters:
    ///   - hook: its URL, which is a secret.
    ///   - web: how the server is spoken to.
    ///   - interval: how often at most a message is posted; `nil`: once a second.
    /// - Throws: as ``init(_:)``.
    public init(hook: Secret, web: WebOptions = WebOptions(), interval: Duration? = nil) throws {
        let address = try WebAddress(hook.value)
        poster = SlackPoster(.hook(address, try WebClient(web)), interval: interval)
    }

    /// Posts the messages of a batch.
    public func deliver(_ batch: [SinkItem]) async throws {
        let arrived = try await poster.arrived(of: batch)
        var rejection = SinkRejection()
        var texts: [String?] = []
        for (index, item) in batch.enumerated() {
            let text = index < arrived ? nil : item.message.text
            let isEmpty = text?.allSatisfy(\.isWhitespace) ?? false
            texts.append(isEmpty ? nil : text)
            guard index >= arrived, texts[index] == nil else { continue }
            rejection.reject(index, isEmpty ? "it has no text" : "it is no text in UTF-8")
        }
        var count = arrived
        for post in SlackText.posts(of: texts) {
            do {
                try await poster.post(post.text, holding: batch[count..<post.itemCount])
            } catch let refusal as SlackClient.Refusal {
                let refused = count..<max(post.itemCount, count + 1)
                for index in refused { rejection.reject(index, "Slack does not take it: \(quoted(refusal.code))") }
            } catch {
                throw PartlyDelivered(count, rejection: rejection, error)
            }
            count = max(count, post.itemCount)
        }
        if !rejection.isEmpty { throw rejection }
    }

    /// Ends the connections.
    public func close() async { await poster.close() }
}

/// Posts to one channel, one message after the other.
private actor SlackPoster {
    enum Target {
        case channel(SlackClient)
        case hook(WebAddress, WebClient)
    }

    /// A post of which it is not known whether it has arrived.
    private struct Doubt {
        let id: String
        let messages: Set<String>
    }

    private let target: Target
    private let interval: Duration
    private var next: ContinuousClock.Instant?
    private var doubt: Doubt?

    init(_ target: Target, interval: Duration?) {
        self.target = target
        self.interval = interval ?? .seconds(1)
    }

    func close() async {
        switch target {
        case .channel(let client): await client.close()
        case .hook(_, let client): await client.close()
        }
    }

    /// How many of the first messages of a batch have arrived with the post that was in doubt.
    func arrived(of batch: [SinkItem]) async throws -> Int {
        guard let doubt, case .channel(let client) = target else { return 0 }
        let hasArrived: Bool
        do {
            hasArrived = try await isThere(doubt.id, client)
        } catch is SlackClient.Refusal {
            // It must not read the channel: better twice than never.
            hasArrived = false
        }
        self.doubt = nil
        guard hasArrived else { return 0 }
        return batch.prefix { $0.message.headers.messageID.map(doubt.messages.contains) ?? false }.count
    }

    private func isThere(_ id: String, _ client: SlackClient) async throws -> Bool {
        var cursor = ""
        // Others may have written meanwhile, but not for ever.
        for _ in 0..<5 {
            let page = try await client.history(after: nil, limit: 100, cursor: cursor)
            if page.messages.contains(where: { $0.postID == id }) { return true }
            if page.cursor.isEmpty { return false }
            cursor = page.cursor
        }
        return false
    }

    /// - Throws: ``SlackClient/Refusal`` for a text that Slack does not take; what passes.
    func post(_ text: String, holding items: ArraySlice<SinkItem>) async throws {
        if let next { try await Task.sleep(until: next, clock: .continuous) }
        // Counted from the answer: two that left a second apart may arrive closer together.
        defer { next = .now + interval }
        switch target {
        case .channel(let client): try await post(text, items, client)
        case .hook(let address, let client): try await post(text, address, client)
        }
    }

    private func post(_ text: String, _ items: ArraySlice<SinkItem>, _ client: SlackClient) async throws {
        let id = SlackOptions.processMark + "." + String(UInt64.random(in: .min ... .max), radix: 36)
        let message: JSON = [
            "channel": .string(client.channelToPostTo), "text": .string(text), "unfurl_links": false,
            "unfurl_media": false,
            "metadata": [
                "event_type": .string(SlackMessage.eventType),
                "event_payload": ["id": .string(id), "mark": .string(client.options.mark)],
            ],
        ]
        do {
            let answer = try await client.send("chat.postMessage", message)
            client.learn(channelID: answer["channel"]?.string)
        } catch let refusal as SlackClient.Refusal {
            if Self.ofTheText.contains(refusal.code) { throw refusal }
            throw SlackClient.later(refusal, "post")
        } catch {
            let code = (error as? MessagingError)?.code
            if code != .notConnected, !(error is RetryAfter) {
                doubt = Doubt(id: id, messages: Set(items.compactMap(\.message.headers.messageID)))
            }
            throw error
        }
    }

    private static let ofTheText: Set<String> = [
        "invalid_blocks", "invalid_metadata_format", "metadata_too_large", "msg_blocks_too_long", "msg_too_long",
        "no_text",
    ]

    private func post(_ text: String, _ address: WebAddress, _ client: WebClient) async throws {
        var request = HTTPClientRequest(url: address.text)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json; charset=utf-8")
        request.body = .bytes((["text": .string(text)] as JSON).bytes)
        let answer = try await client.exchange(request, bodyLimit: 64 << 10)
        let error = MessagingError(.notConnected, "\(address) answers \(answer.status)")
        switch answer.status {
        case 200..<300: return
        case 400: throw SlackClient.Refusal(code: answer.body.map { String(decoding: $0, as: UTF8.self) } ?? "400")
        case 410: throw MessagingError(.connectionClosed, "the web hook is no more: \(address) answers 410")
        case 429: throw RetryAfter(answer.retryAfter ?? .seconds(30), error)
        case 408, 500...: throw answer.retryAfter.map { RetryAfter($0, error) } ?? error
        default: throw RetryAfter(.seconds(60), error)
        }
    }
}
