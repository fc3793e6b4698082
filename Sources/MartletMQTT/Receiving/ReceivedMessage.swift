import CMosquitto
import Martlet

/// A message as the broker sent it.
struct ReceivedMessage: Sendable {
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

    /// - Parameter several: the subscriptions, where the library was not told because there are more than one.
    init(_ message: mosquitto_message, _ properties: OpaquePointer?, subscriptions several: [Int] = []) {
        topic = message.topic.flatMap { String(validatingCString: $0) }
        body = Array(UnsafeRawBufferPointer(start: message.payload, count: Int(message.payloadlen)))
        quality = Int(message.qos)
        isRetained = message.retain
        subscriptions = several
        guard properties != nil else { return }
        var fields: [Headers.Element] = []
        var pairs: [Headers.Element] = []
        var isText: Bool?
        var expires: ContinuousClock.Instant?
        var correlation: [UInt8] = []
        var isRequest = false
        MosquittoProperties.forEach(in: properties) { property in
            switch property {
            case .integer(MQTT_PROP_SUBSCRIPTION_IDENTIFIER, let value): subscriptions.append(value)
            case .integer(MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, let value): isText = value == 1
            case .integer(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, let value): expires = .now + .seconds(value)
            case .string(MQTT_PROP_CONTENT_TYPE, let value):
                fields.append((Headers.Standard.contentType, .string(value)))
            case .string(MQTT_PROP_RESPONSE_TOPIC, let value):
                fields.append((Headers.Standard.replyTo, .string(value)))
                isRequest = true
            case .bytes(MQTT_PROP_CORRELATION_DATA, let value):
                let text = String(validating: value, as: UTF8.self)
                fields.append((Headers.Standard.correlationID, text.map(HeaderValue.string) ?? .bytes(value)))
                correlation = value
            case .pair(let name, let value): pairs.append(UserProperty(name: name, value: value).header)
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
