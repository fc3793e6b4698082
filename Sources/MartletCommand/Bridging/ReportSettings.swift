import Martlet
import MartletRelay
import MartletSettings

/// How a relay's own figures are told: as lines of Carbon's, published at its second end, or to those that ask. A pure value.
struct ReportSettings: Hashable, Sendable {
    /// How often they are published; `nil`: they are not.
    var interval: Duration?
    /// What the names of the metrics begin with; also where they are published.
    var topic: TopicName
    /// Where they may be asked for; `nil`: nowhere.
    var server: StatusServerOptions?

    init(_ node: SettingsNode, relativeTo folder: String) throws(SettingsError) {
        var table = try SettingsTable(node)
        let every = try table.duration("every", from: .milliseconds(100))
        let name = try table.text("as")
        topic = TopicName(name ?? "martlet.relay")
        if let address = try table.listenAddress() {
            server = StatusServerOptions(
                host: address.host,
                port: address.port,
                tls: try table.serverTLS(relativeTo: folder),
                token: try table.secret("token", relativeTo: folder)
            )
        }
        // Whoever only says where to ask for them wants nothing published.
        interval = every ?? (server == nil || name != nil ? .seconds(60) : nil)
        try table.finish("a report")
        let (topic, server) = (topic, server)
        try node.checking {
            try topic.validate()
            try server?.validate()
        }
    }

    /// The figures of all routes.
    ///
    /// - Parameter time: nanoseconds since 1970.
    func message(of reports: [RouteReport], at time: Int64) -> Message {
        let lines = reports.flatMap { report in
            let name = MetricName.path(topic.segments + [report.plan.name])
            let statistics = report.statistics
            return RouteFigure.all.map { "\(name).\($0.name) \($0.value(statistics)) \(time / 1_000_000_000)" }
                + ["\(name).lagMilliseconds \(statistics.lag.wholeMilliseconds) \(time / 1_000_000_000)"]
        }
        return Message(lines.joined(separator: "\n"))
    }
}
