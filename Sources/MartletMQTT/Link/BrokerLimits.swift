import Martlet
import MartletMQTTWire

/// What a broker said it is able to do. A promise that it can't keep is an error before anything is sent.
struct BrokerLimits: Sendable {
    var maximumQuality = 2
    var retains = true
    /// Whether it tells of each message by which subscription it came.
    var tellsSubscriptions = true
    /// `nil`: as large as the protocol allows.
    var maximumPacketBytes: Int?

    func check(_ outgoing: Outgoing) throws {
        if outgoing.quality.rawValue > maximumQuality {
            throw MessagingError(
                .unsupported,
                "the broker supports quality of service \(maximumQuality) at most, not \(outgoing.quality.rawValue)"
            )
        }
        if outgoing.retain, !retains {
            throw MessagingError(.unsupported, "the broker keeps no messages, so none can be retained")
        }
        // What else is in its packet is known when that is made.
        let bytes = outgoing.payload.count + outgoing.topic.utf8.count
        if let maximumPacketBytes, bytes > maximumPacketBytes {
            throw MessagingError(
                .bodyTooLarge,
                "a message of \(bytes) bytes with its topic is too large for the broker, "
                    + "which takes packets of \(maximumPacketBytes)"
            )
        }
    }
}
