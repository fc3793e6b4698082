import Martlet

/// Text as it may stand in a field of an HTTP head. Pure.
enum FieldText {
    /// A text with a percent sign and two hexadecimal digits for each byte that is no visible character of ASCII, and for the
    /// percent sign.
    static func escaped(_ text: String) -> String { escaped(text) { (0x21...0x7E).contains($0) && $0 != 0x25 } }

    /// Checks what is sent with each request. What is wrong is not shown: it may be a secret.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument`.
    static func check(_ headers: [String: Secret]) throws {
        for (name, value) in headers {
            let isName = !name.isEmpty && name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3A }
            let isValue = value.value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
            guard isName, isValue else {
                throw MessagingError(
                    .invalidArgument,
                    "a header can't be sent: its name or its value has other characters"
                )
            }
        }
    }

    /// Whether a text can be the value of a field: it has no control characters but tabs (RFC 9110, section 5.5).
    static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
    }

    /// A name or a value of a form (`application/x-www-form-urlencoded`).
    static func form(_ text: String) -> String {
        escaped(text) { byte in
            let character = Character(Unicode.Scalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber || "-._~".contains(character))
        }
    }

    /// What a value of a query means; `nil` if it is not well written.
    static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2)
                // A number may have a sign, an escape has digits alone.
                guard digits.count == 2, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                    let code = UInt8(Substring(digits), radix: 16)
                else { return nil }
                bytes.append(code)
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func escaped(_ text: String, unless isPlain: (UInt8) -> Bool) -> String {
        var result = ""
        for byte in text.utf8 {
            if isPlain(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}
