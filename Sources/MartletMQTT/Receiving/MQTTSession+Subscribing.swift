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
        guard let grant else { return member }
        do {
            attend {}
            let limit = options.connectTimeout
            let granted = try await grant.value(
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
            unsubscribe(member, of: request)
            throw error
        }
    }

    private func checkSupport(of request: SubscriptionRequest) throws {
        guard let broker = handshake.broker else { throw MessagingError.offline }
        if request.group != nil, !broker.sharesSubscriptions {
            throw MessagingError.sharesNothing
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
        if granted < request.quality {
            throw MessagingError(
                .unsupported,
                "the broker gives quality of service \(granted) for \(request.filter), not \(request.quality)"
            )
        }
    }

    /// Ends what was subscribed to for good; does nothing if it has ended. Without a link the broker is told on the next one.
    private func unsubscribe(_ member: Int, of request: SubscriptionRequest) {
        subscriptions.remove(member, of: request)
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

    /// Makes the subscription that a reader holds.
    nonisolated func subscription(
        _ member: Int,
        of request: SubscriptionRequest,
        _ receiver: Receiver,
        _ mailbox: Mailbox<Delivery>,
        _ topic: TopicName?,
        _ source: DeliverySource?
    ) -> Subscription {
        let isKept = options.session != .clean && !request.endsWithReader
        return Subscription(mailbox, of: topic, from: source) { [weak self] (ending: Subscription.Ending) in
            self?.end(member, of: request, receiver, ending)
            // What the broker keeps is finished on the loop: until then what is read is still for it.
            if !isKept { receiver.finish(throwing: nil) }
        }
    }
}
