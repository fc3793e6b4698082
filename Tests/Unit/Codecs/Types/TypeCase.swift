import Foundation
import Martlet
import Testing

/// One value of a `Codable` type, and what holds for each: its document is the one that Foundation's encoder makes, order
/// of members aside, and all decoders read the same value from it.
struct TypeCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What differs; empty if nothing does.
    let differences: @Sendable () throws -> [String]

    init<Value: Codable & SendableMetatype>(_ value: @escaping @autoclosure @Sendable () -> Value) {
        testDescription = "\(Value.self)"
        differences = {
            let value = value()
            let expected = try Self.text(Self.encoder.encode(value))
            var different: [String] = []
            func compare(_ name: String, _ text: () throws -> String) {
                let result: String
                do { result = try text() } catch { result = "\(error)" }
                if result != expected { different.append("\(name): \(result) instead of \(expected)") }
            }
            let json = try JSONCodec().encode(value)
            let packed = try MessagePackCodec().encode(value)
            compare("JSON") { try Self.text(Data(json)) }
            // A name that stands twice is read once.
            if try Self.encoder.encode(value).count != json.count { different.append("JSON: another length") }
            compare("its value") { try Self.text(Self.encoder.encode(JSONCodec().decode(Value.self, from: json))) }
            compare("Foundation's value of it") {
                try Self.text(Self.encoder.encode(Self.decoder.decode(Value.self, from: Data(json))))
            }
            compare("MessagePack's value") {
                try Self.text(Self.encoder.encode(MessagePackCodec().decode(Value.self, from: packed)))
            }
            return different
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .secondsSince1970
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return encoder
    }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .secondsSince1970
        return decoder
    }

    private static func text(_ json: Data) throws -> String {
        let value = try JSONSerialization.jsonObject(with: json, options: .fragmentsAllowed)
        let data = try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
        return String(decoding: data, as: UTF8.self)
    }
}
