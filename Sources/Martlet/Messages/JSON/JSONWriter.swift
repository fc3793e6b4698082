/// Writes JSON text piece by piece into one array; what makes it valid is up to the caller.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []

    /// A writer with room for so many bytes.
    package init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    /// Writes punctuation, keys and the like, as they stand.
    package mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Writes a value that is JSON already.
    package mutating func write(json: [UInt8]) {
        bytes.append(contentsOf: json)
    }

    /// Writes a string, with its quotes. Characters outside ASCII stand as they are.
    package mutating func write(string: String) {
        bytes.appendJSON(string)
    }

    /// Writes bytes as a string in base64.
    package mutating func write(base64 content: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        Base64.encode(content, into: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a whole number.
    package mutating func write(integer number: Int64) {
        bytes.appendJSON(number)
    }

    /// Writes a number so that it reads as one with a fraction or exponent; it has to be finite.
    package mutating func write(double number: Double) {
        bytes.append(contentsOf: number.description.utf8)
    }
}
