import AsyncHTTPClient
public import Martlet
import NIOHTTP1

/// How a ``WebhookSink`` posts.
public struct WebhookOptions: Sendable, Hashable {
    /// How the server is spoken to.
    public var web: WebOptions
    /// What is sent with each request, such as `authorization`. Values are not shown.
    public var headers: [String: Secret]
    /// What requests are signed with, as the specification Standard Webhooks says; several while one takes the place of
    /// another. Each is a text, or `whsec_` and Base64. None: requests are not signed.
    public var secrets: [Secret]

    /// No headers and no signature, unless told.
    public init(web: WebOptions = WebOptions(), headers: [String: Secret] = [:], secrets: [Secret] = []) {
        self.web = web
        self.headers = headers
        self.secrets = secrets
    }
}

/// A server of the web that gets each message as a POST request: a web hook.
///
/// The body is the message's. Beside it stand `content-type`, `martlet-topic`, the message's ID as `webhook-id` and
/// `idempotency-key`, so that the server can tell one that comes again, `webhook-timestamp` and, with a secret,
/// `webhook-signature`.
///
/// | answer | outcome |
/// |---|---|
/// | 2xx | the message is confirmed |
/// | 408, 425, 429, 5xx, none | it is posted again, before any later one; `retry-after` is obeyed |
/// | 401, 403, 404, 407 | no message is at fault: it is posted again after a minute, or when `retry-after` says so. Somebody has to do something |
/// | 410 | nobody wants messages any more: a bridge ends with `MessagingError.Code.connectionClosed` |
/// | any other | the message is refused, and becomes a dead letter of a bridge. Redirections are not followed |
public struct WebhookSink: Sink {
    private let address: WebAddress
    private let options: WebhookOptions
    private let signatures: [WebhookSignature]
    private let client: WebClient

    /// A hook.
    ///
    /// - Parameters:
    ///   - url: where messages are posted to; it begins with `https:` or `http:`. It is not shown.
    ///   - options: how they are posted.
    /// - Throws: `MessagingError.Code.invalidArgument` or `MessagingError.Code.unsupported` for what is wrong with these.
    public init(_ url: String, options: WebhookOptions = WebhookOptions()) throws {
        address = try WebAddress(url)
        try FieldText.check(options.headers)
        self.options = options
        signatures = try options.secrets.map(WebhookSignature.init)
        client = try WebClient(options.web)
    }

    /// Posts the messages of a batch, one after the other.
    public func deliver(_ batch: [SinkItem]) async throws {
        var rejection = SinkRejection()
        for (index, item) in batch.enumerated() {
            do {
                let answer = try await client.exchange(request(for: item), bodyLimit: 64 << 10)
                guard let reason = try verdict(on: answer) else { continue }
                rejection.reject(index, reason)
            } catch {
                throw PartlyDelivered(index, rejection: rejection, error)
            }
        }
        if !rejection.isEmpty { throw rejection }
    }

    /// Ends the connections.
    public func close() async { await client.close() }

    private func request(for item: SinkItem) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: address.text)
        request.method = .POST
        request.body = .bytes(item.message.body)
        let id = FieldText.escaped(item.message.headers.messageID ?? "")
        let time = WallClock.nanoseconds / 1_000_000_000
        let type = item.message.headers.contentType ?? "application/json"
        request.headers.add(name: "content-type", value: FieldText.isValue(type) ? type : FieldText.escaped(type))
        request.headers.add(name: "martlet-topic", value: FieldText.escaped(item.topic.text))
        request.headers.add(name: "idempotency-key", value: id)
        request.headers.add(name: "webhook-id", value: id)
        request.headers.add(name: "webhook-timestamp", value: "\(time)")
        if !signatures.isEmpty {
            let values = signatures.map { $0.value(id: id, time: time, body: item.message.body) }
            request.headers.add(name: "webhook-signature", value: values.joined(separator: " "))
        }
        for (name, value) in options.headers { request.headers.replaceOrAdd(name: name, value: value.value) }
        return request
    }

    /// - Returns: why the message is refused; `nil` if it was taken.
    /// - Throws: what it is posted again for, or why nothing is posted any more.
    private func verdict(on answer: WebAnswer) throws -> String? {
        let error = MessagingError(.notConnected, "\(address) answers \(answer.status)")
        switch answer.status {
        case 200..<300: return nil
        case 401, 403, 404, 407: throw RetryAfter(answer.retryAfter ?? .seconds(60), error)
        case 408, 425, 429, 500...:
            throw answer.retryAfter.map { RetryAfter($0, error) } ?? error
        case 410: throw MessagingError(.connectionClosed, "\(address) wants no messages any more: it answers 410")
        default: return "\(address) answers \(answer.status)"
        }
    }
}
