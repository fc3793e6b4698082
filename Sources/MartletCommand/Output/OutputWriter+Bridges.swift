import Martlet
import MartletConsole
import MartletRelay

extension OutputWriter {
    /// Writes what one way of a route will do.
    func writePlan(_ way: PlannedWay, asJSON: Bool) throws {
        if asJSON { return try write(Self.object(way)) }
        try writeLine(style.strong(way.plan.name.printable(limit: 4_096)))
        try writeMember("from", way.source)
        try writeMember("to", way.sink)
        try writeMember("guarantee", way.guarantee)
        for reason in way.plan.guarantee?.reasons ?? [] { try writeMember("because", reason) }
        for detail in way.route.details { try writeMember("with", detail) }
        for warning in way.plan.warnings { try writeMember("warning", style.doubtful(warning.printable(limit: 4_096))) }
    }

    private func writeMember(_ name: String, _ text: String) throws {
        try writeLine("  \(style.faint(name.leading(in: 9)))  \(text)")
    }

    private static func object(_ way: PlannedWay) -> JSONObject {
        var object = JSONObject()
        object.add("route", string: way.plan.name)
        object.add("state", string: "planned")
        object.add("from", string: way.source)
        object.add("to", string: way.sink)
        object.add("guarantee", string: way.guarantee)
        object.add("reasons", strings: way.plan.guarantee?.reasons ?? [])
        object.add("with", strings: way.route.details)
        object.add("warnings", strings: way.plan.warnings)
        return object
    }

    /// Writes the figures of one way of a route.
    ///
    /// - Parameter state: whether the bridge is `running` or has `ended`.
    func write(_ statistics: RouteStatistics, of way: PlannedWay, state: String, at moment: Moment) throws {
        var object = JSONObject()
        object.add("route", string: way.plan.name)
        object.add("state", string: state)
        for figure in RouteFigure.all { object.add(figure.name, integer: figure.value(statistics)) }
        object.add("lagMilliseconds", number: statistics.lag.seconds * 1_000, decimals: 3)
        object.add("time", string: moment.timestamp)
        try write(object)
    }
}

extension JSONObject {
    fileprivate mutating func add(_ name: String, strings: [String]) {
        add(name, json: JSON.array(strings.map(JSON.string)).bytes)
    }
}
