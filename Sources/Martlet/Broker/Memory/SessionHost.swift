/// Where the sessions of a broker are whose clients come over a network.
package protocol SessionHost: AnyObject, Sendable {
    /// Takes a message for sessions. Called under the broker's lock.
    func deliver(_ publication: BrokerPublication, to recipients: [Recipient])

    /// Does what can only be done when the broker's lock is free again, after deliveries.
    func handOver()
}
