import Martlet
import MartletConsole
import MartletJWT
import MartletServer
import MartletSettings

/// What `martlet broker` says of itself.
struct BrokerReport: Sendable {
    private let output: OutputWriter
    private let asJSON: Bool

    init(_ output: OutputWriter, asJSON: Bool) {
        self.output = output
        self.asJSON = asJSON
    }

    /// Says where it listens, or would.
    func write(_ state: String, _ listener: String, _ host: String, _ port: Int?) throws {
        guard asJSON else {
            return try output.writeLine(state, "\(listener) on \(host)\(port.map { ", port \($0)" } ?? "")")
        }
        var object = JSONObject()
        object.add("state", string: state)
        object.add("listener", string: listener)
        object.add(port == nil ? "path" : "host", string: host)
        if let port { object.add("port", integer: port) }
        try output.write(object)
    }

    /// Says what queue it would declare.
    func write(_ queue: BrokerSettings.Queue) throws {
        let (name, options) = (queue.name.mqtt, queue.options)
        guard asJSON else {
            let rules: [String?] = [
                "limit \(options.limit)", "byte-limit \(SizeText.text(options.byteLimit))",
                "overflow \(options.overflow.key)", options.timeToLive.map { "time-to-live \($0.text)" },
                options.maximumDeliveries.map { "maximum-deliveries \($0)" },
                options.deadLetters.map { "dead-letters \($0.mqtt.printable())" },
            ]
            let text = rules.compactMap { $0 }.joined(separator: ", ")
            return try output.writeLine("planned", "queue \(name.printable()): \(text)")
        }
        var object = JSONObject()
        object.add("state", string: "planned")
        object.add("queue", string: name)
        object.add("limit", integer: options.limit)
        object.add("byte-limit", integer: options.byteLimit)
        object.add("overflow", string: options.overflow.key)
        if let time = options.timeToLive { object.add("time-to-live", number: time.seconds, decimals: 3) }
        if let count = options.maximumDeliveries { object.add("maximum-deliveries", integer: count) }
        if let deadLetters = options.deadLetters { object.add("dead-letters", string: deadLetters.mqtt) }
        try output.write(object)
    }

    /// Says whose tokens it would let in.
    func write(_ tokens: TokenSettings, _ keys: TokenKeys) throws {
        guard asJSON else {
            let passed = keys.passedOver.isEmpty ? "" : "; passed over: \(keys.passedOver.joined(separator: "; "))"
            let text = "tokens by \(keys.count) keys of \(tokens.file.printable())\(passed)"
            return try output.writeLine("planned", text)
        }
        var object = JSONObject()
        object.add("state", string: "planned")
        object.add("tokens", string: tokens.file)
        object.add("keys", integer: keys.count)
        if !keys.passedOver.isEmpty { object.add("passed-over", string: keys.passedOver.joined(separator: "; ")) }
        if let issuer = tokens.rules.issuer { object.add("issuer", string: issuer) }
        if let audience = tokens.rules.audience { object.add("audience", string: audience) }
        try output.write(object)
    }

    /// Says what is in its store.
    func write(_ store: StoreSummary) throws {
        guard let dump = store.dump else {
            guard asJSON else { return try output.writeLine("store", "\(store.folder.printable()) is to be made") }
            var object = JSONObject()
            object.add("state", string: "store")
            object.add("folder", string: store.folder)
            object.add("exists", boolean: false)
            return try output.write(object)
        }
        let figures = [
            ("sessions", dump.sessions.count), ("retained", dump.retained.count), ("waiting", dump.waitingCount),
            ("queued", dump.queuedCount), ("cut", dump.cutBytes),
        ]
        guard asJSON else {
            let text = figures.map { "\($0) \($1)" }.joined(separator: ", ")
            return try output.writeLine("store", "\(store.folder.printable()): \(text)")
        }
        var object = JSONObject()
        object.add("state", string: "store")
        object.add("folder", string: store.folder)
        object.add("exists", boolean: true)
        for (name, count) in figures { object.add(name, integer: count) }
        try output.write(object)
    }

    /// Says what came of reading files anew.
    ///
    /// - Parameter result: the keys that hold from the next start on.
    func writeReload(_ result: Result<[String], any Error>) throws {
        var (problem, pending): (String?, [String]) = (nil, [])
        switch result {
        case .success(let keys): pending = keys
        case .failure(let error):
            problem = (error as? MessagingError)?.message ?? (error as? Failure)?.message ?? "\(error)"
        }
        guard asJSON else {
            let later = pending.isEmpty ? "" : "; at the next start \(pending.joined(separator: ", "))"
            return try output.writeLine("reloaded", problem ?? "all files\(later)")
        }
        var object = JSONObject()
        object.add("state", string: "reloaded")
        if let problem { object.add("problem", string: problem) }
        if !pending.isEmpty { object.add("next-start", string: pending.joined(separator: ", ")) }
        try output.write(object)
    }

    /// Says how it stands.
    func write(_ state: String, _ broker: MemoryBroker, _ server: BrokerServer) throws {
        let (counts, statistics) = (broker.statistics, server.statistics)
        let figures = [
            ("clients", statistics.connections), ("sessions", statistics.sessions), ("published", statistics.published),
            ("waiting", broker.presence.queues.reduce(0) { $0 + $1.waiting }), ("queued", statistics.queued),
            ("dropped", statistics.dropped), ("refused", counts.refused),
            ("faults", statistics.faults), ("store-failures", statistics.storeFailures),
        ]
        guard asJSON else {
            return try output.writeLine(state, figures.map { "\($0) \($1)" }.joined(separator: ", "))
        }
        var object = JSONObject()
        object.add("state", string: state)
        for (name, count) in figures { object.add(name, integer: count) }
        object.add("time", string: Moment().timestamp)
        try output.write(object)
    }
}

extension QueueOverflow {
    /// What a file calls it.
    fileprivate var key: String {
        switch self {
        case .suspend: "suspend"
        case .reject: "reject"
        case .dropOldest: "drop-oldest"
        }
    }
}
