import Martlet
import MartletConsole

/// The figures of a bridge's routes as a table that fits. A pure value.
struct BridgeTable {
    struct Row {
        let name: String
        let statistics: RouteStatistics
    }

    private struct Column: Sendable {
        let title: String
        let text: @Sendable (RouteStatistics) -> String
        /// What is of interest only if it is not zero.
        var isTrouble = false
    }

    /// In the order in which they go when the terminal is narrow, the last first.
    private static let columns = [
        Column(title: "in") { count($0.received) },
        Column(title: "out") { count($0.forwarded) },
        Column(title: "dropped", text: { count($0.dropped) }, isTrouble: true),
        Column(title: "dead", text: { count($0.dead) }, isTrouble: true),
        Column(title: "lag") { time($0.lag) },
        Column(title: "retried", text: { count($0.retried) }, isTrouble: true),
        // What is under way is on the disk, too, if anything is.
        Column(title: "waiting") { count(max($0.stored, $0.inFlight)) },
    ]

    private static let columnWidth = 9

    /// The lines, the first of which is the title.
    static func lines(_ title: String, _ rows: [Row], size: TerminalSize, style: TextStyle) -> [String] {
        // One column stays free: in the last one a terminal may break the line.
        let width = max(1, size.columns - 1)
        let longest = rows.map(\.name.columns).max() ?? 0
        let room = width - min(max(longest, 5), 24)
        let shown = columns.prefix(max(0, room / columnWidth))
        let nameWidth = max(1, min(max(longest, 5), width - shown.count * columnWidth))
        var lines = [style.strong(title.truncated(to: width))]
        let head = shown.map { $0.title.trailing(in: columnWidth) }.joined()
        lines.append(style.faint("route".leading(in: nameWidth) + head))
        let height = max(1, size.rows - 4)
        let isCut = rows.count > height
        for row in rows.prefix(isCut ? height - 1 : height) {
            let cells = shown.map { column in
                let text = column.text(row.statistics)
                let cell = text.trailing(in: columnWidth)
                return column.isTrouble && text != "0" ? style.doubtful(cell) : cell
            }
            lines.append(style.name(row.name.leading(in: nameWidth)) + cells.joined())
        }
        if isCut { lines.append(style.faint("… \(rows.count - max(0, height - 1)) more".truncated(to: width))) }
        return lines
    }

    private static func count(_ number: Int) -> String {
        number < 1_000_000 ? "\(number)" : "\((Double(number) / 1_000_000).formatted(decimals: 1))M"
    }

    private static func time(_ duration: Duration) -> String {
        duration == .zero
            ? "–"
            : duration < .seconds(1)
                ? "\((duration.seconds * 1_000).formatted(decimals: 1))ms"
                : "\(duration.seconds.formatted(decimals: 1))s"
    }
}
