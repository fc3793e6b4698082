import Synchronization

/// What text and a few ANSI sequences (ECMA-48) leave on a terminal: enough to see what a program draws in place.
final class ScreenText: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var lines: [[Character]] = [[]]
        var row = 0
        var column = 0
        /// What came last and is not complete: part of a sequence, or of a character.
        var rest: [UInt8] = []
    }

    private let state = Mutex(State())

    var written: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }

    var lines: [String] {
        state.withLock { $0.lines.map { String($0).trimmingSuffix(" ") } }
    }

    /// Runs `body`, which hands over bytes, while nobody else does.
    func withLock(_ body: (_ add: ([UInt8]) -> Void) -> Void) {
        state.withLock { state in
            body { bytes in
                state.bytes += bytes
                state.rest += bytes
                Self.take(&state)
            }
        }
    }

    private static func take(_ state: inout State) {
        guard let text = String(validating: state.rest, as: UTF8.self) else { return }
        var scalars = text.unicodeScalars[...]
        state.rest = []
        while let scalar = scalars.first {
            guard scalar == "\u{1B}" else {
                scalars.removeFirst()
                put(scalar, &state)
                continue
            }
            let parameters = scalars.dropFirst(2).prefix { !$0.properties.isAlphabetic }
            guard let command = scalars.dropFirst(2 + parameters.count).first else {
                state.rest = Array(String(scalars).utf8)
                return
            }
            scalars.removeFirst(3 + parameters.count)
            obey(String(parameters), command, &state)
        }
    }

    private static func put(_ scalar: Unicode.Scalar, _ state: inout State) {
        switch scalar {
        case "\r": state.column = 0
        case "\n":
            state.row += 1
            if state.row == state.lines.count { state.lines.append([]) }
        default:
            var line = state.lines[state.row]
            while line.count < state.column { line.append(" ") }
            if state.column < line.count {
                line[state.column] = Character(scalar)
            } else {
                line.append(Character(scalar))
            }
            state.lines[state.row] = line
            state.column += 1
        }
    }

    private static func obey(_ parameters: String, _ command: Unicode.Scalar, _ state: inout State) {
        switch (parameters, command) {
        case (_, "A"): state.row = max(0, state.row - (Int(parameters) ?? 1))
        case ("2", "K"): state.lines[state.row] = []
        case ("", "J"):
            state.lines[state.row] = Array(state.lines[state.row].prefix(state.column))
            state.lines.removeSubrange((state.row + 1)...)
        default: break
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        return text
    }
}
