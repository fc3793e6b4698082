import MartletTransport

@testable import MartletMQTT

/// What only the session's loop may look at.
extension MQTTSession {
    /// How many messages it has not taken to send.
    var waitingToBeSent: Int { outlet.outbox.count }

    /// How many messages the broker has yet to confirm.
    var unconfirmed: Int { publishing.unconfirmedCount }

    /// Whether the broker has yet to answer a SUBSCRIBE or an UNSUBSCRIBE.
    var awaitsSubscriptions: Bool { subscriptions.awaitsAnswer }

    /// How many of the link's bytes have arrived at the broker's system.
    var arrivedBytes: Int { client.arrivedBytes }

    /// How many filters it is subscribed to.
    var filterCount: Int { subscriptions.all.count }
}
