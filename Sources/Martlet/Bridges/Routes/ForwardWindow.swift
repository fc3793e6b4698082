import DequeModule

/// A message on its way through a route.
struct ForwardEntry: Sendable {
    let delivery: Delivery
    var message: Message
    /// Where it goes: the topic that it is published to, or for a queue the one that it came from.
    var topic: TopicName
    /// The message's own ID, where duplicates are looked for.
    var id: String?
    /// Whether the same message is under way already: the outcome of that one decides about this one.
    var isRepeated = false
    /// By which the route forgets its body again, where it remembers those that have gone.
    var changeNumber: UInt64?
    /// Whether the sink is to keep it for later subscribers, or to delete the one that it has kept.
    var retain = false
    let begun: Duration
    /// When it came, in nanoseconds since 1970, for its dead letter.
    var firstTime: Int64 = 0
    var attempts = 1
    var confirmation = Confirmation.confirmed

    init(_ delivery: Delivery, begun: Duration) {
        self.delivery = delivery
        self.begun = begun
        message = delivery.message
        topic = delivery.topic
    }
}

/// The messages under way whose confirmations are waited for, in the order in which they came. There is room for so
/// many, or for 64 MiB; the task that adds one more waits.
struct ForwardWindow: Sendable {
    static let maximumBytes = 64 << 20

    private let entries: Mailbox<ForwardEntry>

    init(limit: Int) {
        entries = Mailbox(limit: limit, weight: MailboxWeight(limit: Self.maximumBytes) { $0.message.weight })
    }

    /// Adds a message, when there is room.
    func add(_ entry: ForwardEntry) async throws {
        guard case .parked(let id) = entries.offer(entry, topic: entry.topic) else { return }
        try await entries.waitUntilAdmitted(id)
    }

    /// Hands out those that came meanwhile, at least one; none when no more come.
    func next(into batch: inout Deque<ForwardEntry>) async throws {
        try await entries.next(into: &batch)
    }

    /// No more come; those that are there are handed out.
    func finish() { entries.finish() }

    /// Nothing settles them any more: the task that waits for room goes on.
    func discard() { entries.discard() }
}
