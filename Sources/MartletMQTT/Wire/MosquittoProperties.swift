import CMosquitto
import Martlet
import MartletMQTTWire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A list of MQTT 5 properties in libmosquitto's form, freed with it.
struct MosquittoProperties: ~Copyable {
    /// `nil` for no properties.
    private(set) var list: OpaquePointer?

    /// - Throws: `MessagingError.Code.invalidArgument` for what the library does not take.
    init(_ properties: PropertyList) throws {
        var list: OpaquePointer?
        do {
            for property in properties.all { try Self.add(property, to: &list) }
        } catch {
            mosquitto_property_free_all(&list)
            throw error
        }
        self.list = list
    }

    deinit {
        var list = list
        mosquitto_property_free_all(&list)
    }

    /// Leaves the list to the library.
    consuming func disown() {
        list = nil
    }

    private static func add(_ property: PropertyList.Property, to list: inout OpaquePointer?) throws {
        let id = CInt(property.id.rawValue)
        let code =
            switch property.value {
            case .number(let number):
                switch property.id.form {
                case .flag: mosquitto_property_add_byte(&list, id, UInt8(clamping: number))
                case .twoBytes: mosquitto_property_add_int16(&list, id, UInt16(clamping: number))
                case .variable: mosquitto_property_add_varint(&list, id, number)
                default: mosquitto_property_add_int32(&list, id, number)
                }
            case .text(let text): mosquitto_property_add_string(&list, id, text)
            case .data(let data): mosquitto_property_add_binary(&list, id, data, UInt16(clamping: data.count))
            case .pair(let name, let value): mosquitto_property_add_string_pair(&list, id, name, value)
            }
        guard code != MOSQ_ERR_SUCCESS.rawValue else { return }
        throw MessagingError(
            .invalidArgument,
            "the MQTT property \(property.id) can't have that value: \(String(cString: mosquitto_strerror(code)))"
        )
    }

    /// The properties of a list that the library owns. What can't be read is left out.
    static func read(_ list: OpaquePointer?) -> PropertyList {
        var properties = PropertyList()
        var next = list
        while let property = next {
            next = mosquitto_property_next(property)
            guard let id = PropertyID(rawValue: UInt8(truncatingIfNeeded: mosquitto_property_identifier(property))),
                let value = value(of: property, id)
            else { continue }
            properties.all.append(PropertyList.Property(id, value))
        }
        return properties
    }

    /// What such a list has of the broker's own words.
    static func words(_ list: OpaquePointer?) -> BrokerWords {
        var words = BrokerWords()
        for property in read(list).all {
            switch (property.id, property.value) {
            case (.reasonString, .text(let reason)): words.reason = reason
            case (.serverReference, .text(let server)): words.server = server
            default: break
            }
        }
        return words
    }

    private static func value(of property: OpaquePointer, _ id: PropertyID) -> PropertyList.Value? {
        let code = CInt(id.rawValue)
        switch id.form {
        case .flag:
            var value: UInt8 = 0
            return mosquitto_property_read_byte(property, code, &value, false).map { _ in .number(UInt32(value)) }
        case .twoBytes:
            var value: UInt16 = 0
            return mosquitto_property_read_int16(property, code, &value, false).map { _ in .number(UInt32(value)) }
        case .fourBytes:
            var value: UInt32 = 0
            return mosquitto_property_read_int32(property, code, &value, false).map { _ in .number(value) }
        case .variable:
            var value: UInt32 = 0
            return mosquitto_property_read_varint(property, code, &value, false).map { _ in .number(value) }
        case .text:
            var text: UnsafeMutablePointer<CChar>?
            _ = mosquitto_property_read_string(property, code, &text, false)
            defer { free(text) }
            return text.flatMap { String(validatingCString: $0) }.map { .text($0) }
        case .data:
            var bytes: UnsafeMutableRawPointer?
            var count: UInt16 = 0
            _ = mosquitto_property_read_binary(property, code, &bytes, &count, false)
            defer { free(bytes) }
            return bytes.map { .data(Array(UnsafeRawBufferPointer(start: $0, count: Int(count)))) }
        case .pair:
            var name: UnsafeMutablePointer<CChar>?
            var value: UnsafeMutablePointer<CChar>?
            _ = mosquitto_property_read_string_pair(property, code, &name, &value, false)
            defer {
                free(name)
                free(value)
            }
            guard let name = name.flatMap({ String(validatingCString: $0) }),
                let value = value.flatMap({ String(validatingCString: $0) })
            else { return nil }
            return .pair(name, value)
        }
    }
}
