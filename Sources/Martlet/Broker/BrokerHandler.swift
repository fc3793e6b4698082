/// The rules of an embedded broker: what you write to make it yours.
///
/// The broker asks before it does anything, and does what the ruling says. Every method has a default that accepts,
/// so a handler implements what it changes; the broker without one is ``StandardHandler``, which changes nothing.
///
/// Calls come one at a time, from any thread. The broker is locked meanwhile: return quickly, and send further messages by
/// the ``BrokerActions`` that are passed in.
public protocol BrokerHandler: Sendable {
    /// What it is asked and told besides. What it does not ask for costs nothing; by default that is all of it.
    static var asks: BrokerQuestions { get }

    /// A connection is being made, or comes back after its link was lost. Refused, `connect` throws
    /// ``MessagingError/Code/refused``, and a lost link stays lost.
    mutating func connects(_ client: BrokerClient, actions: inout BrokerActions) -> BrokerRuling<Void>

    /// A message is being published, sent to a queue, or sent as a reply. A change may alter the message or its
    /// destination.
    mutating func dispatches(
        _ dispatch: BrokerDispatch,
        from client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<BrokerDispatch>

    /// A client subscribes to topics. A change subscribes it to others.
    mutating func subscribes(
        to pattern: TopicPattern,
        _ client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<TopicPattern>

    /// A client starts to consume a queue. A change has it consume another.
    mutating func consumes(
        from queue: QueueName,
        _ client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<QueueName>

    /// A client settles a delivery. A change settles it otherwise; it can't be refused, and is then accepted.
    mutating func settles(
        _ message: Message,
        from queue: QueueName,
        as disposition: Disposition,
        _ client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<Disposition>

    /// A client that was connected has gone: in order, or because its link was lost.
    ///
    /// Said once for each time that the client was let in. A client that comes back on a new link asks to connect again.
    mutating func disconnects(_ client: BrokerClient, inOrder: Bool, actions: inout BrokerActions)

    /// A message is about to go to one of those that it is for. A change gives that client another message; where it goes
    /// stays as it is. Refused, that client does not get it: from a queue it is rejected then.
    ///
    /// Asked with ``BrokerQuestions/deliveries``: for each client, whatever it is delivered by, and for an absent client
    /// when the message is kept for it.
    mutating func delivers(_ dispatch: BrokerDispatch, to client: BrokerClient) -> BrokerRuling<BrokerDispatch>

    /// A client that stays connected has ended a subscription.
    ///
    /// Told with ``BrokerQuestions/unsubscribes``.
    mutating func unsubscribes(
        from pattern: TopicPattern,
        _ client: BrokerClient,
        actions: inout BrokerActions
    )

    /// The session of a client on a socket is over, which is not connected any more: its time has passed, the client has
    /// thrown it away, or the server ends. What was kept for it is gone.
    ///
    /// Told with ``BrokerQuestions/expiries``, after ``disconnects(_:inOrder:actions:)``.
    mutating func expires(session client: BrokerClient, actions: inout BrokerActions)
}

/// What a ``BrokerHandler`` is asked and told besides what each one is.
public struct BrokerQuestions: OptionSet, Sendable, Hashable {
    /// The options as bits.
    public let rawValue: Int

    /// Options of their bits.
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// About each message for each client: ``BrokerHandler/delivers(_:to:)``.
    public static let deliveries = BrokerQuestions(rawValue: 1)
    /// Of subscriptions that end: ``BrokerHandler/unsubscribes(from:_:actions:)``.
    public static let unsubscribes = BrokerQuestions(rawValue: 2)
    /// Of sessions that end: ``BrokerHandler/expires(session:actions:)``.
    public static let expiries = BrokerQuestions(rawValue: 4)
}

/// What a ``BrokerHandler`` decides.
public enum BrokerRuling<Request: Sendable>: Sendable {
    /// Let it be done as asked.
    case accept
    /// Let this be done instead.
    case change(Request)
    /// Let it not be done; the client gets ``MessagingError/Code/refused`` with this reason.
    case refuse(String)
}

extension BrokerHandler {
    /// Nothing.
    public static var asks: BrokerQuestions { [] }

    /// Accepts.
    public mutating func connects(_ client: BrokerClient, actions: inout BrokerActions) -> BrokerRuling<Void> {
        .accept
    }

    /// Accepts.
    public mutating func dispatches(
        _ dispatch: BrokerDispatch,
        from client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<BrokerDispatch> { .accept }

    /// Accepts.
    public mutating func subscribes(
        to pattern: TopicPattern,
        _ client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<TopicPattern> { .accept }

    /// Accepts.
    public mutating func consumes(
        from queue: QueueName,
        _ client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<QueueName> { .accept }

    /// Accepts.
    public mutating func settles(
        _ message: Message,
        from queue: QueueName,
        as disposition: Disposition,
        _ client: BrokerClient,
        actions: inout BrokerActions
    ) -> BrokerRuling<Disposition> { .accept }

    /// Does nothing.
    public mutating func disconnects(_ client: BrokerClient, inOrder: Bool, actions: inout BrokerActions) {}

    /// Accepts.
    public mutating func delivers(
        _ dispatch: BrokerDispatch,
        to client: BrokerClient
    ) -> BrokerRuling<BrokerDispatch> { .accept }

    /// Does nothing.
    public mutating func unsubscribes(
        from pattern: TopicPattern,
        _ client: BrokerClient,
        actions: inout BrokerActions
    ) {}

    /// Does nothing.
    public mutating func expires(session client: BrokerClient, actions: inout BrokerActions) {}
}
