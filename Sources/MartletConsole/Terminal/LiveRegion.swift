/// The lines at the bottom of a terminal that are drawn over again and again.
///
/// It remembers only how tall the last frame was. Between two frames the cursor stands on the line below.
package struct LiveRegion: Sendable {
    private var height = 0

    /// Makes one that has drawn nothing yet.
    package init() {}

    /// The text that draws a frame in the place of the last one.
    ///
    /// - Parameters:
    ///   - lines: The frame. It has to leave one line of the terminal free, for the cursor.
    ///   - preamble: Lines to leave above the frame for good: they scroll up like any other output.
    package mutating func frame(_ lines: [String], below preamble: [String] = []) -> String {
        var text = ControlSequence.up(height)
        for line in preamble {
            // Erased from the first column to the end of the screen: long lines may wrap, and need room below.
            text += ControlSequence.eraseBelow + line + "\n"
        }
        text += ControlSequence.disableWrap
        for line in lines {
            text += ControlSequence.eraseLine + line + "\n"
        }
        height = lines.count
        return text + ControlSequence.eraseBelow + ControlSequence.enableWrap
    }
}
