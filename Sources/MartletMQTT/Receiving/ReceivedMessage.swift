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

    init(_ message: mosquitto_message, _ properties: OpaquePointer?) {
        topic = message.topic.flatMap { String(validatingCString: $0) }
        body = Array(UnsafeRawBufferPointer(start: message.payload, count: Int(message.payloadlen)))
        quality = Int(message.qos)
        isRetained = message.retain
        guard properties != nil else { return }
        var fields: [Headers.Element] = []
        MosquittoProperties.forEach(in: properties) { property in
            switch property {
            case .integer(MQTT_PROP_SUBSCRIPTION_IDENTIFIER, let value): subscriptions.append(value)
            case .string(MQTT_PROP_CONTENT_TYPE, let value):
                fields.append((Headers.Standard.contentType, .string(value)))
            case .string(MQTT_PROP_RESPONSE_TOPIC, let value): fields.append((Headers.Standard.replyTo, .string(value)))
            case .bytes(MQTT_PROP_CORRELATION_DATA, let value):
                let text = String(validating: value, as: UTF8.self)
                fields.append((Headers.Standard.correlationID, text.map(HeaderValue.string) ?? .bytes(value)))
            case .pair(let name, let value): fields.append(UserProperty(name: name, value: value).header)
            default: break
            }
        }
        headers = Headers(received: fields)
    }
}
