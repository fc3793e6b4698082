/// One line of the live table: a series, its latest value and its recent course.
struct SeriesRow: Sendable {
    /// The series, in characters that are safe to show.
    let name: String

    /// The latest value with its unit.
    private(set) var value: String

    /// The values before.
    private(set) var history: Sparkline

    /// Makes the row of a series of which nothing is known yet.
    init(name: String, historyLength: Int) {
        self.name = name
        value = ""
        history = Sparkline(width: historyLength)
    }

    /// Takes in a new value.
    mutating func update(_ latest: Double, unit: SeriesUnit) {
        value = unit.text(latest)
        history.append(latest)
    }

    /// The row for an output that takes lines one after another, and where a sparkline would be noise.
    var plainLine: String { "\(name)  \(value)" }
}
