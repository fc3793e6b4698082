import Martlet

/// Small JSON texts, of which it is known before they are read that they are not deep.
enum BoundedJSON {
    /// No token and no set of keys has more arrays and objects in one another.
    private static let depth = 16

    /// The members of an object's text; `nil` if it is none, or too deep. Of a name that is there twice the last counts (RFC
    /// 7519, section 4).
    static func object(_ text: [UInt8]) -> [String: JSON]? {
        guard isFlat(text) else { return nil }
        return (try? JSON(parsing: text))?.object
    }

    /// Whether no more than ``depth`` arrays and objects are open at any place. Of a text that is no JSON it says nothing.
    private static func isFlat(_ text: [UInt8]) -> Bool {
        var (open, isString, isEscaped) = (0, false, false)
        for byte in text {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = isString
            case UInt8(ascii: "\""): isString.toggle()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if !isString { open += 1 }
                if open > depth { return false }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if !isString { open -= 1 }
            default: break
            }
        }
        return true
    }
}

extension String {
    /// Whether two texts are the same bytes. Strings that are written otherwise and look the same are equal to Swift, and are not
    /// to a server of tokens.
    func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
