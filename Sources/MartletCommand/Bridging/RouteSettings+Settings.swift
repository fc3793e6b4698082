import Martlet

/// What routes have that do not say otherwise.
struct RouteDefaults {
    var options = RouteOptions()
    var calls = CallRouteOptions()

    init() {}

    init(_ node: SettingsNode) throws(SettingsError) {
        var table = try SettingsTable(node)
        options = try RouteOptions(&table)
        calls = try CallRouteOptions(&table)
        try table.finish("defaults")
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
    init(_ node: SettingsNode, defaults: RouteDefaults, relativeTo folder: String) throws(SettingsError) {
        var table = try SettingsTable(node)
        let present = Self.kinds.filter(table.has)
        guard present.count == 1, let kind = present.first else {
            let list = "topic, queue, rpc and action"
            throw node.error(present.isEmpty ? "a route needs one of the keys \(list)" : "of \(list) a route has one")
        }
        switch kind {
        case "topic":
            self = try Self.topics(&table)
        case "queue":
            self = try Self.queue(&table)
        default:
            self = try Self.calls(&table, kind)
            calls = try CallRouteOptions(&table, defaults: defaults.calls)
            try table.finish("a route of calls or an action")
            (place, path) = (node.place, node.path)
            return
        }
        options = defaults.options
        // What goes both ways is a circle by itself.
        if case .topics(_, as: _, .both) = self.kind { options.allowsLoop = true }
        options = try RouteOptions(&table, defaults: options)
        options.store =
            try table.read("store") { node throws(SettingsError) in try StoreOptions(node, relativeTo: folder) }
        let goesForth: Bool
        switch self.kind {
        case .topics(_, as: _, .forth), .topicsToQueue: goesForth = true
        default: goesForth = false
        }
        filter = try MessageFilter(&table, hasTopics: goesForth)
        try table.finish(kind == "topic" ? "a route of topics" : "a route of a queue")
        (place, path) = (node.place, node.path)
    }

    private static func topics(_ table: inout SettingsTable) throws(SettingsError) -> RouteSettings {
        let pattern = try table.text("topic") ?? ""
        for (one, other) in [("as", "to-queue"), ("as", "prefix"), ("as", "strip"), ("to-queue", "direction")] {
            try table.exclude(one, other)
        }
        for key in ["prefix", "strip"] { try table.exclude(key, "to-queue") }
        let template = try template(&table, pattern)
        let (queue, direction) = (try table.text("to-queue"), try direction(&table))
        if let queue { return RouteSettings(kind: .topicsToQueue(pattern, queue)) }
        return RouteSettings(kind: .topics(pattern, as: template, direction ?? .forth))
    }

    private static func template(_ table: inout SettingsTable, _ pattern: String) throws(SettingsError) -> String {
        let (template, strip, prefix) = (try table.text("as"), try table.text("strip"), try table.text("prefix"))
        if let template { return template }
        guard let template = TopicMapping.template(for: pattern, strip: strip, prefix: prefix) else {
            throw table.node.error(
                "\(SettingsError.quoting(strip ?? "")) can't be stripped: "
                    + "\(SettingsError.quoting(pattern)) does not begin with it, or ends with it"
            )
        }
        return template
    }

    private static func queue(_ table: inout SettingsTable) throws(SettingsError) -> RouteSettings {
        let name = try table.text("queue") ?? ""
        for (one, other) in [("as", "to-queue"), ("as", "direction")] { try table.exclude(one, other) }
        let (template, other, direction) = (
            try table.text("as"), try table.text("to-queue"),
            // Not both: a bridge would take from a queue what it has put there itself.
            try table.choice("direction", ["forth": RouteDirection.forth, "back": .back])
        )
        if let template { return RouteSettings(kind: .queueToTopics(name, as: template)) }
        return RouteSettings(kind: .queues(name, other ?? name, direction ?? .forth))
    }

    private static func calls(_ table: inout SettingsTable, _ kind: String) throws(SettingsError) -> RouteSettings {
        let name = try table.text(kind) ?? ""
        let target = try table.text("to") ?? name
        let isBackwards = try table.choice("direction", ["forth": false, "back": true]) ?? false
        return RouteSettings(
            kind: kind == "rpc"
                ? .calls(name, target, isBackwards: isBackwards) : .action(name, target, isBackwards: isBackwards)
        )
    }

    private static func direction(_ table: inout SettingsTable) throws(SettingsError) -> RouteDirection? {
        try table.choice("direction", ["forth": .forth, "back": .back, "both": .both])
    }
}
