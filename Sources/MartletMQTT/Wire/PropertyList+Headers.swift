import Martlet
import MartletMQTTWire

extension PropertyList {
    /// Adds a message's headers, in the places that MQTT 5 has for them.
    ///
    /// - Throws: what ``UserProperty/checkLengths(_:)`` throws, and `MessagingError.Code.invalidArgument` for what MQTT can't carry.
    mutating func add(_ headers: Headers) throws {
        try UserProperty.checkLengths(headers)
        try add(headers) { name, value in
            guard name == Headers.Standard.contentType, let type = value.string else {
                throw MessagingError(.invalidArgument, "MQTT can't carry a header of the name \(quoted(name))")
            }
            throw MessagingError(.invalidArgument, "MQTT can't carry the content type \(quoted(type))")
        }
    }
}
