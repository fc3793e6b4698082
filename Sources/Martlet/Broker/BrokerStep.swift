/// One delivery that a stepped broker holds back, or has just made.
public struct BrokerStep: Sendable, Hashable {
    /// What is delivered, and what it was sent to.
    public let dispatch: BrokerDispatch
    /// The client that gets it, by ``BrokerClient/id``.
    public let client: Int

    init(_ effect: BrokerEffect) {
        switch effect {
        case .publication(let message, let topic, _, _, let client):
            self.client = client
            dispatch = BrokerDispatch(message, to: .topic(topic, retain: false))
        case .assignment(let queued, _, let queue, _, let client):
            self.client = client
            dispatch = BrokerDispatch(queued.message, to: .queue(queue))
        case .reply(let message, let address, let client):
            self.client = client
            dispatch = BrokerDispatch(message, to: .reply(address))
        }
    }
}
