/// How many characters fit on a terminal.
package struct TerminalSize: Equatable, Sendable {
    /// Characters in a line.
    package var columns: Int

    /// Lines.
    package var rows: Int

    /// A size.
    package init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }
}
