import Synchronization
import Testing

@testable import MartletConsole
@testable import playground

/// A terminal that exists only in memory: it obeys the sequences that the playground uses, and shows what came of them.
final class Screen: Sendable {
    private struct State {
        var size: TerminalSize
        var lines = [""]
        var row = 0
        var column = 0
        var isCursorHidden = false
        var wraps = true
        var writes = 0
    }

    private let state: Mutex<State>

    init(columns: Int = 40, rows: Int = 10) {
        state = Mutex(State(size: TerminalSize(columns: columns, rows: rows)))
    }

    /// What is to be read on the screen, and what has scrolled off its top.
    var lines: [String] { state.withLock { $0.lines } }

    var isCursorHidden: Bool { state.withLock { $0.isCursorHidden } }

    var wraps: Bool { state.withLock { $0.wraps } }

    /// How often something was written.
    var writes: Int { state.withLock { $0.writes } }

    func terminal(isInteractive: Bool = true, usesColor: Bool = false) -> Terminal {
        Terminal(
            isInteractive: isInteractive,
            usesColor: usesColor,
            size: { self.state.withLock { $0.size } },
            output: { text in self.state.withLock { Self.write(text, to: &$0) } }
        )
    }

    private static func write(_ text: String, to state: inout State) {
        state.writes += 1
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\r":
                state.column = 0
            case "\n":
                state.row += 1
                state.column = 0
                if state.row == state.lines.count { state.lines.append("") }
            case "\u{1B}":
                let parameters = rest.dropFirst().prefix { !$0.properties.isAlphabetic }
                rest.removeFirst(1 + parameters.count)
                obey(String(parameters), rest.removeFirst(), state: &state)
            default:
                put(Character(scalar), state: &state)
            }
        }
    }

    private static func put(_ character: Character, state: inout State) {
        if state.column == state.size.columns {
            guard state.wraps else { return }
            state.row += 1
            state.column = 0
            if state.row == state.lines.count { state.lines.append("") }
        }
        let line = Array(state.lines[state.row])
        let start = line.prefix(state.column)
        let padding = Array(repeating: Character(" "), count: state.column - start.count)
        state.lines[state.row] = String(start + padding + [character] + line.dropFirst(state.column + 1))
        state.column += 1
    }

    private static func obey(_ parameters: String, _ command: Unicode.Scalar, state: inout State) {
        switch (parameters, command) {
        case ("?25", "l"): state.isCursorHidden = true
        case ("?25", "h"): state.isCursorHidden = false
        case ("?7", "l"): state.wraps = false
        case ("?7", "h"): state.wraps = true
        case ("2", "K"): state.lines[state.row] = ""
        case ("", "J"):
            state.lines[state.row] = String(state.lines[state.row].prefix(state.column))
            state.lines.removeSubrange((state.row + 1)...)
        case (_, "A"):
            let top = max(0, state.lines.count - state.size.rows)
            state.row = max(top, state.row - (Int(parameters) ?? 1))
        case (_, "m"): break
        default: Issue.record("the screen does not know the sequence [\(parameters)\(command)")
        }
    }
}
