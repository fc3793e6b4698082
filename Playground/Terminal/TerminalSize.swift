/// How many characters fit on a terminal.
struct TerminalSize: Equatable, Sendable {
    /// Characters in a line.
    var columns: Int

    /// Lines.
    var rows: Int
}
