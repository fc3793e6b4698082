import AsyncHTTPClient
public import Martlet
import NIOCore
import NIOHTTP1
import Synchronization

/// How an ``EventSource`` is read.
public struct EventSourceOptions: Sendable, Hashable {
    /// How the server is spoken to. Its time limit bounds how long the stream may be silent, and what such a one is then: lost.
    public var web: WebOptions
    /// What is sent with the request, such as `authorization`. Values are not shown.
    public var headers: [String: Secret]
    /// How long to wait before the stream is asked for again, until the server says how long.
    public var reconnectionTime: Duration
    /// How many bytes an event may have; a larger one is left out and counted (``SourceItem/skipped``).
    public var maximumEventBytes: Int

    /// Two minutes of silence, 3 s until it is asked for again, 1 MiB an event, unless told.
    public init(
        web: WebOptions = WebOptions(timeout: .seconds(120)),
        headers: [String: Secret] = [:],
        reconnectionTime: Duration = .seconds(3),
        maximumEventBytes: Int = 1 << 20
    ) {
        self.web = web
        self.headers = headers
        self.reconnectionTime = reconnectionTime
        self.maximumEventBytes = maximumEventBytes
    }
}

/// A stream of events that a server of the web sends (server-sent events, `text/event-stream`).
///
/// The topic of a message is the event's type, `message` where the server names none, its body the data, and its position and
/// message ID the event's ID. A stream that ends or fails is asked for again, with the last ID and after the time that the
/// server asks for; an ID with control characters, which HTTP has no place for, is not sent. The answer 204 ends the source, 408,
/// 429 and 5xx are waited for, and any other is a failure that time does not mend.
public struct EventSource: Source {
    private let address: WebAddress
    private let options: EventSourceOptions
    private let client: WebClient
    private let memory: EventMemory

    /// A stream; nothing is asked for yet.
    ///
    /// - Parameters:
    ///   - url: where it is; it begins with `https:` or `http:`.
    ///   - options: how it is read.
    /// - Throws: `MessagingError.Code.invalidArgument` or `MessagingError.Code.unsupported` for what is wrong with these.
    public init(_ url: String, options: EventSourceOptions = EventSourceOptions()) throws {
        address = try WebAddress(url)
        try FieldText.check(options.headers)
        self.options = options
        client = try WebClient(options.web, followsRedirects: true)
        memory = EventMemory(options.reconnectionTime)
    }

    /// Asks for the stream from behind an event's ID, and returns when the server has begun it.
    public func items(from position: String?) async throws -> EventItems {
        let id = memory.id(behind: position)
        var request = HTTPClientRequest(url: address.text)
        for (name, value) in options.headers { request.headers.add(name: name, value: value.value) }
        request.headers.replaceOrAdd(name: "accept", value: "text/event-stream")
        request.headers.replaceOrAdd(name: "cache-control", value: "no-store")
        // With one that can't be sent nothing would ever be asked for again.
        if !id.isEmpty, FieldText.isValue(id) { request.headers.replaceOrAdd(name: "last-event-id", value: id) }
        let response: HTTPClientResponse
        do {
            response = try await client.send(request)
        } catch let error as MessagingError where error.isRetriable {
            throw RetryAfter(memory.reconnectionTime, error)
        }
        let parser = EventParser(maximumBytes: options.maximumEventBytes, lastEventID: id)
        switch response.status.code {
        case 200: break
        case 204: return EventItems(nil, parser, memory, client)
        case 408, 429, 500...:
            let delay = WebAnswer(response, body: nil).retryAfter ?? .zero
            let error = MessagingError(.notConnected, "\(address) answers \(response.status.code)")
            throw RetryAfter(max(delay, memory.reconnectionTime), error)
        default:
            throw MessagingError(.refused, "\(address) answers \(response.status.code), not a stream of events")
        }
        let type = response.headers.first(name: "content-type") ?? ""
        guard type.prefix(while: { !"; \t".contains($0) }).lowercased() == "text/event-stream" else {
            throw MessagingError(.refused, "\(address) answers with \(quoted(type)), not a stream of events")
        }
        return EventItems(response.body, parser, memory, client)
    }

    /// Ends its connections.
    public func close() async { await client.close() }
}

/// What an event source remembers from one stream to the next.
final class EventMemory: Sendable {
    private struct State {
        var reconnectionTime: Duration
        /// The ID of the event that was told last, and the one that has come after it without an event.
        var told: String?
        var lastID = ""
    }

    private let state: Mutex<State>

    init(_ reconnectionTime: Duration) {
        state = Mutex(State(reconnectionTime: reconnectionTime))
    }

    var reconnectionTime: Duration { state.withLock { $0.reconnectionTime } }

    /// The ID with which to go on behind a position.
    func id(behind position: String?) -> String {
        state.withLock { state in
            guard let position else { return state.told == nil ? state.lastID : "" }
            return position == state.told ? state.lastID : position
        }
    }

    func keep(_ parser: EventParser, told: ServerEvent?) {
        state.withLock { state in
            state.reconnectionTime = parser.reconnectionTime ?? state.reconnectionTime
            if let told { state.told = told.id }
            state.lastID = parser.lastEventID
        }
    }
}

/// The events of one stream, as items of an ``EventSource``.
public struct EventItems: AsyncSequence, Sendable {
    private let body: HTTPClientResponse.Body?
    private let parser: EventParser
    private let memory: EventMemory
    /// Which is not to go while the stream is read.
    private let client: WebClient

    /// - Parameter body: `nil`: there is nothing more.
    init(_ body: HTTPClientResponse.Body?, _ parser: EventParser, _ memory: EventMemory, _ client: WebClient) {
        self.client = client
        self.body = body
        self.parser = parser
        self.memory = memory
    }

    /// Reads the stream.
    public func makeAsyncIterator() -> Iterator {
        Iterator(body: body?.makeAsyncIterator(), parser: parser, memory: memory, client: client)
    }

    /// Reads a stream of events.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var body: HTTPClientResponse.Body.AsyncIterator?
        fileprivate var parser: EventParser
        fileprivate let memory: EventMemory
        fileprivate let client: WebClient
        fileprivate var events: [ServerEvent].SubSequence = []
        /// How many skipped events have been told of.
        fileprivate var told = 0

        /// The next event; `nil` if the server wants nobody to listen any more.
        @concurrent
        public mutating func next() async throws -> SourceItem? {
            while true {
                if let event = events.popFirst() { return item(event) }
                guard body != nil else { return nil }
                let bytes: [UInt8]?
                do {
                    bytes = try await body?.next().map { Array($0.readableBytesView) }
                } catch {
                    throw pause(WebClient.failure(error))
                }
                guard let bytes else {
                    throw pause(MessagingError(.connectionLost, "the server ended the stream of events"))
                }
                events = parser.read(bytes)[...]
                memory.keep(parser, told: nil)
            }
        }

        private func pause(_ error: any Error) -> any Error {
            error is CancellationError ? error : RetryAfter(memory.reconnectionTime, error)
        }

        private mutating func item(_ event: ServerEvent) -> SourceItem {
            memory.keep(parser, told: event)
            var headers = Headers()
            if !event.id.isEmpty { headers.messageID = event.id }
            let message = Message(event.data, headers: headers)
            defer { told = parser.skipped }
            return SourceItem(
                topic: TopicName(segments: [event.type]),
                message: message,
                position: event.id,
                skipped: parser.skipped - told
            )
        }
    }
}
