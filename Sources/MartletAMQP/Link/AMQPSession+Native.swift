import Martlet
import MartletTransport

/// What the native API asks of a session.
extension AMQPSession {
    // MARK: Topology

    /// Declares, binds or deletes something on a channel of its own, and keeps it in mind for the next link.
    func declare(_ method: ClientMethod) async throws -> ServerMethod.Reply {
        guard keeper.state == .open else { throw offlineError }
        let reply = try await untilNodeIsThere(within: options.connectTimeout) { try await askAlone([method]) }
        declarations.note(method)
        return reply
    }

    /// Consumers have ended. With its last one here an auto-deleted queue is not declared again, nor what is bound to it.
    func consumersEnded(of queues: [String]) {
        for queue in queues where declarations.queue(queue)?.isAutoDeleted == true && !consuming.consumes(queue) {
            declarations.note(.deleteQueue(queue, ifUnused: false, ifEmpty: false))
        }
    }

    // MARK: Channels

    func openNative(confirms: Bool) async throws -> Int {
        guard keeper.state == .open else { throw offlineError }
        try Task.checkCancellation()
        let native = NativeChannel(confirms: confirms)
        consuming.add(native)
        let id = native.id
        let promise = Promise<Void>()
        attend { native.open(on: self) { promise.end($0.map { .failure($0) } ?? .success(())) } }
        do {
            try await answer(promise)
        } catch {
            endNative(id) {}
            throw error
        }
        return id
    }

    /// Closes a channel after what was settled and published on it, and returns when the broker has closed it, or after
    /// five seconds.
    func closeNative(_ id: Int) async {
        let closed = Promise<Void>()
        endNative(id) { closed.end(.success(())) }
        let timer = runtime.timers.schedule(at: runtime.timers.now + .seconds(5)) { closed.end(.success(())) }
        await shielded { _ = try? await closed.value() }
        runtime.timers.cancel(timer)
    }

    /// Closes a channel, soon. From any thread.
    nonisolated func leaveNative(_ id: Int) {
        bell.execute { [weak self] in
            self?.assumeIsolated { $0.endNative(id) {} }
        }
    }

    /// Closes a channel after what was settled and published on it.
    ///
    /// - Parameter closed: called once, when it is closed at the broker, or its link is gone.
    private func endNative(_ id: Int, _ closed: @escaping () -> Void) {
        guard let native = consuming.native(id) else { return closed() }
        attend {
            try settle()
            publishing.sendAccepted(by: .native(id), self)
        }
        consuming.removeNative(id)
        let (channel, queues) = (native.channel, native.consumedQueues)
        attend { native.close(self) }
        // Without a link there is nothing to tell the broker.
        native.finish(throwing: nil)
        consumersEnded(of: queues)
        guard let channel, channels.has(channel) else { return closed() }
        // The broker answers nothing after its farewell, with which this ends.
        channel.waiting.append { _ in closed() }
    }

    func native(_ id: Int) throws -> NativeChannel {
        if let native = consuming.native(id) { return native }
        if keeper.state == .closed { throw MessagingError.closed }
        throw NativeChannel.closed
    }

    func askNative(_ id: Int, _ methods: [ClientMethod]) async throws -> ServerMethod.Reply {
        try await ask(methods, on: try native(id).present(self))
    }

    func setPrefetch(_ id: Int, _ count: UInt16) async throws {
        _ = try await askNative(id, [.qos(prefetch: count, isGlobal: true)])
        try native(id).setPrefetch(count)
    }

    func get(_ id: Int, from queue: String, noAck: Bool) async throws -> AMQPDelivery? {
        try Task.checkCancellation()
        let channel = try native(id).present(self)
        let promise = Promise<AMQPDelivery?>()
        attend {
            ask(.get(queue: queue, noAck: noAck), on: channel) { result in
                if let content = channel.gotten, let refusal = content.refusal {
                    if !noAck, case .got(let got) = content.announcement {
                        // Nothing is got of a stream.
                        self.tell(.nack(tag: got.tag, multiple: false, requeue: false), on: channel)
                    }
                    promise.end(.failure(refusal))
                    return
                }
                let delivery = result.map { _ in
                    channel.gotten.map { AMQPDelivery($0, settler: noAck ? nil : channel.settler) }
                }
                // Who has asked waits no longer, and nobody else would settle it.
                if !promise.end(delivery) { try? delivery.get()?.nack(requeue: true) }
            }
        }
        return try await answer(promise)
    }

    func consume(
        _ id: Int,
        from queue: String,
        _ options: AMQPConsumeOptions
    ) async throws -> (Mailbox<AMQPDelivery>, String) {
        try Task.checkCancellation()
        let native = try native(id)
        let tag = NativeChannel.newTag(options)
        let limit = options.noAck || options.prefetch == 0 ? 1_024 : options.prefetch
        let consumer = NativeChannel.Consumer(
            queue: queue,
            options: options,
            inbox: Inbox(limit: limit, overflow: .suspend, gate: gate)
        )
        let promise = Promise<ServerMethod.Reply>()
        _ = try native.present(self)
        attend { try native.consume(tag, consumer, self) { promise.end($0) } }
        do {
            _ = try await answer(promise)
        } catch {
            dropNow(tag, of: id, consumer.inbox.mailbox)
            throw error
        }
        return (consumer.inbox.mailbox, tag)
    }

    /// Ends a consumer, soon. From any thread.
    nonisolated func leave(_ tag: String, of id: Int) {
        bell.execute { [weak self] in
            self?.assumeIsolated { session in
                // Without a link as well: the next one is not to have it.
                session.consuming.native(id)?.leave(tag, session)
                session.attend {}
            }
        }
    }

    /// Ends a consumer that nobody holds any more, soon. From any thread.
    nonisolated func drop(_ tag: String, of id: Int, _ mailbox: Mailbox<AMQPDelivery>) {
        bell.execute { [weak self] in
            self?.assumeIsolated { $0.dropNow(tag, of: id, mailbox) }
        }
    }

    private func dropNow(_ tag: String, of id: Int, _ mailbox: Mailbox<AMQPDelivery>) {
        let native = consuming.native(id)
        native?.leave(tag, self)
        let unread = mailbox.removeAll { _ in true }
        mailbox.discard()
        attend { native?.giveBack(unread, of: tag, self) }
    }
}
