/// One line of the live table: a series, its latest value and its recent course.
package struct SeriesRow: Sendable {
    /// The series, in characters that are safe to show.
    package let name: String

    /// The latest value with its unit.
    package private(set) var value: String

    /// The values before.
    package private(set) var history: Sparkline

    /// Makes the row of a series of which nothing is known yet.
    package init(name: String, historyLength: Int) {
        self.name = name
        value = ""
        history = Sparkline(width: historyLength)
    }

    /// Takes in a new value.
    package mutating func update(_ latest: Double, unit: SeriesUnit) {
        value = unit.text(latest)
        history.append(latest)
    }

    /// The row for an output that takes lines one after another, and where a sparkline would be noise.
    package var plainLine: String { "\(name)  \(value)" }
}
