import Martlet
import MartletMQTTWire

/// A message as the broker sent it.
struct ReceivedMessage: Sendable, Equatable {
    /// The topic on the wire; `nil` if it is not UTF-8.
    let topic: String?
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

    /// - Parameter several: the subscriptions, where the properties do not have them because there are more than one.
    init(
        topic: String?,
        body: [UInt8],
        quality: Int,
        isRetained: Bool,
        _ properties: PropertyList,
        subscriptions several: [Int] = []
    ) {
        self.topic = topic
        self.body = body
        self.quality = quality
        self.isRetained = isRetained
        subscriptions = several
        guard !properties.isEmpty else { return }
        var fields: [Headers.Element] = []
        var pairs: [Headers.Element] = []
        var isText: Bool?
        var expires: ContinuousClock.Instant?
        var correlation: [UInt8] = []
        var isRequest = false
        for property in properties.all {
            switch (property.id, property.value) {
            case (.subscriptionIdentifier, .number(let number)): subscriptions.append(Int(number))
            case (.payloadFormatIndicator, .number(let number)): isText = number == 1
            case (.messageExpiryInterval, .number(let seconds)): expires = .now + .seconds(Int(seconds))
            case (.contentType, .text(let type)): fields.append((Headers.Standard.contentType, .string(type)))
            case (.responseTopic, .text(let topic)):
                fields.append((Headers.Standard.replyTo, .string(topic)))
                isRequest = true
            case (.correlationData, .data(let data)):
                let text = String(validating: data, as: UTF8.self)
                fields.append((Headers.Standard.correlationID, text.map(HeaderValue.string) ?? .bytes(data)))
                correlation = data
            case (_, .pair(let name, let value)): pairs.append(UserProperty(name: name, value: value).header)
            default: break
            }
        }
        headers = Headers(received: fields + pairs)
        let isRepeating = headers.count < fields.count + pairs.count
        guard isRequest || isRepeating || isText != nil || expires != nil else { return }
        headers.native = NativeProperties(
            fields: isRepeating ? pairs : [],
            isText: isText,
            expires: expires,
            correlation: isRequest ? correlation : nil
        )
    }
}
