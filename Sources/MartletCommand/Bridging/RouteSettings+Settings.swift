import Martlet
import MartletBrokers
import MartletConsole
import MartletRelay
import MartletSettings

/// What routes have that do not say otherwise.
struct RouteDefaults {
    var options: RouteOptions
    var calls = CallRouteOptions()

    init(_ ends: RouteEnds) {
        options = RouteOptions(for: ends)
    }

    init(_ node: SettingsNode, _ ends: RouteEnds) throws(SettingsError) {
        self.init(ends)
        var table = try SettingsTable(node)
        options = try RouteOptions(&table, ends, defaults: options)
        calls = try CallRouteOptions(&table)
        try table.finish("a table of defaults")
    }
}

extension CallRouteOptions {
    /// Reads the options that calls and actions have.
    init(_ table: inout SettingsTable, defaults: CallRouteOptions = CallRouteOptions()) throws(SettingsError) {
        self = defaults
        concurrency = try table.int("concurrency", in: 1...65_535) ?? concurrency
        timeout = try table.duration("timeout") ?? timeout
        allowsLoop = try table.bool("allow-loop") ?? allowsLoop
    }
}

extension RouteSettings {
    private static let kinds = ["topic", "queue", "rpc", "action"]

    /// - Parameter folder: that of the file, which relative paths are relative to.
    init(
        _ node: SettingsNode,
        _ ends: RouteEnds,
        defaults: RouteDefaults,
        relativeTo folder: String
    ) throws(SettingsError) {
        var table = try SettingsTable(node)
        let present = Self.kinds.filter(table.has)
        guard present.count == 1, let kind = present.first else {
            let list = "topic, queue, rpc and action"
            throw node.error(present.isEmpty ? "a route needs one of the keys \(list)" : "of \(list) a route has one")
        }
        switch kind {
        case "topic":
            self = try Self.topics(&table, ends)
        case "queue":
            self = try Self.queue(&table, ends)
        default:
            self = try Self.calls(&table, kind, ends)
            calls = try CallRouteOptions(&table, defaults: defaults.calls)
            try table.finish("a route of calls or an action")
            (place, path) = (node.place, node.path)
            return
        }
        options = defaults.options
        // What goes both ways is a circle by itself.
        if case .topics(_, as: _, .both) = self.kind { options.allowsLoop = true }
        options = try RouteOptions(&table, ends, defaults: options)
        options.store =
            try table.read("store") { node throws(SettingsError) in try StoreOptions(node, relativeTo: folder) }
        let goesForth: Bool
        switch self.kind {
        case .topics(_, as: _, .forth), .topicsToQueue: goesForth = true
        default: goesForth = false
        }
        filter = try MessageFilter(&table, ends, hasTopics: goesForth)
        metrics = try table.read("metrics") { node throws(SettingsError) in try MetricMapping(node, for: pattern) }
        try table.finish(kind == "topic" ? "a route of topics" : "a route of a queue")
        (place, path) = (node.place, node.path)
    }

    private static func topics(
        _ table: inout SettingsTable,
        _ ends: RouteEnds
    ) throws(SettingsError) -> RouteSettings {
        let pattern = ends.from.pattern(try table.text("topic") ?? "")
        for (one, other) in [("as", "to-queue"), ("as", "prefix"), ("as", "strip"), ("to-queue", "direction")] {
            try table.exclude(one, other)
        }
        for key in ["prefix", "strip"] { try table.exclude(key, "to-queue") }
        let template = try template(&table, pattern, ends)
        let (queue, direction) = (try table.text("to-queue"), try direction(&table))
        if let queue { return RouteSettings(kind: .topicsToQueue(pattern, ends.to.queue(queue))) }
        return RouteSettings(kind: .topics(pattern, as: template, direction ?? .forth))
    }

    private static func template(
        _ table: inout SettingsTable,
        _ pattern: TopicPattern,
        _ ends: RouteEnds
    ) throws(SettingsError) -> String {
        let (template, strip, prefix) = (try table.text("as"), try table.text("strip"), try table.text("prefix"))
        if let template { return ends.to.template(template) }
        let made = TopicMapping.template(
            for: pattern,
            strip: strip.map(ends.from.topic),
            prefix: prefix.map(ends.to.template)
        )
        guard let made else {
            throw table.node.error(
                "\(SettingsError.quoting(strip ?? "")) can't be stripped: "
                    + "\(SettingsError.quoting(pattern.text)) does not begin with it, or ends with it"
            )
        }
        return made
    }

    private static func queue(
        _ table: inout SettingsTable,
        _ ends: RouteEnds
    ) throws(SettingsError) -> RouteSettings {
        let name = ends.from.queue(try table.text("queue") ?? "")
        for (one, other) in [("as", "to-queue"), ("as", "direction")] { try table.exclude(one, other) }
        let (template, other, direction) = (
            try table.text("as"), try table.text("to-queue"),
            // Not both: a bridge would take from a queue what it has put there itself.
            try table.choice("direction", ["forth": RouteDirection.forth, "back": .back])
        )
        if let template { return RouteSettings(kind: .queueToTopics(name, as: ends.to.template(template))) }
        return RouteSettings(kind: .queues(name, other.map(ends.to.queue) ?? name, direction ?? .forth))
    }

    private static func calls(
        _ table: inout SettingsTable,
        _ kind: String,
        _ ends: RouteEnds
    ) throws(SettingsError) -> RouteSettings {
        let name = try table.text(kind) ?? ""
        let other = try table.text("to")
        let isBackwards = try table.choice("direction", ["forth": false, "back": true]) ?? false
        let (here, there) = isBackwards ? (ends.to, ends.from) : (ends.from, ends.to)
        let caller = here.queue(name)
        let target = other.map(there.queue) ?? caller
        return RouteSettings(
            kind: kind == "rpc"
                ? .calls(caller, target, isBackwards: isBackwards) : .action(caller, target, isBackwards: isBackwards)
        )
    }

    private static func direction(_ table: inout SettingsTable) throws(SettingsError) -> RouteDirection? {
        try table.choice("direction", ["forth": .forth, "back": .back, "both": .both])
    }
}

extension MetricMapping {
    /// - Parameter pattern: the filter by which messages come.
    fileprivate init(_ node: SettingsNode, for pattern: TopicPattern) throws(SettingsError) {
        var table = try SettingsTable(node)
        let name = try table.text("name") ?? "{topic}.{field}"
        var fields: [String] = []
        for node in try table.list("fields") ?? [] { fields.append(try node.text()) }
        let tags = try table.read("tags") { node throws(SettingsError) in try Self.tags(node) } ?? [:]
        let time = try table.text("time")
        try table.finish("a table of metrics")
        do {
            try self.init(name: name, fields: fields, tags: tags, time: time)
            try validate(for: pattern)
        } catch {
            throw node.error((error as? MessagingError)?.message ?? "\(error)")
        }
    }

    private static func tags(_ node: SettingsNode) throws(SettingsError) -> [String: String] {
        guard case .table(let members) = node.value else { throw node.wrong("a table of keys and values") }
        var tags: [String: String] = [:]
        for member in members { tags[member.key] = try member.node.text() }
        return tags
    }
}
