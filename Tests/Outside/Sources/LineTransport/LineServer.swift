import Martlet

/// What the other end of the lines is: an embedded broker, and a session for each link.
public final class LineServer: Sendable {
    private let broker = MemoryBroker()
    private let links: AsyncStream<LineSocket>
    private let arrival: AsyncStream<LineSocket>.Continuation

    /// A server without clients.
    public init() {
        (links, arrival) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(64))
    }

    /// The client's end of a new link; `nil` if there can't be one now.
    func dial() -> LineSocket? {
        guard let (client, server) = LineSocket.pair() else { return nil }
        arrival.yield(server)
        return client
    }

    /// Serves until the task is cancelled.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for await socket in links {
                group.addTask { [broker] in await LineSession(socket).run(on: broker) }
            }
        }
    }
}

/// The server's side of one link.
private actor LineSession {
    private let socket: LineSocket
    private let outbox = Outbox()
    private var subscriptions: [Int: Subscription] = [:]
    /// What the client has yet to settle.
    private var held: [Int: Delivery] = [:]
    private var lastTag = 0

    init(_ socket: LineSocket) {
        self.socket = socket
    }

    func run(on broker: MemoryBroker) async {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [outbox, socket] in
                    await outbox.write(to: socket)
                    socket.end()
                }
                await converse(with: broker, &group)
                socket.end()
                group.cancelAll()
            }
        } onCancel: {
            socket.end()
        }
    }

    private func converse(with broker: MemoryBroker, _ group: inout TaskGroup<Void>) async {
        var frames = FrameReader(socket)
        guard let hello = await frames.next(), hello.verb == .hello else { return }
        let will = Will(topic: TopicName(hello.name), message: hello.message, retain: hello.flag)
        let options = ConnectionOptions(will: hello.name.isEmpty ? nil : will)
        guard let client = try? await broker.connect(options: options) else { return }
        outbox.post(Frame(.done, number: hello.number))
        var isOrderly = false
        while !isOrderly, let frame = await frames.next() {
            do {
                switch frame.verb {
                case .subscribe, .consume: try await open(frame, for: client, &group)
                case .leave: subscriptions.removeValue(forKey: frame.number)?.finish()
                case .settle: try settle(frame)
                case .goodbye: isOrderly = true
                default: try await outbox.post(Frame(.done, answer(frame, for: client), number: frame.number))
                }
            } catch {
                let error = error as? MessagingError ?? MessagingError(.refused, "\(error)")
                outbox.post(Frame(.failed, error.code.rawValue, number: frame.number, message: Message(error.message)))
            }
        }
        if !isOrderly { client.cut() }
        await client.close()
        for subscription in subscriptions.values { subscription.finish() }
    }

    private func answer(_ frame: Frame, for client: MemoryConnection) async throws -> String {
        let expiry = frame.expiry.map { Duration.milliseconds($0) }
        switch frame.verb {
        case .publish:
            let options = PublishOptions(retain: frame.flag, expiry: expiry)
            try await client.publish(frame.message, to: TopicName(frame.name), options: options)
        case .send:
            let options = SendOptions(expiry: expiry, requiresConsumer: frame.flag)
            try await client.send(frame.message, to: QueueName(frame.name), options: options)
        case .reply:
            try await client.reply(frame.message, to: frame.name)
        case .listen:
            let address = try await client.openReplyAddress { [outbox] reply, address in
                outbox.post(Frame(.answer, address, message: reply))
            }
            return address.address(for: "")
        default:
            throw MessagingError(.unsupported, "no request is called \(frame.verb)")
        }
        return ""
    }

    // MARK: Deliveries

    private func open(_ frame: Frame, for client: MemoryConnection, _ group: inout TaskGroup<Void>) async throws {
        let (limit, isQueue) = (frame.limit ?? 1, frame.verb == .consume)
        let subscription =
            isQueue
            ? try await client.consume(from: QueueName(frame.name), options: ConsumeOptions(prefetch: limit))
            : try await client.subscribe(
                to: TopicPattern(frame.name),
                options: SubscribeOptions(limit: limit, retained: frame.flag)
            )
        subscriptions[frame.number] = subscription
        outbox.post(Frame(.done, number: frame.number))
        group.addTask {
            while let delivery = try? await subscription.next() {
                await self.pass(delivery, of: frame.number, isQueue)
                try? await self.outbox.waitForRoom()
            }
        }
    }

    private func pass(_ delivery: Delivery, of number: Int, _ isQueue: Bool) {
        var frame = Frame(.delivery, delivery.topic.text, number: number, message: delivery.message)
        frame.flag = delivery.isRetained
        if isQueue {
            lastTag += 1
            held[lastTag] = delivery
            (frame.tag, frame.redeliveries) = (lastTag, delivery.redeliveries)
        }
        outbox.post(frame)
    }

    private func settle(_ frame: Frame) throws {
        guard let delivery = held.removeValue(forKey: frame.number) else { return }
        if frame.disposition == "ack" {
            try delivery.ack()
        } else {
            try delivery.nack(requeue: frame.disposition == "requeue")
        }
    }
}
