/// Cuts bytes that come in pieces into lines. A line end is a line feed, with or without a carriage return before it.
struct LineSplitter {
    /// The longest line, in bytes, that is taken.
    static let limit = 16 << 20

    private var rest: [UInt8] = []

    /// Takes in some bytes.
    ///
    /// - Returns: the lines that are complete now, without their ends; `nil` if one is longer than ``limit``.
    mutating func lines(adding bytes: [UInt8]) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            rest += bytes[start..<end]
            lines.append(take())
            start = end + 1
        }
        rest += bytes[start...]
        return rest.count > Self.limit ? nil : lines
    }

    /// The last line, if it has no end; `nil` if there is none.
    mutating func last() -> [UInt8]? {
        rest.isEmpty ? nil : take()
    }

    private mutating func take() -> [UInt8] {
        defer { rest = [] }
        return rest.last == UInt8(ascii: "\r") ? rest.dropLast() : rest
    }
}
