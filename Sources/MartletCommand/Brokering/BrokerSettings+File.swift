import Martlet
import MartletServer
import MartletSettings

extension BrokerSettings {
    /// Reads a file.
    ///
    /// - Throws: ``Failure``, which says where what is wrong in it.
    init(file: String) throws {
        do throws(SettingsError) {
            try self.init(yaml: FileContents.text(of: file), in: FilePath.folder(of: file))
        } catch {
            throw error.failure(in: file, article: "The documentation of MartletServer")
        }
    }

    /// Reads a text.
    ///
    /// - Parameter folder: what relative paths in it are relative to.
    init(yaml text: String, in folder: String = "") throws(SettingsError) {
        var table = try SettingsTable(YAMLReader.tree(of: text))
        self.init()
        if let nodes = try table.list("listeners") {
            guard !nodes.isEmpty else { throw table.node.error("there is no listener in listeners") }
            listeners = []
            for node in nodes { listeners.append(try ListenerSettings(node, relativeTo: folder)) }
        }
        users = try table.text("users").map { FilePath.resolved($0, in: folder) }
        scram = try table.text("scram").map { FilePath.resolved($0, in: folder) }
        tokens = try table.read("jwt") { node throws(SettingsError) in try TokenSettings(node, relativeTo: folder) }
        acl = try table.text("acl").map { FilePath.resolved($0, in: folder) }
        try table.exclude("users", "anonymous")
        try table.exclude("scram", "anonymous")
        try table.exclude("jwt", "anonymous")
        isAnonymous = try table.bool("anonymous") ?? isAnonymous
        if let node = table.find("store") { (store, sync) = try Self.store(node, relativeTo: folder) }
        for node in try table.list("queues") ?? [] {
            let queue = try Queue(node)
            guard !queues.contains(where: { $0.name == queue.name }) else {
                throw node.error("the queue \(queue.name) is there twice")
            }
            queues.append(queue)
        }
        if let node = table.find("limits") { try readLimits(node) }
        queueGroup =
            try table.read("queue-group", Self.unlessFalse { node throws(SettingsError) in try node.text() })
            ?? queueGroup
        systemTopics =
            try table.read("system-topics", Self.unlessFalse { node throws(SettingsError) in try node.duration() })
            ?? systemTopics
        report = try table.duration("report") ?? report
        try table.finish("a broker")
    }

    /// What a function makes of a value; `nil` if that is `false`.
    private static func unlessFalse<Value>(
        _ read: @escaping (SettingsNode) throws(SettingsError) -> Value
    ) -> (SettingsNode) throws(SettingsError) -> Value? {
        { node throws(SettingsError) in
            if case .text("false", isQuoted: false) = node.value { return nil }
            return try read(node)
        }
    }

    private static func store(
        _ node: SettingsNode,
        relativeTo folder: String
    ) throws(SettingsError) -> (folder: String, sync: Duration?) {
        if case .text = node.value { return (FilePath.resolved(try node.text(), in: folder), nil) }
        var table = try SettingsTable(node, or: "a folder")
        guard let path = try table.text("folder") else { throw node.error("the key folder is missing") }
        let sync = try table.read("sync") { node throws(SettingsError) -> Duration? in
            if case .text("always", _) = node.value { return nil }
            return try node.duration()
        }
        try table.finish("a store")
        return (FilePath.resolved(path, in: folder), sync ?? nil)
    }

