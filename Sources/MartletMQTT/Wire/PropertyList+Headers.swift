import Martlet
import MartletMQTTWire

extension PropertyList {
    /// Adds a message's headers, in the places that MQTT 5 has for them.
    ///
    /// - Throws: what ``UserProperty/checkLengths(_:)`` throws, and `MessagingError.Code.invalidArgument` for a content type that
    ///   MQTT can't carry.
    mutating func add(_ headers: Headers) throws {
        try UserProperty.checkLengths(headers)
        if let isText = headers.native?.isText { add(.payloadFormatIndicator, isText ? 1 : 0) }
        for (name, value) in headers.native == nil ? Array(headers) : headers.all {
            switch (name, value) {
            case (Headers.Standard.contentType, .string(let type)):
                guard UserProperty.isAllowed(type) else {
                    throw MessagingError(.invalidArgument, "MQTT can't carry the content type \(quoted(type))")
                }
                add(.contentType, type)
            case (Headers.Standard.replyTo, .string(let topic)) where UserProperty.isTopic(topic):
                add(.responseTopic, topic)
            case (Headers.Standard.correlationID, .bytes(let bytes)) where bytes.count <= 65_535:
                add(.correlationData, bytes)
            case (Headers.Standard.correlationID, .string(let id)) where !id.utf8.isEmpty && id.utf8.count <= 65_535:
                add(.correlationData, Array(id.utf8))
            default:
                let property = UserProperty(name, value)
                add(property.name, value: property.value)
            }
        }
    }
}
