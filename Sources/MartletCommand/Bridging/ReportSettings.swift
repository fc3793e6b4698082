import Martlet
import MartletRelay
import MartletSettings

/// How a relay's own figures are told: as lines of Carbon's, published at its second end. A pure value.
struct ReportSettings: Hashable, Sendable {
    var interval: Duration
    /// What the names of the metrics begin with; also where they are published.
    var topic: TopicName

    init(_ node: SettingsNode) throws(SettingsError) {
        var table = try SettingsTable(node)
        interval = try table.duration("every", from: .milliseconds(100)) ?? .seconds(60)
        topic = TopicName(try table.text("as") ?? "martlet.relay")
        try table.finish("a report")
        let topic = topic
        try node.checking { try topic.validate() }
    }

    /// The figures of all routes.
    ///
    /// - Parameter time: nanoseconds since 1970.
    func message(of reports: [RouteReport], at time: Int64) -> Message {
        let lines = reports.flatMap { report in
            let name = MetricName.path(topic.segments + [report.plan.name])
            return report.statistics.figures.map { "\(name).\($0) \($1) \(time / 1_000_000_000)" }
                + ["\(name).lagMilliseconds \(report.statistics.lag.wholeMilliseconds) \(time / 1_000_000_000)"]
        }
        return Message(lines.joined(separator: "\n"))
    }
}
