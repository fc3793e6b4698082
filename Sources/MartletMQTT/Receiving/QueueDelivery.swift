import Martlet
import MartletTransport

/// What becomes of a message that a queue's consumer has.
///
/// MQTT knows neither queues nor their acknowledgement: the library has acknowledged the message by the time it is
/// here. What is given back is therefore sent again, and says how often that was. A consumer that is killed takes
/// with it what it had not finished.
final class QueueDelivery: Settler {
    private let message: Message
    private let queue: QueueName
    private let redeliveries: Int
    private let inbox: PrefetchInbox
    private weak let session: MQTTSession?

    init(_ message: Message, _ queue: QueueName, _ inbox: PrefetchInbox, _ session: MQTTSession) {
        var message = message
        redeliveries = message.headers.takeRedeliveries()
        self.message = message
        self.queue = queue
        self.inbox = inbox
        self.session = session
    }

    /// The delivery that is settled by this.
    var delivery: Delivery {
        Delivery(
            topic: nil,
            message: message,
            redeliveries: redeliveries,
            settlement: Settlement(0, by: self)
        )
    }

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        defer { inbox.settled() }
        guard disposition == .requeue, let session else { return }
        var message = message
        message.headers.countDelivery(after: redeliveries)
        session.runtime.courier.post(bytes: message.weight) { [message, queue] in
            // The broker's answer to each would take the time that there is at the end of a connection.
            _ = try await session.beginSending(message, to: queue, SendOptions())
        }
    }
}
