/// What has become of a delivery of a queue.
package enum DeliveryVerdict: Sendable, Hashable {
    /// The client has it.
    case accepted
    /// The client does not want it, or can't get it. No other one is to get it (MQTT 5, 4.8.2-6).
    case rejected
    /// The client has gone before it was acknowledged: others may have it.
    case returned
}

/// What a session has its host do, in this order.
package enum SessionAction: Sendable {
    /// Write a packet to the client.
    case send(Packet)
    /// Write a publication to the client.
    case deliver(Outgoing)
    /// Publish; the outcome is for ``ServerSession/published(_:as:_:)``, unless it is of QoS 0.
    case publish(Publish)
    /// Subscribe, filter by filter, by ``ServerSession/add(_:identifier:)``; then say ``ServerSession/subscribed(_:_:_:)``.
    case subscribe(SubscribeRequest)
    /// Unsubscribe, filter by filter, by ``ServerSession/remove(filter:)``; then say
    /// ``ServerSession/unsubscribed(_:_:_:)``.
    case unsubscribe(UnsubscribeRequest)
    /// Settle a delivery of a queue, by its number.
    case settle(UInt64, DeliveryVerdict)
    /// Give a message to another member of a group, by the number of the subscription to that.
    case passOn(Publication, subscription: Int)
    /// Publish the will.
    case publishWill(WillMessage)
    /// Close the connection when all before has been written.
    case close
    /// Forget the session and its subscriptions.
    case end
}
