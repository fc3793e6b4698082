import CMosquitto
import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A list of MQTT 5 properties in libmosquitto's form, freed with it.
struct MosquittoProperties: ~Copyable {
    /// One of a list that was received.
    enum Property {
        case integer(mqtt5_property, Int)
        case string(mqtt5_property, String)
        case bytes(mqtt5_property, [UInt8])
        case pair(String, String)
    }

    private let version: MQTTVersion
    private(set) var list: OpaquePointer?
    /// How many bytes the list has on the wire, with its length; 0 in MQTT 3.1.1.
    var encodedBytes: Int { version == .v5 ? PacketHeader.length(bytes).count + bytes : 0 }
    private var bytes = 0

    /// No properties. Those of MQTT 3.1.1 stay none.
    init(_ version: MQTTVersion) {
        self.version = version
    }

    deinit {
        var list = list
        mosquitto_property_free_all(&list)
    }

    /// Leaves the list to the library.
    consuming func disown() {
        list = nil
    }

    // MARK: Writing

    mutating func add(_ property: mqtt5_property, int32 value: Int) throws {
        guard version == .v5 else { return }
        let value = UInt32(clamping: value)
        try check(mosquitto_property_add_int32(&list, CInt(property.rawValue), value), property, bytes: 4)
    }

    mutating func add(_ property: mqtt5_property, int16 value: Int) throws {
        guard version == .v5 else { return }
        let value = UInt16(clamping: value)
        try check(mosquitto_property_add_int16(&list, CInt(property.rawValue), value), property, bytes: 2)
    }

    mutating func add(_ property: mqtt5_property, variable value: Int) throws {
        guard version == .v5 else { return }
        try check(
            mosquitto_property_add_varint(&list, CInt(property.rawValue), UInt32(clamping: value)),
            property,
            bytes: PacketHeader.length(value).count
        )
    }

    mutating func add(_ property: mqtt5_property, byte value: UInt8) throws {
        guard version == .v5 else { return }
        try check(mosquitto_property_add_byte(&list, CInt(property.rawValue), value), property, bytes: 1)
    }

    mutating func add(_ property: mqtt5_property, string value: String) throws {
        guard version == .v5 else { return }
        let code = mosquitto_property_add_string(&list, CInt(property.rawValue), value)
        try check(code, property, bytes: 2 + value.utf8.count)
    }

    mutating func add(_ property: mqtt5_property, bytes value: [UInt8]) throws {
        guard version == .v5 else { return }
        let code = mosquitto_property_add_binary(&list, CInt(property.rawValue), value, UInt16(clamping: value.count))
        try check(code, property, bytes: 2 + value.count)
    }

    /// Adds a message's headers, where the protocol has a place for them.
    ///
    /// - Throws: what ``UserProperty/checkLengths(_:)`` throws.
    mutating func add(_ headers: Headers) throws {
        guard version == .v5 else { return }
        try UserProperty.checkLengths(headers)
        if let isText = headers.native?.isText { try add(MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, byte: isText ? 1 : 0) }
        for (name, value) in headers.native == nil ? Array(headers) : headers.all {
            switch (name, value) {
            case (Headers.Standard.contentType, .string(let type)):
                try add(MQTT_PROP_CONTENT_TYPE, string: type)
            case (Headers.Standard.replyTo, .string(let topic)) where UserProperty.isTopic(topic):
                try add(MQTT_PROP_RESPONSE_TOPIC, string: topic)
            case (Headers.Standard.correlationID, .bytes(let bytes)) where bytes.count <= 65_535:
                try add(MQTT_PROP_CORRELATION_DATA, bytes: bytes)
            case (Headers.Standard.correlationID, .string(let id)) where !id.utf8.isEmpty && id.utf8.count <= 65_535:
                try add(MQTT_PROP_CORRELATION_DATA, bytes: Array(id.utf8))
            default:
                let property = UserProperty(name, value)
                try check(
                    mosquitto_property_add_string_pair(
                        &list,
                        CInt(MQTT_PROP_USER_PROPERTY.rawValue),
                        property.name,
                        property.value
                    ),
                    MQTT_PROP_USER_PROPERTY,
                    bytes: 4 + property.name.utf8.count + property.value.utf8.count
                )
            }
        }
    }

