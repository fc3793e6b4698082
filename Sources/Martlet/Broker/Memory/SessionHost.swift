/// Where the sessions of a broker are whose clients come over a network.
package protocol SessionHost: AnyObject, Sendable {
    /// Takes a message for sessions. Called under the broker's lock.
    func deliver(_ publication: BrokerPublication, to recipients: [Recipient])

    /// Takes what has changed of what the broker keeps, if it wants to know. Called under the broker's lock.
    func record(_ changes: [BrokerChange])

    /// Does what can only be done when the broker's lock is free again, after deliveries.
    func handOver()
}
