/// What was in a broker's queues at a time. Making it copies nothing.
package struct QueueContents: Sendable {
    let queues: BrokerQueues

    /// All messages, in no particular order: those that wait, for consumers or for room, and those that consumers have in hand.
    package func forEach<Failure: Error>(
        _ body: (QueueName, QueuedMessage) throws(Failure) -> Void
    ) throws(Failure) {
        try queues.forEachMessage(body)
    }
}
