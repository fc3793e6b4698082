/// How a topic filter is subscribed to.
public struct SubscribeOptions: Sendable, Hashable {
    /// What happens when the reader is slower than the publishers.
    public var overflow: Overflow
    /// How many messages may wait for the reader. A reader of a `.suspend` subscription takes all that wait at
    /// once, so that up to twice as many are in memory.
    public var limit: Int
    /// How surely messages arrive, as far as their publishers asked for it.
    public var guarantee: Guarantee
    /// Whether the broker's kept messages are wanted first.
    public var retained: Bool
    /// Whether what this connection itself publishes is left out. Needs ``Capabilities/noLocal``.
    public var noLocal: Bool
    /// Whether ``Delivery/isRetained`` also says of what is published meanwhile that the broker keeps it: for who passes
    /// it on. Needs ``Capabilities/retainAsPublished``.
    public var retainAsPublished: Bool
    /// The name under which the broker keeps the subscription, and what is published for it, also while nobody reads it.
    /// Its deliveries are settled as a queue's are, and come back until they are acknowledged; readers of one name share
    /// them. Needs ``Capabilities/durableSubscriptions``. `nil`: it ends with its reader.
    public var durableName: String?
    /// The name of a group whose members share the subscription: each message goes to one of those that subscribe to the
    /// same pattern under the same name, in this process or others. Kept messages are not for them. Needs
    /// ``Capabilities/sharedSubscriptions``. `nil`: each subscriber gets every message.
    public var group: String?
    /// Whether the subscription is of no use without this very reader, so that a broker that keeps subscriptions is not to keep
    /// this one.
    package var endsWithReader = false
    /// Of what the pattern matches, all that is read; empty: everything. A connection may give the rest as well, unless its
    /// broker would then take this subscription for somebody who waits for that.
    package var reads: [TopicName] = []

    /// 256 messages, nothing lost, kept messages first, which alone are told to be kept, one's own among them, ending with
    /// its reader, unless told.
    public init(
        overflow: Overflow = .suspend,
        limit: Int = 256,
        guarantee: Guarantee = .atMostOnce,
        retained: Bool = true,
        noLocal: Bool = false,
        retainAsPublished: Bool = false,
        durableName: String? = nil,
        group: String? = nil
    ) {
        self.overflow = overflow
        self.limit = limit
        self.guarantee = guarantee
        self.retained = retained
        self.noLocal = noLocal
        self.retainAsPublished = retainAsPublished
        self.durableName = durableName
        self.group = group
    }

    /// For what a call or a goal hears while it lasts: new messages, the latest ones if the reader is behind.
    package static func passing(limit: Int = 256, overflow: Overflow = .dropOldest) -> SubscribeOptions {
        var options = SubscribeOptions(overflow: overflow, limit: limit, retained: false)
        options.endsWithReader = true
        return options
    }

    package func validate() throws {
        guard limit > 0 else {
            throw MessagingError(.invalidArgument, "a subscription's limit is \(limit); it must be at least 1")
        }
    }

    /// The options of a subscription to a pattern, with the group that the pattern itself may name.
    ///
    /// - Throws: ``MessagingError/Code/unsupported`` for what the broker can't give;
    ///   ``MessagingError/Code/invalidArgument`` for what has no meaning.
    package func checked(for pattern: TopicPattern, on capabilities: Capabilities) throws -> SubscribeOptions {
        var options = self
        if let group = pattern.group {
            if let own = options.group, !own.hasSameBytes(as: group) {
                throw MessagingError(
                    .invalidArgument,
                    "the subscription is shared by the group \(quoted(own)), and its filter names \(quoted(group))"
                )
            }
            options.group = group
        }
        try options.validate(on: capabilities)
        return options
    }

    /// Checks also that the broker can give what is asked of it.
    private func validate(on capabilities: Capabilities) throws {
        try validate()
        if let group { try validate(group, on: capabilities) }
        if noLocal, !capabilities.contains(.noLocal) {
            throw MessagingError(.unsupported, "this broker can't leave out what a subscriber itself publishes")
        }
        if retainAsPublished, !capabilities.contains(.retainAsPublished) {
            throw MessagingError(.unsupported, "this broker does not tell of a new message whether it is kept")
        }
        guard let durableName else { return }
        if !capabilities.contains(.durableSubscriptions) {
            throw MessagingError(.unsupported, "this broker keeps no subscription that nobody reads")
        }
        if durableName.isEmpty || overflow != .suspend {
            throw MessagingError(.invalidArgument, "a durable subscription has a name, and its overflow is to suspend")
        }
    }

    private func validate(_ group: String, on capabilities: Capabilities) throws {
        if !capabilities.contains(.sharedSubscriptions) {
            throw MessagingError(.unsupported, "this broker can't share a subscription; a queue shares messages")
        }
        let isName = !group.isEmpty && !group.unicodeScalars.contains { "/+#\u{0}".unicodeScalars.contains($0) }
        guard isName else {
            throw MessagingError(
                .invalidArgument,
                "a group can't be named \(quoted(group)): its name is not empty and has no '/', '+' or '#'"
            )
        }
        if noLocal || durableName != nil {
            throw MessagingError(
                .invalidArgument,
                "a shared subscription can be neither durable nor without its own messages"
            )
        }
    }
}
