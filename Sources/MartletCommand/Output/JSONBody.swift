import Martlet

/// A body as it is shown: JSON on one line, or what else it is.
enum JSONBody {
    /// JSON without white space, so that it takes one line. What Python writes for numbers that JSON has not becomes `null`.
    ///
    /// - Returns: `nil` if it is no JSON.
    static func compact(_ bytes: [UInt8]) -> [UInt8]? {
        guard JSONScanner.isValue(bytes) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var tokens = JSONTokens(bytes)
        while let token = tokens.next() {
            switch token.kind {
            case .notANumber: result += Array("null".utf8)
            default: result += bytes[token.range]
            }
        }
        return result
    }

    /// JSON for people: on one line, with a space after each colon and comma, in colours, and without anything that a
    /// terminal would obey.
    static func painted(_ bytes: [UInt8], style: TextStyle) -> String {
        var result = ""
        var tokens = JSONTokens(bytes)
        while let token = tokens.next() {
            let text = visible(bytes[token.range])
            switch token.kind {
            case .key: result += style.key(text)
            case .string: result += style.good(text)
            case .number: result += style.doubtful(text)
            case .word, .notANumber: result += style.strong(text)
            case .punctuation: result += text == ":" || text == "," ? text + " " : text
            }
        }
        return result
    }

    /// The text, with an escape in place of each character that a terminal might obey: it stays the same JSON.
    private static func visible(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result.append(
                        contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars
                    )
                }
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