    private mutating func readLimits(_ node: SettingsNode) throws(SettingsError) {
        var table = try SettingsTable(node)
        func count(_ key: String, _ value: inout Int, from least: Int = 1, to most: Int = 1_000_000_000)
            throws(SettingsError)
        {
            value = try table.int(key, in: least...most) ?? value
        }
        func bytes(_ key: String, _ value: inout Int, to most: Int = 1 << 50) throws(SettingsError) {
            value = try table.bytes(key, in: 1...most) ?? value
        }
        func time(_ key: String, _ value: inout Duration) throws(SettingsError) {
            value = try table.duration(key) ?? value
        }
        try count("connections", &limits.connections)
        try count("connections-per-address", &limits.connectionsPerAddress)
        try count("connections-per-second", &limits.connectionsPerSecond)
        try count("sessions", &limits.sessions)
        try bytes("packet", &limits.packetBytes, to: 268_435_460)
        try count("in-flight", &limits.inFlight, to: 65_535)
        try count("receive-maximum", &limits.receiveMaximum, to: 65_535)
        try count("queued-messages", &limits.queuedMessages)
        try bytes("queued-bytes", &limits.queuedBytes)
        try bytes("all-queued-bytes", &limits.allQueuedBytes)
        limits.overflow =
            try table.choice(
                "overflow",
                ["drop-newest": .dropNewest, "drop-oldest": .dropOldest, "disconnect": .disconnect]
            ) ?? limits.overflow
        try count("subscriptions", &limits.subscriptions)
        try count("topic-levels", &limits.topicLevels, to: 65_535)
        try count("topic-aliases", &limits.topicAliases, from: 0, to: 65_535)
        try count("client-id-bytes", &limits.clientIDBytes, to: 65_535)
        try time("session-expiry", &limits.sessionExpiry)
        limits.keepAlive =
            try table.read("keep-alive") { node throws(SettingsError) -> UInt16 in
                guard let seconds = Self.keepAlive(try node.duration(from: .zero)) else {
                    throw node.wrong("\(Self.keepAliveForm),")
                }
                return seconds
            } ?? limits.keepAlive
        try time("connect-timeout", &limits.connectTimeout)
        try time("authentication-timeout", &limits.authenticationTimeout)
        try time("drain-timeout", &limits.drainTimeout)
        limits.isStrict = try table.bool("strict") ?? limits.isStrict
        try count("queues", &maximumQueues)
        try count("retained-topics", &retainedTopics, from: 0)
        try bytes("retained-bytes", &retainedBytes)
        try table.finish("a table of limits")
    }
}

extension BrokerSettings.Queue {
    fileprivate init(_ node: SettingsNode) throws(SettingsError) {
        if case .text = node.value {
            self.init(name: QueueName(mqtt: try node.text()))
            try check(node)
            return
        }
        var table = try SettingsTable(node, or: "a queue's name")
        guard let name = try table.text("name") else { throw node.error("the key name is missing") }
        self.init(name: QueueName(mqtt: name))
        options.limit = try table.int("limit", in: 1...1_000_000_000) ?? options.limit
        options.byteLimit = try table.bytes("byte-limit", in: 1...(1 << 50)) ?? options.byteLimit
        options.overflow =
            try table.choice(
                "overflow",
                ["suspend": .suspend, "reject": .reject, "drop-oldest": .dropOldest]
            ) ?? options.overflow
        options.timeToLive = try table.duration("time-to-live") ?? options.timeToLive
        options.maximumDeliveries = try table.int("maximum-deliveries", in: 1...1_000_000) ?? options.maximumDeliveries
        options.deadLetters = try table.text("dead-letters").map { QueueName(mqtt: $0) } ?? options.deadLetters
        try table.finish("a queue")
        try check(node)
    }

    private func check(_ node: SettingsNode) throws(SettingsError) {
        do {
            try name.validate()
            try options.deadLetters?.validate()
        } catch {
            throw node.error(error.message)
        }
    }
}

extension ListenerSettings {
    fileprivate init(_ node: SettingsNode, relativeTo folder: String) throws(SettingsError) {
        var table = try SettingsTable(node)
        self.init()
        isWebSocket = try table.choice("protocol", ["mqtt": false, "websocket": true]) ?? false
        for (one, others) in [
            ("unix", ["systemd", "host", "port", "tls", "protocol"]), ("systemd", ["host", "port"]),
        ] {
            for other in others { try table.exclude(one, other) }
        }
        let host = try table.text("host") ?? "127.0.0.1"
        let port = try table.int("port", in: 0...65_535)
        let (unix, systemd) = (try table.text("unix"), try table.text("systemd"))
        if let unix {
            place = .unix(path: FilePath.resolved(unix, in: folder))
        } else if let systemd {
            place = .systemd(name: systemd)
        } else {
            place = .address(host: host, port: port)
        }
        tls = try table.serverTLS(relativeTo: folder)
        for node in try table.list("origins") ?? [] {
            guard isWebSocket else { throw node.error("origins are for the protocol websocket") }
            origins.append(try node.text())
        }
        for node in try table.list("proxies") ?? [] { proxies.append(try node.text()) }
        try table.finish("a listener")
    }
}
