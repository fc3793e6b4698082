/// What is called for each message by other modules than this one: as methods of deliveries' mailboxes they are no generic
/// code, which would be looked up and called by what its type says at run time.
extension Mailbox<Delivery> {
    /// Offers a delivery, by its topic; see ``Mailbox/offer(_:topic:)``.
    package func deliver(_ delivery: Delivery) {
        _ = offer(delivery, topic: delivery.topic)
    }

    /// Offers a delivery under a lock of the producer's own; see ``Mailbox/offerWithoutWaking(_:topic:)``.
    ///
    /// - Returns: the reader, if it sleeps.
    package func deliverWithoutWaking(_ delivery: Delivery) -> Reader? {
        offerWithoutWaking(delivery, topic: delivery.topic).reader
    }
}
