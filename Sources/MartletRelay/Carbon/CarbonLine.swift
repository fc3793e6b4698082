/// The lines of Carbon's plaintext protocol: `name value time`, one metric each.
///
/// Carbon says nothing about a line that it does not take. What is worse, it closes the connection in order at a line that is
/// not UTF-8 or too long, and loses those behind it. So each line is checked before it is sent. Pure.
enum CarbonLine {
    /// The longest line that Carbon reads, in bytes (`MAX_LENGTH` of its `MetricLineReceiver`).
    static let maximumBytes = 16_384
    /// Whisper keeps 32 bits of a time.
    private static let endOfTime: UInt64 = 1 << 32

    /// Whether a line is one of those that nearly all are, and that Carbon takes: a name of printable ASCII, a decimal number
    /// without an exponent, and whole seconds, with spaces between them. Of any other ``problem(in:)`` says whether Carbon
    /// takes it, which takes fifty times as long.
    ///
    /// - Parameter line: without its end.
    static func isPlain(_ line: Span<UInt8>) -> Bool {
        guard line.count <= maximumBytes else { return false }
        var place = 0
        let nameBytes = skip({ (0x21...0x7E).contains($0) }, in: line, &place)
        guard nameBytes > 0, skipSpaces(in: line, &place) else { return false }
        if place < line.count, line[place] == UInt8(ascii: "-") || line[place] == UInt8(ascii: "+") { place += 1 }
        // So many digits are finite.
        guard (1...300).contains(skipDigits(in: line, &place)) else { return false }
        if place < line.count, line[place] == UInt8(ascii: ".") {
            place += 1
            guard skipDigits(in: line, &place) > 0 else { return false }
        }
        guard skipSpaces(in: line, &place) else { return false }
        let start = place
        var seconds: UInt64 = 0
        while place < line.count, place - start < 10, (0x30...0x39).contains(line[place]) {
            seconds = seconds * 10 + UInt64(line[place] - 0x30)
            place += 1
        }
        return place > start && place == line.count && seconds < endOfTime
    }

    private static func skipSpaces(in line: Span<UInt8>, _ place: inout Int) -> Bool {
        skip({ $0 == UInt8(ascii: " ") }, in: line, &place) > 0
    }

    private static func skipDigits(in line: Span<UInt8>, _ place: inout Int) -> Int {
        skip({ (0x30...0x39).contains($0) }, in: line, &place)
    }

    /// - Returns: how many bytes it has skipped.
    private static func skip(_ isSkipped: (UInt8) -> Bool, in line: Span<UInt8>, _ place: inout Int) -> Int {
        let start = place
        while place < line.count, isSkipped(line[place]) { place += 1 }
        return place - start
    }

    /// What is wrong with a line; `nil` if Carbon takes it.
    ///
    /// - Parameter line: without its end.
    static func problem(in line: some Collection<UInt8>) -> String? {
        guard line.count <= maximumBytes else { return "it has \(line.count) bytes; Carbon reads \(maximumBytes)" }
        guard let text = String(validating: line, as: UTF8.self) else { return "it is not UTF-8" }
        // As Carbon does, which splits at any white space of Unicode, whatever combines with it.
        let fields = text.unicodeScalars.split(whereSeparator: \.properties.isWhitespace).map(Substring.init)
        guard fields.count == 3 else { return "it has \(fields.count) fields, not name, value and time" }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control && $0 != "\t" }) else {
            return "it has control characters"
        }
        guard number(fields[1]) != nil else { return "its value is no finite number" }
        // -1 is the time of arrival.
        guard let time = number(fields[2]), time == -1 || (0..<Double(endOfTime)).contains(time) else {
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

/// Lines for Carbon, taken from messages one after the other. Pure.
struct CarbonLines {
    /// The lines of a message that Carbon would not take.
    struct Refused {
        /// The lines, each with its end.
        fileprivate(set) var lines: [UInt8] = []
        fileprivate(set) var count = 0
        /// What is wrong with the first of them.
        fileprivate(set) var problem = ""
        /// How many lines of the message Carbon takes.
        fileprivate(set) var takenCount = 0
    }

    /// The lines that Carbon takes, each with its end.
    private(set) var taken: [UInt8] = []
    private let prefix: [UInt8]

    /// - Parameter prefix: what each name begins with, with its dot.
    init(prefix: [UInt8]) {
        self.prefix = prefix
    }

    /// Takes the lines of a message.
    ///
    /// - Parameter body: lines that end with a line feed, with or without a carriage return; empty ones are left out.
    /// - Returns: those that Carbon would not take; `nil` if it takes all.
    mutating func take(_ body: [UInt8]) -> Refused? {
        var refused = Refused()
        var rest = body[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            var line = rest[..<end]
            rest = rest[end...].dropFirst()
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard line.contains(where: { $0 != UInt8(ascii: " ") }) else { continue }
            let start = taken.count
            taken += prefix
            taken += line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if let problem = problem(from: start) {
                taken.removeLast(taken.count - start)
                if refused.count == 0 { refused.problem = problem }
                refused.count += 1
                refused.lines += line + [UInt8(ascii: "\n")]
            } else {
                taken.append(UInt8(ascii: "\n"))
                refused.takenCount += 1
            }
        }
        return refused.count > 0 ? refused : nil
    }

    /// What is wrong with the line that begins there and has no end yet.
    private func problem(from start: Int) -> String? {
        if CarbonLine.isPlain(taken.span.extracting(droppingFirst: start)) { return nil }
        return CarbonLine.problem(in: taken[start...])
    }
}
