import Martlet
import MartletMQTTWire

extension UserProperty {
    init(_ name: String, _ value: HeaderValue) {
        self.init(name, value, isAllowed: TextRules.isFine)
    }

    /// Throws `MessagingError.Code.invalidArgument` for headers that MQTT can't carry.
    static func check(_ headers: Headers) throws {
        for (name, _) in headers where name.isEmpty || !TextRules.isFine(name) {
            throw MessagingError(.invalidArgument, "MQTT can't carry a header of the name \(quoted(name))")
        }
    }

    /// Throws `MessagingError.Code.invalidArgument` for headers that are too long as user properties, whose texts have 65,535
    /// bytes at most (MQTT 5, 1.5.4).
    static func checkLengths(_ headers: Headers) throws {
        // Base64 makes of three bytes four.
        for (name, value) in headers where name.utf8.count + value.byteCount > TextRules.longest / 4 * 3 - 16 {
            let property = UserProperty(name, value)
            let bytes = max(property.name.utf8.count, property.value.utf8.count)
            guard bytes > TextRules.longest else { continue }
            throw MessagingError(
                .invalidArgument,
                "the header \(quoted(name)) has \(bytes) bytes as MQTT 5 carries it, and may have \(TextRules.longest)"
            )
        }
    }
}

extension HeaderValue {
    /// About how long it is; numbers are short.
    fileprivate var byteCount: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .integer, .double, .boolean: 0
        }
    }
}
