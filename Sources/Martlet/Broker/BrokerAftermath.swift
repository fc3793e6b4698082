/// What a broker leaves for when it is unlocked again.
///
/// Resuming a task waits for whoever is cancelling it at the moment, whose cancellation handlers may want the broker's
/// lock: nobody is resumed while it is held. And the last reference to a delivery or a connection may turn out to be the
/// one that handing it over took; when those go they act on the broker in turn.
struct BrokerAftermath: Sendable {
    /// Readers whose mailboxes got something.
    var readers: [Mailbox<Delivery>.Reader] = []
    /// Senders whose messages were let in.
    var senders: [CheckedContinuation<Void, any Error>] = []
    /// Links that have replies to hand over.
    var links: [MemoryLink] = []
    /// What was handed over, kept until then.
    var settlements: [Settlement] = []

    var isEmpty: Bool { readers.isEmpty && senders.isEmpty && links.isEmpty && settlements.isEmpty }

    func run() {
        for reader in readers { reader.resume() }
        for sender in senders { sender.resume() }
        for link in links { link.handOverReplies() }
    }
}
