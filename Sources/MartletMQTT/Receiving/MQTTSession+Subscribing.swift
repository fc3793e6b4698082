import CMosquitto
import Martlet
import MartletTransport

/// Subscriptions, and what comes by them.
extension MQTTSession {
    /// What is subscribed to.
    struct Request {
        /// On the wire.
        var filter: String
        /// Of a shared subscription.
        var group: String?
        var quality: CInt
        var wantsRetained = false
        var noLocal = false
        var retainAsPublished = false
    }

    /// Subscribes; once it has returned nothing is missed.
    ///
    /// - Returns: the number to unsubscribe by.
    func subscribe(_ request: Request, _ receiver: Receiver) async throws -> Int {
        switch keeper.state {
        case .restoring, .open: break
        case .idle, .opening: throw MessagingError.offline
        case .draining, .closing, .closed: throw MessagingError.closed
        }
        try checkSupport(of: request)
        let (member, change) = table.add(
            receiver,
            filter: request.filter,
            group: request.group,
            quality: request.quality,
            wantsRetained: request.wantsRetained,
            noLocal: request.noLocal,
            // Whose it is would not be known without a number.
            retainAsPublished: request.retainAsPublished && broker?.identifiesSubscriptions == true
        )
        adoptOrphans(request, receiver)
        guard case .subscribe(let filter) = change else { return member }
        do {
            let promise = Promise<CInt>()
            attend {
                do {
                    try ask(for: filter, .caller(promise, filter: filter))
                } catch {
                    // Nobody else knows of the promise. What the library does not take is no fault of the link.
                    promise.end(.failure(error))
                    if (error as? MessagingError)?.code == .connectionLost { throw error }
                }
            }
            let limit = options.connectTimeout
            let granted = try await promise.value(
                within: limit,
                of: runtime.timers,
                or: MessagingError(
                    .timeout,
                    "the broker did not answer the subscription to \(request.filter) within \(limit)"
                )
            )
            try checkGranted(granted, request)
            return member
        } catch {
            unsubscribe(member)
            throw error
        }
    }

    private func checkSupport(of request: Request) throws {
        guard let broker else { throw MessagingError.offline }
        if request.group != nil, !broker.sharesSubscriptions {
            throw MessagingError(
                .unsupported,
                "the broker shares no subscriptions, so that there are no groups; without the option sharesQueues each "
                    + "consumer of a queue gets every message"
            )
        }
        guard options.version == .v311 || !broker.identifiesSubscriptions else { return }
        let key = TopicPattern(mqtt: request.filter)
        let wire = request.group.map { "$share/\($0)/\(request.filter)" } ?? request.filter
        if let other = table.conflict(with: wire, key: key, isShared: request.group != nil) {
            throw MessagingError(
                .unsupported,
                "\(wire) and \(other.text) may match the same topic, and MQTT 3.1.1 does not tell by which "
                    + "subscription a message came, which for a shared one matters: use MQTT 5, or a connection each"
            )
        }
    }

    private func checkGranted(_ granted: CInt, _ request: Request) throws {
        if granted >= 0x80 {
            let reason = options.version == .v5 ? String(cString: mosquitto_reason_string(granted)) : "not allowed"
            throw MessagingError(.refused, "the broker refused the subscription to \(request.filter): \(reason)")
        }
        if granted < request.quality {
            throw MessagingError(
                .unsupported,
                "the broker gives quality of service \(granted) for \(request.filter), not \(request.quality)"
            )
        }
    }

    /// Ends what was subscribed to; does nothing if it has ended.
    func unsubscribe(_ member: Int) {
        guard case .unsubscribe(let text) = table.remove(member), keeper.isUp else { return }
        attend { client.unsubscribe(from: text) }
    }

    /// Ends what was subscribed to, soon. From any thread.
    nonisolated func leave(_ member: Int) {
        bell.execute { [weak self] in
            self?.assumeIsolated { $0.unsubscribe(member) }
        }
    }

