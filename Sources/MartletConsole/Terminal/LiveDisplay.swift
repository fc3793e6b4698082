import Synchronization

/// Shows a `LiveTable`, with `ProgressBar`s below it, in one place of a terminal.
///
/// It is the only one to draw there: what else is to be said goes through `note(_:)`, and appears above the table. Where
/// the output is no terminal, every value becomes a line, at most one a second for each series, and a bar one for each tenth.
///
/// Any task may call it at any time. Nothing is shown any more once `withLiveDisplay` has returned.
package final class LiveDisplay: Sendable {
    private struct State {
        var table = LiveTable()
        var bars: [ProgressBar] = []
        var picture = LivePicture()
        var redraws = RateLimit(every: .milliseconds(100))
        var plainLines: [String: RateLimit] = [:]
        var isFinished = false
    }

    private let terminal: Terminal
    private let state = Mutex(State())

    fileprivate init(on terminal: Terminal) {
        self.terminal = terminal
    }

    /// Shows a series's latest value.
    ///
    /// The terminal is redrawn ten times a second at most. A value that comes too early is drawn with the next one.
    ///
    /// - Parameters:
    ///   - series: The series's name: its place in the table. It may come from anywhere.
    ///   - value: The value.
    ///   - unit: How to write the value.
    ///   - now: The time of the call.
    package func update(
        _ series: String,
        to value: Double,
        unit: SeriesUnit = .number,
        at now: ContinuousClock.Instant = .now
    ) {
        whileOpen { state in
            guard let row = state.table.update(series, to: value, unit: unit) else { return }
            if terminal.isInteractive {
                redraw(&state, at: now)
            } else if state.plainLines[row.name, default: RateLimit(every: .seconds(1))].allows(at: now) {
                terminal.write(row.plainLine + "\n")
            }
        }
    }

    /// Shows how far something has come, by a bar that stays until `endProgress(_:)`.
    ///
    /// - Parameters:
    ///   - label: What is making progress. Each label has its own bar.
    ///   - fraction: How much is done, 0 to 1.
    ///   - now: The time of the call.
    package func progress(_ label: String, _ fraction: Double, at now: ContinuousClock.Instant = .now) {
        whileOpen { state in
            let name = label.printable()
            let known = state.bars.firstIndex { $0.label == name }
            let index = known ?? state.bars.endIndex
            if known == nil { state.bars.append(ProgressBar(label: name)) }

            let isWorthALine = state.bars[index].advance(to: fraction)
            if terminal.isInteractive {
                redraw(&state, at: now)
            } else if isWorthALine {
                terminal.write(state.bars[index].plainLine + "\n")
            }
        }
    }

    /// Takes a bar away: its work has ended, one way or another.
    package func endProgress(_ label: String) {
        whileOpen { state in
            let name = label.printable()
            state.bars.removeAll { $0.label == name }
            if terminal.isInteractive { draw(&state) }
        }
    }

    /// Prints a line that stays, above the table.
    package func note(_ text: String) {
        let line = text.printable(limit: 4_096)
        whileOpen { state in
            if terminal.isInteractive {
                state.picture.note(line)
                draw(&state)
            } else {
                terminal.write(line + "\n")
            }
        }
    }

    /// Draws the last values, leaves them on the terminal, and gives the cursor back.
    fileprivate func finish() {
        whileOpen { state in
            state.isFinished = true
            guard terminal.isInteractive, state.picture.hasDrawn else { return }
            draw(&state)
            terminal.write(state.picture.restore())
        }
    }

    /// The output happens under the lock as well: two frames that met half-way would leave the terminal in pieces.
    private func whileOpen(_ body: (inout State) -> Void) {
        state.withLock { state in
            if !state.isFinished { body(&state) }
        }
    }

    private func redraw(_ state: inout State, at now: ContinuousClock.Instant) {
        if state.redraws.allows(at: now) { draw(&state) }
    }

    private func draw(_ state: inout State) {
        let size = terminal.size
        let room = max(0, size.rows - 1)
        let bars = state.bars.suffix(room).flatMap { $0.lines(width: size.columns, usesColor: terminal.usesColor) }
        let table = state.table.lines(
            width: size.columns,
            height: room - bars.count,
            usesColor: terminal.usesColor
        )
        terminal.write(state.picture.draw(table + bars))
    }
}

/// Shows live values on a terminal for as long as `body` runs.
///
/// Whichever way `body` ends, by returning, by an error or because its task was cancelled, the last values stay on the
/// terminal, and its cursor is back.
///
/// - Parameters:
///   - terminal: Where to draw.
///   - body: What has something to show.
/// - Returns: What `body` returns.
/// - Throws: What `body` throws.
package func withLiveDisplay<Result>(
    on terminal: Terminal = .standardOutput,
    _ body: (LiveDisplay) async throws -> Result
) async rethrows -> Result {
    let display = LiveDisplay(on: terminal)
    defer { display.finish() }
    return try await body(display)
}
