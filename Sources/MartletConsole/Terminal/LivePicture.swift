/// Lines that are drawn over again and again in one place of a terminal, with lines above them that stay, and the cursor that is
/// hidden meanwhile. A value: what it returns is to be written.
package struct LivePicture: Sendable {
    private var region = LiveRegion()
    private var isCursorHidden = false
    /// Whether something has been drawn, which is still there.
    package private(set) var hasDrawn = false
    private var notes = LiveNotes()

    /// Makes one that has drawn nothing yet.
    package init() {}

    /// Has a line stand above it, with the next drawing.
    package mutating func note(_ text: String) { notes.note(text) }

    /// The text that draws it anew.
    ///
    /// - Parameter hidesCursor: whether the cursor may be hidden, which ``restore()`` gives back.
    package mutating func draw(_ lines: [String], hidesCursor: Bool = true) -> String {
        let frame = region.frame(lines, below: notes.takeNotes().map { $0.printable(limit: 4_096) })
        guard !hasDrawn else { return frame }
        hasDrawn = true
        isCursorHidden = hidesCursor
        return hidesCursor ? ControlSequence.hideCursor + frame : frame
    }

    /// The text that gives the cursor back; empty if it is there.
    package mutating func restore() -> String {
        defer { isCursorHidden = false }
        return isCursorHidden ? ControlSequence.restore : ""
    }
}

/// What is to be said with the next drawing. Of many at a time the first ones count.
package struct LiveNotes: Sendable {
    private static let limit = 64

    private var notes: [String] = []

    /// Makes one without any.
    package init() {}

    /// Adds one.
    package mutating func note(_ text: String) {
        if notes.count < Self.limit { notes.append(text) }
    }

    /// Takes them out.
    package mutating func takeNotes() -> [String] {
        defer { notes = [] }
        return notes
    }
}
