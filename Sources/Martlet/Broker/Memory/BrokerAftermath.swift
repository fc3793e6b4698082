/// What a broker leaves for when its lock is free again.
///
/// To resume a task waits for whoever is cancelling it at the moment, whose cancellation handlers may want the broker's
/// lock: no task is resumed while that is held. And the last reference to a delivery or a connection may turn out to be
/// the one that handing it over took; when those go they act on the broker in turn.
struct BrokerAftermath: Sendable {
    /// A sender that waited for room, and how its wait has ended.
    struct Sender: Sendable {
        let continuation: WaitingRoom<QueueName>.Producer
        let result: Result<Void, any Error>
    }

    /// Readers whose mailboxes got something.
    var readers: [Mailbox<Delivery>.Reader] = []
    var senders: [Sender] = []
    /// Links that have replies to hand over.
    var links: [MemoryLink] = []
    /// What was handed over, kept until then.
    var settlements: [Settlement] = []
    /// Mailboxes whose subscriptions have ended.
    var ended: [Mailbox<Delivery>] = []
    /// The host of the sessions that got something.
    var host: (any SessionHost)?

    var isEmpty: Bool {
        readers.isEmpty && senders.isEmpty && links.isEmpty && settlements.isEmpty && ended.isEmpty && host == nil
    }

    func run() {
        for reader in readers { reader.resume() }
        for sender in senders { sender.continuation.resume(with: sender.result) }
        for link in links { link.handOverReplies() }
        for mailbox in ended { mailbox.finish() }
        host?.handOver()
    }
}
