import Martlet
import MartletConsole

/// What came of a run, for reading.
struct FleetSummary: Sendable {
    let figures: FleetTally.Figures
    let nodes: Int
    let elapsed: Duration

    /// What was published and did not arrive at a subscriber.
    var dropped: Int { 2 * figures.published - figures.shown - figures.archived }

    var lines: [String] {
        let seconds = elapsed / .seconds(1)
        let rate = Double(figures.published) / max(seconds, 0.001)
        let failed = figures.callsFailed.values.reduce(0, +)
        let goals = figures.goals.values.reduce(0, +)
        return [
            "",
            row("ran", "\(seconds.formatted(decimals: 1)) s, \(nodes) nodes on one broker"),
            row(
                "published",
                "\(figures.published) samples of \(figures.series.count) series, \(Int(rate.rounded())) a second"
            ),
            row("received", "\(figures.shown) by the screen, \(figures.archived) by the archive, \(dropped) dropped"),
            row("heartbeats", "\(figures.heartbeats.values.reduce(0, +)) of \(figures.heartbeats.count) nodes"),
            row("calls", "\(figures.callsAnswered) answered" + (failed == 0 ? "" : ", \(list(figures.callsFailed))")),
            row("streams", "\(figures.streams), \(figures.streamed) samples"),
            row("goals", goals == 0 ? "none" : list(figures.goals)),
        ]
    }

    private func row(_ name: String, _ text: String) -> String { "\(name.leading(in: 10))  \(text)" }

    private func list(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}
