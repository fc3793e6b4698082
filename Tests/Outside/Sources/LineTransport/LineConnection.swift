public import Martlet
import Synchronization

/// A connection to a ``LineServer``.
public actor LineConnection: Connection {
    /// What the server is to know of a subscription on each link, and where its deliveries go.
    struct Opened {
        let frame: Frame
        let feed: SubscriptionFeed
    }

    struct Link {
        let number: Int
        let socket: LineSocket
        let outbox = Outbox()
    }

    struct State {
        var link: Link?
        /// Whether the link is restored, so that everybody may use it.
        var isOpen = false
        /// Whether no link is to be made.
        var isCut = false
        var lastNumber = 0
        var requests: [Int: CheckedContinuation<Frame, any Error>] = [:]
        var opened: [Int: Opened] = [:]
        /// Publishes that wait for the link.
        var kept: [Frame] = []
        var receive: (@Sendable (Message, String) -> Void)?
        var address = ""

        mutating func nextNumber() -> Int {
            lastNumber += 1
            return lastNumber
        }
    }

    /// What the patterns keep for this connection.
    public nonisolated let runtime: ConnectionRuntime
    nonisolated let options: ConnectionOptions
    nonisolated let server: LineServer
    nonisolated let state = Mutex(State())
    /// Keeps the link, from ``connect(to:options:)`` to ``close()``.
    private var keeper: Task<Void, Never>?

    private init(_ server: LineServer, _ options: ConnectionOptions) {
        self.server = server
        self.options = options
        runtime = ConnectionRuntime(options: options)
    }

    /// A connection that has its first link. It is to be closed.
    public static func connect(
        to server: LineServer,
        options: ConnectionOptions = ConnectionOptions()
    ) async throws -> LineConnection {
        let connection = LineConnection(server, options)
        await connection.start()
        do {
            try await connection.runtime.waitUntilConnected(within: .seconds(10))
        } catch {
            await connection.close()
            throw error
        }
        return connection
    }

    private func start() {
        keeper = Task { await keepLink() }
    }

    /// What the server gives.
    public static var capabilities: Capabilities {
        [
            .retain, .confirmedPublish, .redelivery, .responderDetection, .replyDetection, .expiry, .headers,
            .separateHeaders,
        ]
    }

    /// What the server gives.
    public nonisolated var capabilities: Capabilities { Self.capabilities }

    // MARK: Sending

    /// Publishes a message.
    public nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try runtime.check(publishing: message, to: topic, options, on: capabilities)
        let bytes = try runtime.publicationBytes(of: message, format: options.format, carriesHeaders: true)
        let coded = Message(bytes, headers: message.headers)
        var frame = Frame(.publish, topic.text, message: coded, expiry: options.expiry)
        frame.flag = options.retain
        guard options.guarantee == .atMostOnce else {
            return try await ask(frame, options.guarantee, within: options.expiry)
        }
        if keepsForLink(frame) { return }
        let outbox = try state.withLock { state in
            guard state.isOpen, let outbox = state.link?.outbox else { throw runtime.missingLink }
            outbox.post(frame)
            return outbox
        }
        do {
            try await outbox.waitForRoom()
        } catch is MessagingError {
            throw runtime.missingLink
        }
    }

    /// Sends a message to a queue.
    public nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        try runtime.check(sending: message, to: queue, options, on: capabilities)
        let bytes = try runtime.publicationBytes(of: message, carriesHeaders: true)
        let coded = Message(bytes, headers: message.headers)
        var frame = Frame(.send, queue.text, message: coded, expiry: options.expiry)
        frame.flag = options.requiresConsumer
        try await ask(frame, options.guarantee, within: options.expiry)
    }

    /// Sends a message to a reply address.
    public nonisolated func reply(_ message: Message, to address: String) async throws {
        try runtime.check(replying: message)
        let bytes = try runtime.publicationBytes(of: message, format: .plain, carriesHeaders: true)
        try await request(Frame(.reply, address, message: Message(bytes, headers: message.headers)))
    }

    /// Asks until there is an answer, if there is a guarantee.
    private nonisolated func ask(_ frame: Frame, _ guarantee: Guarantee, within expiry: Duration?) async throws {
        while true {
            do {
                try await request(frame)
                return
            } catch let error as MessagingError
                where guarantee != .atMostOnce && [.notConnected, .connectionLost].contains(error.code)
            {
                try await runtime.waitUntilConnected(within: expiry)
            }
        }
    }

    /// Whether a publish that finds no link has been dealt with as ``ConnectionOptions/whileOffline`` says.
    private nonisolated func keepsForLink(_ frame: Frame) -> Bool {
        if case .fail = options.whileOffline { return false }
        let (isDealtWith, isDropped) = state.withLock { state in
            guard !state.isOpen, runtime.missingLink.code == .notConnected else { return (false, false) }
            guard case .buffer(let limit) = options.whileOffline else { return (true, true) }
            state.kept.append(frame)
            guard state.kept.count > limit else { return (true, false) }
            state.kept.removeFirst()
            return (true, true)
        }
        if isDropped { runtime.count(\.droppedOffline, "a publish was dropped while there was no link") }
        return isDealtWith
    }

    // MARK: Receiving

    /// Subscribes to topics.
    public func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try runtime.check(subscribingTo: pattern, options, on: capabilities)
        var frame = Frame(.subscribe, pattern.text)
        frame.flag = options.retained
        return try await open(frame, limit: options.limit, options.overflow)
    }

    /// Consumes a queue.
    public func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try runtime.check(consuming: queue, options)
        return try await open(Frame(.consume, queue.text), limit: options.prefetch, .suspend)
    }

    private func open(_ frame: Frame, limit: Int, _ overflow: Overflow) async throws -> Subscription {
        var frame = frame
        let number = state.withLock { $0.nextNumber() }
        (frame.number, frame.limit) = (number, limit)
        // If the request fails nobody holds the subscription, which takes it away again.
        let (subscription, feed) = Subscription.makeSubscription(
            limit: limit,
            overflow: overflow,
            maximumBytes: options.maximumWaitingBytes
        ) { [weak self] in
            self?.leave(number)
        }
        state.withLock { $0.opened[number] = Opened(frame: frame, feed: feed) }
        try await request(frame)
        return subscription
    }

    nonisolated func leave(_ number: Int) {
        state.withLock { state in
            state.opened[number] = nil
            state.link?.outbox.post(Frame(.leave, number: number))
        }
    }

    /// Opens the reply address, which is another one on each link.
    public func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        state.withLock { $0.receive = receive }
        let answer = try await request(Frame(.listen))
        state.withLock { $0.address = answer.name }
        return ReplyAddress(current: { [weak self] in self?.state.withLock { $0.address } ?? "" })
    }

    // MARK: The end

    /// Closes the connection.
    public func close() async {
        await runtime.close { [self] in await leave() }
    }

    private func leave() async {
        let (link, requests, opened) = state.withLock { state in
            (state.isOpen, state.isCut) = (false, true)
            defer { (state.requests, state.opened) = ([:], [:]) }
            return (state.link, state.requests, state.opened)
        }
        for request in requests.values { request.resume(throwing: runtime.missingLink) }
        for opened in opened.values { opened.feed.finish() }
        link?.outbox.post(Frame(.goodbye))
        guard let keeper else { return }
        // The server ends the link when it has heard everything.
        if link == nil { keeper.cancel() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await keeper.value }
            group.addTask {
                try? await Task.sleep(for: .seconds(1))
                keeper.cancel()
            }
            await group.next()
            group.cancelAll()
        }
    }
}
