/// How far something has come, such as `sampling  ██████░░░░░░  50 %`.
package struct ProgressBar: Sendable {
    /// The widest bar that is drawn, however wide the terminal.
    private static let widestBar = 40

    /// What is making progress, in characters that are safe to show.
    package let label: String

    /// How much is done, 0 to 1.
    package private(set) var fraction = 0.0

    private var announcedStep = -1

    /// Makes a bar that has not begun.
    package init(label: String) {
        self.label = label.printable()
    }

    /// Moves the bar, also backwards. What is beyond either end is taken for that end, and what is no number is ignored.
    ///
    /// - Returns: Whether another tenth has been reached since the last time that the answer was yes, or the bar has gone
    ///   back: the moments to mention on an output that can't be drawn over.
    package mutating func advance(to fraction: Double) -> Bool {
        guard !fraction.isNaN else { return false }
        self.fraction = min(1, max(0, fraction))
        // Three tenths that were added up one by one are a little less than three tenths.
        let step = Int(self.fraction * 10 + 1e-9)
        guard step != announcedStep else { return false }
        announcedStep = step
        return true
    }

    /// The bar as it looks in a given width.
    ///
    /// - Parameters:
    ///   - width: The columns there are. No line takes more.
    ///   - usesColor: Whether the bar is set apart by a colour.
    package func lines(width: Int, usesColor: Bool = false) -> [String] {
        guard width > 0 else { return [] }
        let number = percentage.trailing(in: 5)
        let room = width - number.columns - 4
        let name = label.truncated(to: max(1, min(room / 2, label.columns)))
        let length = min(Self.widestBar, room - name.columns)
        guard length > 0 else { return [plainLine.truncated(to: width)] }

        let done = Int(fraction * Double(length))
        let bar = String(repeating: "█", count: done) + String(repeating: "░", count: length - done)
        return [name + "  " + (usesColor ? ControlSequence.accented(bar) : bar) + "  " + number]
    }

    /// The bar for an output that takes lines one after another.
    package var plainLine: String { "\(label)  \(percentage)" }

    private var percentage: String { "\(Int(fraction * 100 + 1e-9)) %" }
}
