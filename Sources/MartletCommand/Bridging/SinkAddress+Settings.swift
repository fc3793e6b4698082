import Martlet
import MartletRelay
import MartletSettings

extension SinkAddress {
    /// The keys that name a sink.
    static let keys = ["carbon", "file", "console", "slack", "webhook", "events"]

    /// Reads a sink's table.
    ///
    /// - Parameters:
    ///   - kind: one of ``keys``.
    ///   - folder: that of the file, which relative paths are relative to.
    ///   - carbonPort: where Carbon is, unless the table tells.
    init(
        _ kind: String,
        _ node: SettingsNode,
        relativeTo folder: String,
        carbonPort: Int = CarbonSink.defaultPort
    ) throws(SettingsError) {
        // `console:` alone says all there is to say.
        if kind == "console", case .nothing = node.value {
            self = .console(.body)
            return
        }
        var table = try SettingsTable(node)
        switch kind {
        case "carbon":
            guard let host = try table.text("host") else { throw node.error("the key host is missing") }
            var options = CarbonOptions()
            options.prefix = try table.text("prefix") ?? ""
            options.confirm = try table.choice("confirm", ["read": .read, "written": .written]) ?? options.confirm
            options.connectTimeout = try table.duration("connect-timeout") ?? options.connectTimeout
            options.timeout = try table.duration("timeout") ?? options.timeout
            self = .carbon(host: host, port: try table.int("port", in: 1...65_535) ?? carbonPort, options)
        case "file":
            guard let path = try table.text("path") else { throw node.error("the key path is missing") }
            var options = FileOptions()
            options.format = try Self.format(&table)
            options.isSynced = try table.choice("sync", ["never": false, "always": true]) ?? false
            options.maximumBytes = try table.bytes("limit", in: 4_096...(1 << 50))
            self = .file(FilePath.resolved(path, in: folder), options)
        case "slack": self = try Self.slack(&table, relativeTo: folder)
        case "webhook": self = try Self.webhook(&table, relativeTo: folder)
        case "events": self = .events(try EventSinkOptions(&table, relativeTo: folder))
        default: self = .console(try Self.format(&table))
        }
        try table.finish(kind)
        try node.checking { try check() }
    }

    private static func format(_ table: inout SettingsTable) throws(SettingsError) -> LineFormat {
        try table.choice("format", ["body": .body, "json": .json]) ?? .body
    }

    /// A channel by its token, or by an incoming hook.
    private static func slack(
        _ table: inout SettingsTable,
        relativeTo folder: String
    ) throws(SettingsError) -> SinkAddress {
        guard let hook = try table.secret("hook", relativeTo: folder) else {
            return .slack(try SlackOptions(&table, relativeTo: folder))
        }
        return .slackHook(
            hook,
            try WebOptions(&table, WebOptions(), relativeTo: folder),
            try table.duration("interval")
        )
    }

    private static func webhook(
        _ table: inout SettingsTable,
        relativeTo folder: String
    ) throws(SettingsError) -> SinkAddress {
        guard let url = try table.secret("url", relativeTo: folder) else {
            throw table.node.error("the key url is missing")
        }
        var options = WebhookOptions()
        options.web = try WebOptions(&table, options.web, relativeTo: folder)
        options.headers = try table.headers(relativeTo: folder)
        if let secret = try table.secret("secret", relativeTo: folder) { options.secrets = [secret] }
        return .webhook(url, options)
    }
}

extension EventSinkOptions {
    fileprivate init(_ table: inout SettingsTable, relativeTo folder: String) throws(SettingsError) {
        self.init()
        guard let address = try table.listenAddress() else { throw table.node.error("the key listen is missing") }
        (host, port) = address
        tls = try table.serverTLS(relativeTo: folder)
        if let node = table.find("path") {
            path = try node.text()
            guard path.hasPrefix("/") else { throw node.error("a path begins with /") }
        }
        token = try table.secret("token", relativeTo: folder)
        maximumEvents = try table.int("events", in: 1...10_000_000) ?? maximumEvents
        maximumBytes = try table.bytes("limit", in: 4_096...(1 << 40)) ?? maximumBytes
        maximumClients = try table.int("clients", in: 1...10_000) ?? maximumClients
        heartbeat = try table.duration("heartbeat") ?? heartbeat
    }
}
