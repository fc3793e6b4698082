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
    /// Publish the will.
    case publishWill(WillMessage)
    /// Close the connection when all before has been written.
    case close
    /// Forget the session and its subscriptions.
    case end
}
