/// One delivery that a stepped broker holds back, or has just made.
public struct BrokerStep: Sendable, Hashable {
    /// What is delivered, and what it was sent to.
    public let dispatch: BrokerDispatch
    /// The client that gets it, by ``BrokerClient/id``.
    public let client: Int

    init(_ delivery: BrokerDelivery) {
        client = delivery.client
        switch delivery {
        case .publication(let publication, _, _):
            dispatch = BrokerDispatch(publication.message, to: .topic(publication.topic, retain: false))
        case .assignment(let queued, _, let queue, _):
            dispatch = BrokerDispatch(queued.message, to: .queue(queue))
        case .reply(let message, let address, _):
            dispatch = BrokerDispatch(message, to: .reply(address))
        }
    }
}
