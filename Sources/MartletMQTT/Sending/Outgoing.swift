import Martlet
import MartletMQTTWire

/// A message on its way out.
struct Outgoing: Sendable {
    /// On the wire.
    let topic: String
    let payload: [UInt8]
    /// What MQTT 5 carries beside the payload.
    let headers: Headers
    let quality: QoS
    let retain: Bool
    let expiry: Duration?
    /// When it is worthless, by the connection's clock: so much after it was given to the connection.
    let deadline: Duration?
    /// Whether it is not to be sent over another link than the first: it is to arrive at most once, and has a
    /// confirmation only to tell whether anyone is there.
    var endsWithLink = false
    /// Told the broker's answer, where there is a guarantee.
    let confirmation: Promise<PublishReason>?

    /// About what it costs to keep.
    var bytes: Int { payload.count + topic.utf8.count + 64 }

    /// Whether nobody waits for it any more, so that it need not be sent.
    var isAbandoned: Bool { confirmation?.hasEnded ?? false }
}

/// The broker's answer to a message with a guarantee: a reason code (MQTT 5, 3.4.2.1). In MQTT 3.1.1 always success.
struct PublishReason: RawRepresentable, Sendable, Hashable {
    let rawValue: CInt

    /// Nobody is subscribed.
    static let noSubscribers = PublishReason(rawValue: 0x10)

    var isFailure: Bool { rawValue >= 0x80 }
}
