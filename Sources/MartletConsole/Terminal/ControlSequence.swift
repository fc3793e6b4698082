/// The few ANSI sequences (ECMA-48, and DEC's private modes) with which the display draws in place.
package enum ControlSequence {
    /// Hides the cursor, which would flicker over the text.
    package static let hideCursor = "\u{1B}[?25l"

    /// Shows the cursor.
    package static let showCursor = "\u{1B}[?25h"

    /// Cuts a line that is too long at the terminal's edge. Terminals disagree on how wide some characters are: a line
    /// that wrapped would put everything below it out of place.
    package static let disableWrap = "\u{1B}[?7l"

    /// Continues a line that is too long on the next one, as usual.
    package static let enableWrap = "\u{1B}[?7h"

    /// Leaves the terminal as it was found.
    package static let restore = enableWrap + showCursor

    /// Erases the line that the cursor is on.
    package static let eraseLine = "\u{1B}[2K"

    /// Erases everything from the cursor to the end of the screen.
    package static let eraseBelow = "\u{1B}[J"

    /// Moves the cursor to the beginning of the line that is `count` lines further up.
    package static func up(_ count: Int) -> String {
        count > 0 ? "\r\u{1B}[\(count)A" : "\r"
    }

    /// Sets text in cyan.
    package static func accented(_ text: String) -> String {
        "\u{1B}[36m\(text)\u{1B}[39m"
    }
}
