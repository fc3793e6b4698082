import Martlet
import MartletMQTTWire

/// A message of a queue, as a store has it.
struct StoredMessage: Sendable {
    enum Content: Sendable {
        /// As a client has published it.
        case client(Publication)
        /// Of the broker's process.
        case own(Message)
    }

    /// The store's number of it: those of a queue are in this order.
    let number: UInt64
    /// The queue's name, as MQTT writes it.
    let queue: String
    var deliveries: Int
    /// The store's number of its latest delivery.
    var tag: UInt64
    let qos: QoS
    /// When it becomes a dead letter; `nil`: never.
    let expiresAt: Duration?
    let content: Content

    /// The message as a broker has it whose own numbers come behind those of the store.
    ///
    /// - Parameter base: what is added to the broker's numbers in the store.
    func queued(base: UInt64, now: Duration) -> QueuedMessage {
        let (message, origin): (Message, Publication?) =
            switch content {
            case .client(let wire): (Message(wire, now: now), wire)
            case .own(let message): (message, nil)
            }
        var queued = QueuedMessage(
            message,
            number: number &- base,
            expiresAt: expiresAt,
            guarantee: qos.guarantee,
            origin: origin
        )
        (queued.deliveries, queued.tag) = (deliveries, tag &- base)
        return queued
    }
}