    /// - Parameter count: how many bytes its value has on the wire.
    private mutating func check(_ code: CInt, _ property: mqtt5_property, bytes count: Int) throws {
        guard code != MOSQ_ERR_SUCCESS.rawValue else {
            bytes += 1 + count
            return
        }
        let name = mosquitto_property_identifier_to_string(CInt(property.rawValue)).map { String(cString: $0) } ?? "?"
        throw MessagingError(
            .invalidArgument,
            "the MQTT property \(name) can't have that value: \(String(cString: mosquitto_strerror(code)))"
        )
    }

    // MARK: Reading

    /// Calls `body` with each property of a list that the library owns. What can't be read is left out.
    static func forEach(in list: OpaquePointer?, _ body: (Property) -> Void) {
        var next = list
        while let property = next {
            defer { next = mosquitto_property_next(property) }
            let code = mosquitto_property_identifier(property)
            let identifier = mqtt5_property(UInt32(code))
            switch identifier {
            case MQTT_PROP_SUBSCRIPTION_IDENTIFIER:
                var value: UInt32 = 0
                guard mosquitto_property_read_varint(property, code, &value, false) != nil else { continue }
                body(.integer(identifier, Int(value)))
            case MQTT_PROP_MESSAGE_EXPIRY_INTERVAL:
                var value: UInt32 = 0
                guard mosquitto_property_read_int32(property, code, &value, false) != nil else { continue }
                body(.integer(identifier, Int(value)))
            case MQTT_PROP_RECEIVE_MAXIMUM, MQTT_PROP_SERVER_KEEP_ALIVE, MQTT_PROP_TOPIC_ALIAS_MAXIMUM:
                var value: UInt16 = 0
                guard mosquitto_property_read_int16(property, code, &value, false) != nil else { continue }
                body(.integer(identifier, Int(value)))
            case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, MQTT_PROP_MAXIMUM_QOS, MQTT_PROP_RETAIN_AVAILABLE,
                MQTT_PROP_SHARED_SUB_AVAILABLE,
                MQTT_PROP_SUBSCRIPTION_ID_AVAILABLE:
                var value: UInt8 = 0
                guard mosquitto_property_read_byte(property, code, &value, false) != nil else { continue }
                body(.integer(identifier, Int(value)))
            case MQTT_PROP_CONTENT_TYPE, MQTT_PROP_RESPONSE_TOPIC, MQTT_PROP_REASON_STRING:
                var text: UnsafeMutablePointer<CChar>?
                guard mosquitto_property_read_string(property, code, &text, false) != nil, let text else { continue }
                defer { free(text) }
                if let text = String(validatingCString: text) { body(.string(identifier, text)) }
            case MQTT_PROP_CORRELATION_DATA:
                var bytes: UnsafeMutableRawPointer?
                var count: UInt16 = 0
                guard mosquitto_property_read_binary(property, code, &bytes, &count, false) != nil else { continue }
                defer { free(bytes) }
                body(.bytes(identifier, Array(UnsafeRawBufferPointer(start: bytes, count: Int(count)))))
            case MQTT_PROP_USER_PROPERTY:
                var name: UnsafeMutablePointer<CChar>?
                var value: UnsafeMutablePointer<CChar>?
                guard mosquitto_property_read_string_pair(property, code, &name, &value, false) != nil else { continue }
                defer {
                    free(name)
                    free(value)
                }
                if let name = name.flatMap({ String(validatingCString: $0) }),
                    let value = value.flatMap({ String(validatingCString: $0) })
                {
                    body(.pair(name, value))
                }
            default:
                continue
            }
        }
    }
}
