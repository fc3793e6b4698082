import Martlet
import MartletMQTTWire

/// A session's place in the hub, with what belongs to it here.
///
/// An object, since each look at a part of a value would copy all of it. Nobody has it but the hub's state.
final class Seat {
    var session: ServerSession
    /// As the broker's core knows it, whoever connects to it.
    let number: Int
    /// The client that is or was connected, as the broker's handler knows it.
    var client: BrokerClient
    /// The socket that it is connected by.
    var connection: ClientConnection?
    /// What it may do.
    var permissions: Permissions
    /// The messages that its latest subscriptions ask for, as far as they were not sent yet.
    var backlogs: [Backlog] = []
    /// The queues that its subscriptions are to consume, by their numbers.
    var queues: [Int: Queue] = [:]
    /// The log of the broker's store that knows it.
    var knownToLog = 0
    /// Whether its socket was found to be full.
    var isStuck = false
    /// How its subscriptions match what is being published right now.
    var matching: Match?

    init(
        session: ServerSession,
        number: Int,
        client: BrokerClient,
        permissions: Permissions,
        backlogs: [Backlog] = []
    ) {
        self.session = session
        self.number = number
        self.client = client
        self.permissions = permissions
        self.backlogs = backlogs
    }

    /// Has the session act.
    func act(_ body: (inout ServerSession, inout [SessionAction]) -> Void) -> [SessionAction] {
        var actions: [SessionAction] = []
        body(&session, &actions)
        return actions
    }

    /// Removes the subscription to a filter.
    ///
    /// - Returns: its number; `nil`: there is none.
    func remove(filter: String) -> Int? {
        guard let subscription = session.remove(filter: filter) else { return nil }
        queues[subscription] = nil
        return subscription
    }

    /// A queue that a subscription is to consume.
    struct Queue {
        let name: QueueName
        /// Whether it does: its client may read the queue.
        var isConsumed = false
    }

    /// What a message of its client, or a request of it, needs to be known of it.
    struct Sender {
        let number: Int
        let client: BrokerClient
        let connection: ClientConnection?
        let permissions: Permissions
    }

    var sender: Sender { Sender(number: number, client: client, connection: connection, permissions: permissions) }

    /// How a subscription matches a message, and whether it is shared; `nil`: its client is not to get it.
    func match(
        of publication: BrokerPublication,
        _ recipient: Recipient
    ) -> (match: Match, isShared: Bool)? {
        guard number == recipient.client,
            let subscription = session.subscription(SubscriberNumber.subscription(of: recipient.number)),
            !(subscription.entry.noLocal && publication.publisher == number), permissions.mayRead(publication.topic)
        else { return nil }
        let match = Match(
            qos: subscription.entry.qos,
            retain: publication.retain && subscription.entry.retainAsPublished,
            identifiers: subscription.identifier.map { [$0] } ?? [],
            share: subscription.isShared ? subscription.number : nil
        )
        return (match, subscription.isShared)
    }

    /// How a subscription gets a delivery of the queue that it consumes; `nil`: its client is not there, or wants it no longer.
    func match(ofDelivery delivery: UInt64, _ recipient: Recipient) -> Match? {
        guard number == recipient.client, session.isConnected,
            let subscription = session.subscription(SubscriberNumber.subscription(of: recipient.number))
        else { return nil }
        return Match(
            qos: subscription.entry.qos,
            identifiers: subscription.identifier.map { [$0] } ?? [],
            delivery: delivery
        )
    }

    /// How a subscription gets what is kept for its topics.
    func matchOfKept(_ subscription: Int) -> Match? {
        guard let subscription = session.subscription(subscription) else { return nil }
        return Match(
            qos: subscription.entry.qos,
            retain: true,
            identifiers: subscription.identifier.map { [$0] } ?? []
        )
    }

    /// Its connection has gone. What its subscriptions are to get with a guarantee it gets by the next one.
    func keepGuaranteedBacklogs() {
        backlogs = backlogs.filter(isGuaranteed)
    }

    private func isGuaranteed(_ backlog: Backlog) -> Bool {
        session.subscription(backlog.subscription)?.entry.qos ?? .atMostOnce > .atMostOnce
    }

    /// The subscriptions that are to get with a guarantee what they have not got yet.
    var owed: Set<Int> { Set(backlogs.lazy.filter(isGuaranteed).map(\.subscription)) }

    /// The messages that are kept for one subscription.
    struct Backlog {
        let subscription: Int
        let topics: [TopicName]
        var next = 0
    }
}

/// The number under which the broker's core knows a subscription of a session: the session's place, and its own number.
enum SubscriberNumber {
    private static var bits: Int { 32 }

    static func make(place: Int, subscription: Int) -> Int { place << bits | subscription }
    static func place(of number: Int) -> Int { number >> bits }
    static func subscription(of number: Int) -> Int { number & (1 << bits - 1) }
}
