import Histogram
import MartletBrokers
import MartletConsole

/// Writes what the bench showed: a table, or lines of JSON.
struct BenchReport: Sendable {
    /// How wide the columns are: with the spaces between them 78, so that they fit on any terminal.
    private static let nameWidth = 24
    private static let columnWidth = 8
    private static let tableWidth = nameWidth + 6 * (columnWidth + 1)
    /// The spread of the latencies is drawn in what is left, if that is worth it.
    private static let spreadWidths = 8...30

    private let output: OutputWriter
    private let asJSON: Bool
    private let size: Int

    init(_ output: OutputWriter, asJSON: Bool, size: Int) {
        self.output = output
        self.asJSON = asJSON
        self.size = size
    }

    static func name(_ part: BenchCommand.Part, _ inFlight: Int) -> String {
        let name =
            switch part {
            case .pubsub: "publish → subscribe"
            case .queue: "send → ack"
            case .rpc: "call → response"
            }
        return name.leading(in: 20) + "×\(inFlight)"
    }

    private var spreadWidth: Int? {
        let room = output.stream.size.columns - Self.tableWidth - 3
        return room < Self.spreadWidths.lowerBound ? nil : min(room, Self.spreadWidths.upperBound)
    }

    func begin(on address: BrokerAddress, messages: Int) throws {
        guard !asJSON else { return }
        #if DEBUG
        try output.writeLine(output.style.doubtful("This is a debug build: the figures mean little."))
        #endif
        try output.writeLine(output.style.strong("\(address)") + output.style.faint("  \(size) bytes a message"))
        let columns = ["a second", "p50", "p90", "p99", "p99.9", "max"].map { " " + $0.trailing(in: Self.columnWidth) }
        let spread = spreadWidth == nil ? "" : "  spread (log.)"
        let head = "latencies in µs".leading(in: Self.nameWidth) + columns.joined() + spread
        try output.writeLine(output.style.faint(head))
    }

    func add(_ part: BenchCommand.Part, _ figures: BenchFigures) throws {
        asJSON ? try output.write(Self.object(part, figures, size: size)) : try output.writeLine(row(part, figures))
    }

    private func row(_ part: BenchCommand.Part, _ figures: BenchFigures) -> String {
        let style = output.style
        let values = figures.microseconds.map { value in
            " " + value.value.formatted(decimals: value.value < 1_000 ? 1 : 0).trailing(in: Self.columnWidth)
        }
        var line = style.name(Self.name(part, figures.inFlight).leading(in: Self.nameWidth))
        line += " " + style.strong(Self.grouped(figures.perSecond).trailing(in: Self.columnWidth)) + values.joined()
        if let width = spreadWidth {
            var spark = Sparkline(width: width)
            for count in figures.distribution(steps: width) { spark.append(count) }
            line += "  " + style.good(spark.text())
        }
        return line
    }

    static func object(_ part: BenchCommand.Part, _ figures: BenchFigures, size: Int) -> JSONObject {
        var object = JSONObject()
        object.add("bench", string: part.rawValue)
        object.add("inFlight", integer: figures.inFlight)
        object.add("messages", integer: Int(clamping: figures.latencies.totalCount))
        object.add("size", integer: size)
        object.add("perSecond", number: figures.perSecond, decimals: 0)
        var latencies = JSONObject()
        for (name, value) in figures.microseconds { latencies.add(name, number: value, decimals: 1) }
        object.add("microseconds", json: latencies.bytes)
        return object
    }

    /// A whole number with a comma at each thousand.
    private static func grouped(_ value: Double) -> String {
        var digits = value.formatted(decimals: 0)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }
}
