import ServiceLifecycle

// What a route of your own is made of, beside the two connections.
extension RouteContext {
    /// Hands out what a subscription to the source has, one delivery after the other, until the bridge is shut down or the
    /// subscription ends. Says ``ready()`` before.
    ///
    /// When shutdown begins nothing new is taken; what has arrived by then is still handed out. What the subscription drops is
    /// counted as ``RouteStatistics/overflowed``.
    ///
    /// - Throws: what `body` throws. A ``MessagingError/Code/notConnected`` or ``MessagingError/Code/connectionLost`` has the
    ///   bridge run the route again when there is a link; anything else ends the bridge.
    public func read(_ subscription: Subscription, _ body: (Delivery) async throws -> Void) async throws {
        recorder.reads(subscription)
        defer { recorder.reads(nil) }
        ready()
        try await withGracefulShutdownHandler {
            for try await delivery in subscription { try await body(delivery) }
        } onGracefulShutdown: {
            subscription.finish()
        }
    }

    /// The message of a delivery, to be passed on, marked with the bridge's name as ``BridgeOptions/marking`` says; `nil` if
    /// it must not be: it has passed this bridge before, or too many. Counts it as received, or also as looped.
    public func admit(_ delivery: Delivery) -> Message? {
        let passes = bridgeMark.verdict(on: delivery.message.headers) == .pass
        count { statistics in
            statistics.received += 1
            if !passes { statistics.looped += 1 }
        }
        guard passes else { return nil }
        var message = delivery.message
        mark(&message, origin: delivery.topic.text)
        return message
    }

    /// Counts what became of messages, for ``Bridge/reports``.
    public func count(_ change: (inout RouteStatistics) -> Void) {
        recorder.update(change)
    }
}
