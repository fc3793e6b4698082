import Martlet
import Synchronization

/// A message as it arrived on a channel.
///
/// It is to be settled, unless it came without acknowledgement. One that is dropped unsettled stays with its channel: the
/// broker delivers it again when the channel is closed or its link lost.
public struct AMQPDelivery: Sendable {
    /// What arrived.
    public let message: AMQPMessage
    /// The exchange it was published to.
    public let exchange: String
    /// The routing key it was published with.
    public let routingKey: String
    /// Whether it may have been delivered before.
    public let isRedelivered: Bool
    /// How many messages wait in the queue; only of one that was got by ``AMQPChannel/get(from:noAck:)``.
    public let messageCount: Int?
    /// Its number on its channel.
    public let tag: UInt64
    private let settler: ChannelSettler?
    /// Where it is kept whether it has been settled; `nil`: nowhere, and the broker finds out.
    private var settlement: SettledOnce?

    init(_ content: ContentAssembly.Content, settler: ChannelSettler?) {
        message = AMQPMessage(content)
        self.settler = settler
        switch content.announcement {
        case .delivery(let delivery):
            exchange = delivery.exchange
            routingKey = delivery.routingKey
            isRedelivered = delivery.isRedelivered
            tag = delivery.tag
            messageCount = nil
        case .got(let got):
            exchange = got.exchange
            routingKey = got.routingKey
            isRedelivered = got.isRedelivered
            tag = got.tag
            messageCount = Int(got.messageCount)
        case .returned(let returned):
            exchange = returned.exchange
            routingKey = returned.routingKey
            isRedelivered = false
            tag = 0
            messageCount = nil
        }
    }

    /// Whether it can't be settled any more, since its channel or link is lost: the broker delivers it again.
    var isStale: Bool { settler?.isStale(tag) ?? false }

    /// Whether the broker waits for it to be settled.
    var isOpen: Bool { settler.map { !$0.isStale(tag) } ?? false }

    /// Whether no reader is to get it, since it is stale. Then it is counted.
    func skipsStale() -> Bool {
        guard isStale else { return false }
        settler?.skippedStale(tag)
        return true
    }

    /// The same delivery, which throws rather than end its channel when it is settled twice.
    func settledOnce() -> AMQPDelivery {
        var delivery = self
        delivery.settlement = SettledOnce()
        return delivery
    }

    private func settle(_ method: ClientMethod) throws {
        if let settlement, !settlement.take() {
            throw MessagingError(.alreadySettled, "this delivery has been settled before; a delivery is settled once")
        }
        try settler?.settle(method)
    }

    /// Says that the message is done with. What is settled twice ends the channel: that is the broker's rule.
    ///
    /// - Parameter upToHere: whether that goes for all earlier deliveries of the channel as well.
    /// - Throws: `MessagingError.Code.connectionLost` if the channel or the link over which it came is gone: the broker
    ///   delivers it again. Without acknowledgement it does nothing. Of a delivery that ``ConsumeExchange`` has handed out:
    ///   `MessagingError.Code.alreadySettled` the second time, and its channel goes on.
    public func ack(upToHere: Bool = false) throws {
        try settle(.ack(tag: tag, multiple: upToHere))
    }

    /// Says that the message could not be handled. What came of a stream can only be acknowledged: RabbitMQ ends the connection
    /// for anything else.
    ///
    /// - Parameters:
    ///   - requeue: whether it goes back to its queue; otherwise it becomes a dead letter.
    ///   - upToHere: whether that goes for all earlier deliveries of the channel as well.
    /// - Throws: as ``ack(upToHere:)``.
    public func nack(requeue: Bool, upToHere: Bool = false) throws {
        try settle(.nack(tag: tag, multiple: upToHere, requeue: requeue))
    }

    /// Says, by the method that AMQP had first, that the message could not be handled.
    ///
    /// - Throws: as ``ack(upToHere:)``.
    public func reject(requeue: Bool) throws {
        try settle(.reject(tag: tag, requeue: requeue))
    }
}

/// Whether a delivery has been settled.
private final class SettledOnce: Sendable {
    private let isSettled = Atomic(false)

    /// Whether it was not until now.
    func take() -> Bool { !isSettled.exchange(true, ordering: .relaxed) }
}
