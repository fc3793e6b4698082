extension Mailbox<Delivery> {
    /// Takes out what its broker has taken back and delivers again: it would only take up room.
    package func removeStale() {
        for delivery in removeAll(where: { $0.settlement?.isStale ?? false }) { _ = delivery.settlement?.skipsStale() }
    }
}
