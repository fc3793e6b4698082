/// How surely a message arrives at the broker and from there at those who listen.
public enum Guarantee: Int, Sendable, Hashable, Comparable, CaseIterable {
    /// Once or, when a link or a broker fails, not at all. The fastest.
    case atMostOnce
    /// Kept and sent again until the broker has confirmed it: it may arrive more than once.
    case atLeastOnce
    /// Once, whatever fails.
    case exactlyOnce

    /// The weaker one is less.
    public static func < (a: Guarantee, b: Guarantee) -> Bool { a.rawValue < b.rawValue }
}

/// How a message is published.
public struct PublishOptions: Sendable, Hashable {
    /// How surely it arrives.
    public var guarantee: Guarantee
    /// Whether the broker keeps it for those who subscribe later. An empty retained message deletes the kept one.
    public var retain: Bool
    /// After how long it is worthless, from the call on: what could not be sent until then is dropped and counted, and after
    /// that the broker keeps it no longer; it is told what is left. What has reached a subscription's mailbox is read all the
    /// same. It also bounds how long a guaranteed publish waits for a lost link. `nil`: never.
    public var expiry: Duration?
    /// How it looks on the wire. `nil`: as the connection's ``ConnectionOptions/format`` says.
    public var format: MessageFormat?

    /// At most once, not retained, never expiring, in the connection's format, unless told.
    public init(
        guarantee: Guarantee = .atMostOnce,
        retain: Bool = false,
        expiry: Duration? = nil,
        format: MessageFormat? = nil
    ) {
        self.guarantee = guarantee
        self.retain = retain
        self.expiry = expiry
        self.format = format
    }
}
