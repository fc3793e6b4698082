/// Writes JSON text piece by piece into one array; what makes it valid is up to the caller.
struct JSONWriter: ~Copyable {
    private var buffer: ByteBuffer

    /// A writer with room for so many bytes.
    init(capacity: Int) {
        buffer = ByteBuffer(capacity: capacity)
    }

    /// What has been written.
    var bytes: [UInt8] { buffer.array() }

    /// Writes punctuation, keys and the like, as they stand.
    mutating func write(_ text: StaticString) {
        buffer.appendJSON(word: text)
    }

    /// Writes a value that is JSON already.
    mutating func write(json: [UInt8]) {
        buffer.append(contentsOf: json)
    }

    /// Writes a string, with its quotes. Characters outside ASCII stand as they are.
    mutating func write(string: String) {
        buffer.appendJSON(string)
    }

    /// Writes bytes as a string in base64.
    mutating func write(base64 content: [UInt8]) {
        buffer.append(UInt8(ascii: "\""))
        Base64.encode(content) { buffer.append($0) }
        buffer.append(UInt8(ascii: "\""))
    }

    /// Writes a whole number.
    mutating func write(integer number: Int64) {
        buffer.appendJSON(number)
    }

    /// Writes a number so that it reads as one with a fraction or exponent; it has to be finite.
    mutating func write(double number: Double) {
        buffer.append(number.description)
    }
}
