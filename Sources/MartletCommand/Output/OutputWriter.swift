import Martlet
import MartletConsole
import Synchronization

/// Standard output: lines of JSON for programs, or what is nicer to look at on a terminal.
final class OutputWriter: Sendable {
    let stream: StandardStream
    let style: TextStyle
    /// How wide the names in front of the lines are so far, so that what follows stands in a column.
    private let nameWidth = Mutex(0)

    init(_ stream: StandardStream) {
        self.stream = stream
        style = TextStyle(isUsed: stream.usesColor)
    }

    /// Whether a person reads it.
    var isForPeople: Bool { stream.isTerminal }

    func write(_ bytes: [UInt8]) throws { try stream.write(bytes) }

    func write(_ object: JSONObject) throws { try stream.write(object.line) }

    /// Writes text on a line of its own.
    func writeLine(_ text: String) throws { try stream.write(Array((text + "\n").utf8)) }

    /// Writes a line for people: when, who or what in a column, and what is to be said.
    func writeLine(_ name: String, _ text: String, at moment: Moment = Moment()) throws {
        let name = name.printable()
        let width = nameWidth.withLock { width in
            width = max(width, min(32, name.columns))
            return width
        }
        let padding = String(repeating: " ", count: max(0, width - name.columns))
        try writeLine("\(style.faint(moment.timeOfDay))  \(style.name(name))\(padding)  \(text)")
    }

    /// A body as people read it.
    func text(of body: [UInt8]) -> String {
        if JSONScanner.isValue(body) { return JSONBody.painted(body, style: style) }
        if let text = String(validating: body, as: UTF8.self) { return text.printable(limit: 4_096) }
        return style.faint("\(body.count) bytes")
    }

    /// Writes a body alone: on a line, as it is or in colours.
    func write(body: [UInt8]) throws {
        try isForPeople ? writeLine(text(of: body)) : write((JSONBody.compact(body) ?? body) + [UInt8(ascii: "\n")])
    }
}