    private func ask(for id: Int, _ pending: PendingSubscribe) throws {
        guard let filter = table[filter: id] else { return }
        var properties = MosquittoProperties(options.version)
        if broker?.identifiesSubscriptions == true {
            try properties.add(MQTT_PROP_SUBSCRIPTION_IDENTIFIER, variable: id)
        }
        var flags: CInt = 0
        if options.version == .v5 {
            if filter.noLocal, !filter.isShared { flags |= CInt(MQTT_SUB_OPT_NO_LOCAL.rawValue) }
            if filter.retainAsPublished { flags |= CInt(MQTT_SUB_OPT_RETAIN_AS_PUBLISHED.rawValue) }
            if filter.newcomers.isEmpty { flags |= CInt(MQTT_SUB_OPT_SEND_RETAIN_NEVER.rawValue) }
        }
        let number = try client.subscribe(to: filter.text, quality: filter.quality, options: flags, properties)
        subscribing[number] = pending
    }

    /// Asks for everything anew, on a new link.
    func restoreSubscriptions() throws {
        table.restored()
        for filter in table.all { try ask(for: filter.id, .restored(filter: filter.id)) }
    }

    func failSubscribing(_ error: any Error) {
        for pending in subscribing.values {
            if case .caller(let promise, _) = pending { promise.end(.failure(error)) }
        }
        subscribing.removeAll()
        restoring?.end(.failure(error))
    }

    func granted(_ number: CInt, _ quality: CInt) {
        switch subscribing.removeValue(forKey: number) {
        case .caller(let promise, let filter):
            if quality < 0x80 { table.granted(filter) }
            promise.end(.success(quality))
        case .restored(let filter):
            defer { concludeRestoring() }
            if quality < 0x80 { return table.granted(filter) }
            let error = MessagingError(.refused, "the broker refused the subscription after a reconnect")
            for receiver in table.removeFilter(filter) { receiver.finish(throwing: error) }
        case nil:
            break
        }
    }

    // MARK: What comes

    func received(_ message: ReceivedMessage) {
        backlog.read(bytes: message.body.count, isBehind: gate.isClosed)
        guard let topic = message.topic else {
            return runtime.count(\.undecodable, "a message came whose topic is not UTF-8")
        }
        let isWanted = table.forEachReceiver(
            of: TopicName(topic, in: .mqtt),
            identified: message.subscriptions,
            isRetained: message.isRetained
        ) { deliver(message, topic, to: $0, isRetained: $1) }
        guard !isWanted else { return }
        guard let name = TopicName(topic, in: .mqtt) else { return countUnnamed(topic) }
        guard orphans.isKept, message.quality > 0 else { return }
        if orphans.add(message, key: name) {
            runtime.count(\.undelivered, "too many messages of the kept session came before they were subscribed to")
        }
    }

    private func countUnnamed(_ topic: String) {
        runtime.count(\.undecodable, "a message came whose topic \(quoted(topic)) has too many levels for a name")
    }

    private func adoptOrphans(_ request: Request, _ receiver: Receiver) {
        for message in orphans.take(matching: TopicPattern(mqtt: request.filter)) {
            if let topic = message.topic { deliver(message, topic, to: receiver, isRetained: message.isRetained) }
        }
    }

    private func deliver(_ received: ReceivedMessage, _ topic: String, to receiver: Receiver, isRetained: Bool) {
        let message: Message
        do {
            message = try runtime.wire.message(received, from: receiver.use)
        } catch {
            return runtime.count(\.undecodable, "a message of \(quoted(topic)) could not be read: \(error)")
        }
        switch receiver {
        case .topics(let inbox, let knowsTopic):
            let name = knowsTopic ? nil : names.name(of: topic)
            guard knowsTopic || name != nil else { return countUnnamed(topic) }
            inbox.deliver(Delivery(topic: name, message: message, isRetained: isRetained))
        case .queue(let inbox, let queue):
            inbox.offer(QueueDelivery(message, queue, inbox, self).delivery)
        case .replies(let receive):
            receive(message, topic)
        }
    }

    /// Ends every subscription, after what has arrived.
    func finishReceivers(_ error: (any Error)?) {
        for filter in table.all {
            for member in filter.members { member.receiver.finish(throwing: error) }
        }
    }
}
