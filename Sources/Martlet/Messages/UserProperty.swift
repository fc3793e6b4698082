/// A header as a user property of MQTT 5: a name and a text.
///
/// A text that MQTT does not allow (it has control characters) and bytes go as base64, under a name that ends in
/// `;text` or `;bytes`.
package struct UserProperty: Sendable, Equatable {
    private static let textSuffix = ";text"
    private static let bytesSuffix = ";bytes"

    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// - Parameter isAllowed: whether MQTT allows a text.
    package init(_ name: String, _ value: HeaderValue, isAllowed: (String) -> Bool) {
        guard let text = value.string else {
            self.init(name: name + Self.bytesSuffix, value: Base64.text(value.bytes ?? []))
            return
        }
        if isAllowed(text) {
            self.init(name: name, value: text)
        } else {
            self.init(name: name + Self.textSuffix, value: Base64.text(Array(text.utf8)))
        }
    }

    /// The header that it stands for. One whose base64 is none is what it looks like: a text.
    package var header: Headers.Element {
        if name.hasSuffix(Self.textSuffix), let bytes = Base64.bytes(value),
            let text = String(validating: bytes, as: UTF8.self)
        {
            (String(name.dropLast(Self.textSuffix.count)), .string(text))
        } else if name.hasSuffix(Self.bytesSuffix), let bytes = Base64.bytes(value) {
            (String(name.dropLast(Self.bytesSuffix.count)), .bytes(bytes))
        } else {
            (name, .string(value))
        }
    }
}

extension HeaderValue {
    fileprivate var bytes: [UInt8]? {
        if case .bytes(let bytes) = self { bytes } else { nil }
    }
}
