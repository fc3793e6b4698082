import CMosquitto
import Martlet
import MartletTransport

/// Subscribing, and ending that.
extension MQTTSession {
    /// Subscribes; once it has returned nothing is missed.
    ///
    /// - Returns: the number to end it by.
    func subscribe(_ request: SubscriptionRequest, _ receiver: Receiver) async throws -> Int {
        switch keeper.state {
        case .restoring, .open: break
        case .idle, .opening: throw MessagingError.offline
        case .draining, .closing, .closed: throw MessagingError.closed
        }
        try checkSupport(of: request)
        let (member, grant) = subscriptions.add(request, receiver)
        if case .queue(_, let queue) = receiver {
            for (message, queue) in subscriptions.takeReturned(for: queue) { send(again: message, to: queue) }
        }
        guard let grant else { return member }
        do {
            attend {}
            try checkGranted(try await grant.value(), request)
            return member
        } catch {
            takeBack(member, of: request)
            throw error
        }
    }

    private func checkSupport(of request: SubscriptionRequest) throws {
        guard let broker else { throw MessagingError.offline }
        if request.group != nil, !broker.sharesSubscriptions {
            throw MessagingError(
                .unsupported,
                "the broker shares no subscriptions, so that there are no groups; without the option sharesQueues each "
                    + "consumer of a queue gets every message"
            )
        }
        guard !broker.tellsSubscriptions else { return }
        if let other = subscriptions.conflict(with: request) {
            throw MessagingError(
                .unsupported,
                "\(request.wire) and \(other) may match the same topic, and MQTT 3.1.1 does not tell by which "
                    + "subscription a message came, which for a shared one matters: use MQTT 5, or a connection each"
            )
        }
    }

    private func checkGranted(_ granted: CInt, _ request: SubscriptionRequest) throws {
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

    /// Ends what the broker has not agreed to, or may have. Without a link it is told on the next one.
    private func takeBack(_ member: Int, of request: SubscriptionRequest) {
        subscriptions.takeBack(member, of: request)
        if keeper.isUp { attend {} }
    }

    /// Ends a subscription as its reader has, soon. From any thread.
    nonisolated func end(
        _ member: Int,
        of request: SubscriptionRequest,
        _ receiver: Receiver,
        _ ending: Subscription.Ending
    ) {
        bell.execute { [weak self] in
            self?.assumeIsolated { session in
                session.subscriptions.end(member, of: request, receiver, ending)
                if session.keeper.isUp { session.attend {} } else { session.subscriptions.finishLeaving(isQuiet: true) }
            }
        }
    }

    /// Has a message go back to its queue, soon. From any thread.
    nonisolated func giveBack(_ message: Message, to queue: QueueName) {
        bell.execute { [weak self] in
            self?.assumeIsolated { session in
                guard let wire = try? session.wire(queue) else { return }
                let filter = "$share/\(session.options.queueGroup)/\(wire)"
                if session.subscriptions.keep(message, for: queue, filter: filter) { return }
                session.send(again: message, to: queue)
            }
        }
    }

    private func send(again message: Message, to queue: QueueName) {
        runtime.courier.post { [weak self] in try await self?.send(message, to: queue, SendOptions()) }
    }

    /// Gives the library what goes back to queues that nobody consumes here any more: nothing is read after it, so that it
    /// stays with the broker.
    func sendReturned() {
        for (message, queue) in subscriptions.takeReturned() {
            do {
                var properties = MosquittoProperties(options.version)
                try properties.add(message.headers)
                let payload = try runtime.wire.payload(of: message, options.version)
                _ = try client.publish(payload, to: wire(queue), quality: 1, retain: false, properties)
            } catch {
                runtime.count(\.undelivered, "a message could not go back to \(queue): \(error)")
            }
        }
    }

    /// Makes the subscription that a reader holds.
    nonisolated func subscription(
        _ member: Int,
        of request: SubscriptionRequest,
        _ receiver: Receiver,
        _ mailbox: Mailbox<Delivery>,
        _ topic: TopicName?
    ) -> Subscription {
        let isKept = options.session != .clean && !request.endsWithReader
        return Subscription(mailbox, of: topic) { [weak self] (ending: Subscription.Ending) in
            self?.end(member, of: request, receiver, ending)
            // What the broker keeps is finished on the loop: until then what is read is still for it.
            if !isKept { receiver.finish(throwing: nil) }
        }
    }
}
