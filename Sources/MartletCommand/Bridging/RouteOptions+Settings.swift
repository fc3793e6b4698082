import Martlet
import MartletSettings

extension RouteOptions {
    /// What holds for routes between two ends, unless told. What a broker has kept is no measurement of now, and a source that
    /// keeps positions does so for routes.
    init(for ends: RouteEnds) {
        self.init()
        if case .sink(let sink) = ends.to, sink.takesMetrics { retain = .none }
        if case .source(let source) = ends.from { isDurable = source.keepsPositions }
    }

    /// Reads the options that routes of messages have.
    ///
    /// - Parameter defaults: what holds for what is not there.
    init(
        _ table: inout SettingsTable,
        _ ends: RouteEnds,
        defaults: RouteOptions = RouteOptions()
    ) throws(SettingsError) {
        self = defaults
        guarantee =
            try table.choice(
                "guarantee",
                ["at-most-once": .atMostOnce, "at-least-once": .atLeastOnce, "exactly-once": .exactlyOnce]
            ) ?? guarantee
        isDurable = try table.bool("durable") ?? isDurable
        window = try table.int("window", in: 1...65_535) ?? window
        overflow =
            try table.choice(
                "overflow",
                ["suspend": .suspend, "drop-oldest": .dropOldest, "drop-newest": .dropNewest, "conflate": .conflate]
            ) ?? overflow
        retry = try table.read("retry") { node throws(SettingsError) in try Backoff(node, defaults: retry) } ?? retry
        deadLetters =
            try table.read("dead-letters") { node throws(SettingsError) in try DeadLetters(node, ends) } ?? deadLetters
        retain = try table.choice("retain", ["kept": .kept, "all": .all, "none": .none]) ?? retain
        expiry = try table.duration("expiry") ?? expiry
        rate = try table.read("rate") { node throws(SettingsError) in try RateLimit(node) } ?? rate
        sampling = try table.read("sampling") { node throws(SettingsError) in try Sampling(node) } ?? sampling
        changes = try table.read("only-if-changed") { node throws(SettingsError) in try ChangeFilter(node) } ?? changes
        deduplication = try table.int("deduplication", in: 0...10_000_000) ?? deduplication
        allowsLoop = try table.bool("allow-loop") ?? allowsLoop
    }
}

extension Backoff {
    fileprivate init(_ node: SettingsNode, defaults: Backoff) throws(SettingsError) {
        var table = try SettingsTable(node)
        self = defaults
        initial = try table.duration("initial") ?? initial
        maximum = try table.duration("maximum") ?? max(maximum, initial)
        multiplier = try table.number("multiplier", in: 1...100) ?? multiplier
        jitter = try table.number("jitter", in: 0...1) ?? jitter
        attempts = try table.int("attempts", in: 0...1_000_000) ?? attempts
        try table.finish("a retry")
        guard initial <= maximum else { throw node.error("initial is more than maximum") }
    }
}

extension DeadLetters {
    fileprivate init(_ node: SettingsNode, _ ends: RouteEnds) throws(SettingsError) {
        if case .text = node.value {
            let side = ends.sideOfDeadLetters
            self.init(to: ends.queue(try node.text(), on: side), on: side)
            return
        }
        var table = try SettingsTable(node, or: "a queue's name")
        guard let queue = try table.text("queue") else { throw node.error("the key queue is missing") }
        let side = try table.choice("side", ["from": BridgeSide.from, "to": .to]) ?? ends.sideOfDeadLetters
        self.init(to: ends.queue(queue, on: side), on: side)
        try table.finish("what says where dead letters go")
    }
}

extension RateLimit {
    private static let rates = 0.001...1_000_000

    fileprivate init(_ node: SettingsNode) throws(SettingsError) {
        if case .text = node.value {
            self.init(perSecond: try node.number(in: Self.rates))
            return
        }
        var table = try SettingsTable(node, or: "a number of messages a second")
        guard let rate = try table.number("per-second", in: Self.rates) else {
            throw node.error("the key per-second is missing")
        }
        self.init(
            perSecond: rate,
            burst: try table.int("burst", in: 1...1_000_000) ?? 1,
            excess: try table.choice("excess", ["wait": .wait, "drop": .drop]) ?? .wait
        )
        try table.finish("a rate")
    }
}

extension Sampling {
    fileprivate init(_ node: SettingsNode) throws(SettingsError) {
        var table = try SettingsTable(node)
        try table.exclude("every", "interval")
        if let number = try table.int("every", in: 1...1_000_000_000) {
            self = .every(number)
        } else if let interval = try table.duration("interval") {
            self = .interval(interval)
        } else {
            // Both are known by now, so that a misspelt one is found.
            try table.finish("a sampling")
            throw node.error("one of the keys every and interval is missing")
        }
        _ = table.find("interval")
        try table.finish("a sampling")
    }
}

extension ChangeFilter {
    fileprivate init(_ node: SettingsNode) throws(SettingsError) {
        if case .text = node.value {
            self = try node.bool() ? .onlyIfChanged : .none
            return
        }
        var table = try SettingsTable(node, or: "true, false")
        self = .onlyIfChanged(maximumAge: try table.duration("maximum-age"))
        try table.finish("only-if-changed")
    }
}
