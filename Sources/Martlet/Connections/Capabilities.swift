/// What a broker gives by itself. A guarantee that is asked for and not among them is an error at once.
public struct Capabilities: OptionSet, Sendable, Hashable {
    /// The set as bits.
    public let rawValue: Int

    /// A set of its bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// It keeps the last message of a topic for those who subscribe later.
    public static let retain = Capabilities(rawValue: 1 << 0)
    /// A publish can be confirmed: ``Guarantee/atLeastOnce``.
    public static let confirmedPublish = Capabilities(rawValue: 1 << 1)
    /// A publish can be delivered once and only once: ``Guarantee/exactlyOnce``.
    public static let exactlyOnce = Capabilities(rawValue: 1 << 2)
    /// Its queues outlive the broker's restart.
    public static let durableQueues = Capabilities(rawValue: 1 << 3)
    /// What a consumer did not acknowledge is delivered again.
    public static let redelivery = Capabilities(rawValue: 1 << 4)
    /// It tells the sender at once that nobody consumes a queue.
    public static let responderDetection = Capabilities(rawValue: 1 << 5)
    /// Messages can expire.
    public static let expiry = Capabilities(rawValue: 1 << 6)
    /// A message's headers arrive with it.
    public static let headers = Capabilities(rawValue: 1 << 7)
    /// It tells a responder at once that nobody hears a reply address any more.
    public static let replyDetection = Capabilities(rawValue: 1 << 8)
    /// It carries headers beside the body, so that the body stays what it is. Elsewhere a message that has headers is in an
    /// envelope, which peers of other libraries may not expect.
    public static let separateHeaders = Capabilities(rawValue: 1 << 9)
    /// A guaranteed subscription gets what was published while its link was away.
    public static let lastingSubscriptions = Capabilities(rawValue: 1 << 10)
    /// A guaranteed subscription can have a name by which it outlives its reader, and its deliveries are settled; see
    /// ``SubscribeOptions/durableName``.
    public static let durableSubscriptions = Capabilities(rawValue: 1 << 11)
    /// A subscription can leave out what its own connection publishes; see ``SubscribeOptions/noLocal``.
    public static let noLocal = Capabilities(rawValue: 1 << 12)
    /// A subscription can be told which messages are published to be kept; see ``SubscribeOptions/retainAsPublished``.
    public static let retainAsPublished = Capabilities(rawValue: 1 << 13)
    /// Several subscribers can share what is published, each message for one of them; see ``SubscribeOptions/group``.
    public static let sharedSubscriptions = Capabilities(rawValue: 1 << 14)
}
