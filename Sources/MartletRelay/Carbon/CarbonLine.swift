/// The lines of Carbon's plaintext protocol: `name value time`, one metric each.
///
/// Carbon says nothing about a line that it does not take. What is worse, it closes the connection in order at a line that is
/// not UTF-8 or too long, and loses those behind it. So each line is checked before it is sent. Pure.
enum CarbonLine {
    /// The longest line that Carbon reads, in bytes (`MAX_LENGTH` of its `MetricLineReceiver`).
    static let maximumBytes = 16_384

    /// What is wrong with a line; `nil` if Carbon takes it.
    ///
    /// - Parameter line: without its end.
    static func problem(in line: some Collection<UInt8>) -> String? {
        guard line.count <= maximumBytes else { return "it has \(line.count) bytes; Carbon reads \(maximumBytes)" }
        guard let text = String(validating: line, as: UTF8.self) else { return "it is not UTF-8" }
        // As Carbon does, which splits at any white space of Unicode.
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 3 else { return "it has \(fields.count) fields, not name, value and time" }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control && $0 != "\t" }) else {
            return "it has control characters"
        }
        guard number(fields[1]) != nil else { return "its value is no finite number" }
        // Whisper keeps 32 bits; -1 is the time of arrival.
        guard let time = number(fields[2]), time == -1 || (0..<4_294_967_296).contains(time) else {
            return "its time is not in seconds since 1970"
        }
        return nil
    }

    /// A decimal number as Python reads it, and as Swift does.
    private static func number(_ text: Substring) -> Double? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }) else { return nil }
        guard let number = Double(text), number.isFinite else { return nil }
        return number
    }
}

/// The lines of one message, taken apart into those that Carbon takes and those that it does not. Pure.
struct CarbonLines {
    /// Lines for Carbon, each with its end.
    private(set) var good: [UInt8] = []
    private(set) var goodCount = 0
    /// Lines that Carbon would not take, each with its end.
    private(set) var bad: [UInt8] = []
    private(set) var badCount = 0
    /// What is wrong with the first of these.
    private(set) var problem = ""

    /// - Parameters:
    ///   - body: lines that end with a line feed, with or without a carriage return; empty ones are left out.
    ///   - prefix: what each name begins with, with its dot.
    init(_ body: [UInt8], prefix: [UInt8]) {
        for var line in body.split(separator: UInt8(ascii: "\n")) {
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard line.contains(where: { $0 != UInt8(ascii: " ") }) else { continue }
            let whole = prefix + line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if let problem = CarbonLine.problem(in: whole) {
                if badCount == 0 { self.problem = problem }
                badCount += 1
                bad += line + [UInt8(ascii: "\n")]
            } else {
                goodCount += 1
                good += whole + [UInt8(ascii: "\n")]
            }
        }
    }
}
