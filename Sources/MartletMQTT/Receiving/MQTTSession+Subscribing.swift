import Martlet
import MartletTransport

/// Subscribing, and ending that.
extension MQTTSession {
    /// A receiver's part in a filter.
    struct Membership {
        let number: Int
        let request: SubscriptionRequest
    }

    /// Subscribes to all of some filters, or to none; once it has returned nothing is missed.
    func subscribe(_ requests: [SubscriptionRequest], _ receiver: Receiver) async throws -> [Membership] {
        switch keeper.state {
        case .restoring, .open: break
        case .idle, .opening: throw MessagingError.offline
        case .draining, .closing, .closed: throw MessagingError.closed
        }
        for request in requests { try checkSupport(of: request) }
        var members: [Membership] = []
        var grants: [(SubscriptionRequest, Promise<CInt>)] = []
        for request in requests {
            let (number, grant) = subscriptions.add(request, receiver)
            members.append(Membership(number: number, request: request))
            if let grant { grants.append((request, grant)) }
        }
        guard !grants.isEmpty else { return members }
        do {
            attend {}
            for (request, grant) in grants { try await check(grant, of: request) }
            return members
        } catch {
            unsubscribe(members)
            throw error
        }
    }

    private func check(_ grant: Promise<CInt>, of request: SubscriptionRequest) async throws {
        let limit = options.connectTimeout
        let late = MessagingError(
            .timeout,
            "the broker did not answer the subscription to \(request.filter) within \(limit)"
        )
        let granted = try await answer(grant, within: limit, or: late)
        if granted < request.quality {
            throw MessagingError(
                .unsupported,
                "the broker gives quality of service \(granted) for \(request.filter), not \(request.quality)"
            )
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

    /// Ends what was subscribed to for good; does nothing if it has ended. Without a link the broker is told on the next one.
    private func unsubscribe(_ members: [Membership]) {
        for member in members { subscriptions.remove(member.number, of: member.request) }
        if keeper.isUp { attend {} }
    }

    /// Ends a subscription as its reader has, soon. From any thread.
    private nonisolated func end(_ members: [Membership], _ receiver: Receiver, _ ending: Subscription.Ending) {
        bell.execute { [weak self] in
            self?.assumeIsolated { session in
                for member in members {
                    session.subscriptions.end(member.number, of: member.request, receiver, ending)
                }
                if session.keeper.isUp { session.attend {} } else { session.subscriptions.finishLeaving(isQuiet: true) }
            }
        }
    }

    /// Makes the subscription that a reader holds.
    nonisolated func subscription(
        _ members: [Membership],
        _ receiver: Receiver,
        _ mailbox: Mailbox<Delivery>,
        _ topic: TopicName?,
        _ source: DeliverySource?
    ) -> Subscription {
        let isKept = options.session != .clean && !members.allSatisfy(\.request.endsWithReader)
        return Subscription(mailbox, of: topic, from: source) { [weak self] (ending: Subscription.Ending) in
            self?.end(members, receiver, ending)
            // What the broker keeps is finished on the loop: until then what is read is still for it.
            if !isKept { receiver.finish(throwing: nil) }
        }
    }
}
