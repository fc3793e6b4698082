import Martlet
import MartletMQTTWire

/// A message as the broker sent it.
struct ReceivedMessage: Sendable, Equatable {
    /// The topic on the wire.
    let topic: String
    let body: [UInt8]
    let quality: Int
    let isRetained: Bool
    private(set) var headers = Headers()
    /// Of the subscriptions that it came by; empty where the broker or the protocol does not tell.
    private(set) var subscriptions: [Int] = []

    init(topic: String, body: [UInt8], quality: Int, isRetained: Bool, subscriptions: [Int]) {
        self.topic = topic
        self.body = body
        self.quality = quality
        self.isRetained = isRetained
        self.subscriptions = subscriptions
    }

    init(topic: String, body: [UInt8], quality: Int, isRetained: Bool, _ properties: PropertyList) {
        self.topic = topic
        self.body = body
        self.quality = quality
        self.isRetained = isRetained
        for property in properties.all where property.id == .subscriptionIdentifier {
            if case .number(let number) = property.value { subscriptions.append(Int(number)) }
        }
        // Most have nothing else.
        guard properties.all.count > subscriptions.count else { return }
        headers = properties.headers(
            expires: properties.number(.messageExpiryInterval).map { .now + .seconds(Int($0)) }
        )
    }
}
