import CMosquitto
import Martlet

extension UserProperty {
    private static let maximumBytes = 65_535

    init(_ name: String, _ value: HeaderValue) {
        self.init(name, value, isAllowed: Self.isAllowed)
    }

    /// Throws `MessagingError.Code.invalidArgument` for headers that MQTT can't carry.
    static func check(_ headers: Headers) throws {
        for (name, _) in headers where name.isEmpty || !isAllowed(name) {
            throw MessagingError(.invalidArgument, "MQTT can't carry a header of the name \(quoted(name))")
        }
    }

    /// Throws `MessagingError.Code.invalidArgument` for headers that are too long as user properties, whose texts have 65,535
    /// bytes at most (MQTT 5, 1.5.4).
    static func checkLengths(_ headers: Headers) throws {
        // Base64 makes of three bytes four.
        for (name, value) in headers where name.utf8.count + value.byteCount > maximumBytes / 4 * 3 - 16 {
            let property = UserProperty(name, value)
            let bytes = max(property.name.utf8.count, property.value.utf8.count)
            guard bytes > maximumBytes else { continue }
            throw MessagingError(
                .invalidArgument,
                "the header \(quoted(name)) has \(bytes) bytes as MQTT 5 carries it, and may have \(maximumBytes)"
            )
        }
    }

    /// Whether a text can be a Response Topic, which has no wildcards (MQTT 5, 3.3.2.3.5).
    static func isTopic(_ text: String) -> Bool {
        !text.isEmpty && isAllowed(text) && !text.utf8.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
    }

    /// What MQTT calls a UTF-8 encoded string (MQTT 5, 1.5.4), and what libmosquitto takes for one.
    static func isAllowed(_ text: String) -> Bool {
        guard text.utf8.count <= maximumBytes else { return false }
        // Nearly all texts are.
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return true }
        return !text.utf8.contains(0)
            && text.withCString { mosquitto_validate_utf8($0, CInt(text.utf8.count)) } == MOSQ_ERR_SUCCESS.rawValue
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
