import Martlet
import MartletRelay
import MartletSettings

extension SourceAddress {
    /// The keys that name a source.
    static let keys = ["events", "slack"]

    /// Reads a source's table.
    ///
    /// - Parameters:
    ///   - kind: one of ``keys``.
    ///   - folder: that of the file, which relative paths are relative to.
    init(_ kind: String, _ node: SettingsNode, relativeTo folder: String) throws(SettingsError) {
        var table = try SettingsTable(node)
        let positions = try table.text("positions").map { FilePath.resolved($0, in: folder) }
        switch kind {
        case "events":
            guard let url = try table.secret("url", relativeTo: folder) else {
                throw node.error("the key url is missing")
            }
            var options = EventSourceOptions()
            options.web = try WebOptions(&table, options.web, relativeTo: folder)
            options.headers = try table.headers(relativeTo: folder)
            options.reconnectionTime = try table.duration("reconnection-time") ?? options.reconnectionTime
            options.maximumEventBytes = try table.bytes("event-limit", in: 256...(1 << 30)) ?? options.maximumEventBytes
            self = .events(url, options, positions: positions)
        default:
            var options = try SlackOptions(&table, relativeTo: folder)
            options.acknowledgement =
                try table.read("acknowledge") { node throws(SettingsError) in try Self.acknowledgement(node) } ?? .none
            self = .slack(options, positions: positions)
        }
        try table.finish(kind == "events" ? "a stream of events" : "a channel of Slack")
        try node.checking { try check() }
    }

    /// `delete`, or `{reaction: eyes}`, whose name may have the colons with which it is written in a message.
    private static func acknowledgement(_ node: SettingsNode) throws(SettingsError) -> SlackOptions.Acknowledgement {
        guard case .table = node.value else {
            guard try node.text() == "delete" else { throw node.wrong("delete or {reaction: name}") }
            return .deletion
        }
        var table = try SettingsTable(node)
        guard let name = try table.text("reaction")?.filter({ $0 != ":" }), !name.isEmpty else {
            throw node.wrong("delete or {reaction: name}")
        }
        try table.finish("what becomes of a message")
        return .reaction(name)
    }
}

extension SlackOptions {
    /// Reads the keys that a channel has at either end.
    init(_ table: inout SettingsTable, relativeTo folder: String) throws(SettingsError) {
        guard let token = try table.secret("token", relativeTo: folder) else {
            throw table.node.error("one of the keys token, token-file and token-env is missing")
        }
        guard let channel = try table.text("channel") else { throw table.node.error("the key channel is missing") }
        self.init(token: token, channel: channel)
        base = try table.text("api") ?? base
        interval = try table.duration("interval")
        mark = try table.text("mark") ?? mark
        web = try WebOptions(&table, web, relativeTo: folder)
    }
}

extension WebOptions {
    /// Reads the keys by which every server of the web is spoken to.
    init(_ table: inout SettingsTable, _ defaults: WebOptions, relativeTo folder: String) throws(SettingsError) {
        self = defaults
        connectTimeout = try table.duration("connect-timeout") ?? connectTimeout
        timeout = try table.duration("timeout") ?? timeout
        tls = try table.read("tls") { node throws(SettingsError) in try TLSOptions(node, relativeTo: folder) } ?? tls
    }
}

extension TLSOptions {
    /// Reads the same keys as a broker's.
    fileprivate init(_ node: SettingsNode, relativeTo folder: String) throws(SettingsError) {
        let written = try BridgeSettings.End.tls(node, relativeTo: folder)
        var url = BrokerURL(scheme: "https", hosts: [.init("server")], query: written).options()
        do {
            guard let options = try url.tls(isUsed: true) else { throw MessagingError(.unsupported, "there is no TLS") }
            try url.finish()
            self = options
        } catch {
            throw node.error((error as? MessagingError)?.message ?? "\(error)")
        }
    }
}

extension SettingsTable {
    /// A secret: in the file itself, as mulay has it, or where the file says.
    mutating func secret(_ key: String, relativeTo folder: String) throws(SettingsError) -> Secret? {
        for other in ["\(key)-file", "\(key)-env"] { try exclude(key, other) }
        if let text = try text(key) { return Secret(text) }
        return try BridgeSettings.End.secret(key, &self, relativeTo: folder).map { Secret($0) }
    }

    /// What is sent with each request: a table of names and values, which are texts, or say where they stand.
    mutating func headers(relativeTo folder: String) throws(SettingsError) -> [String: Secret] {
        try read("headers") { node throws(SettingsError) in
            var table = try SettingsTable(node)
            guard case .table(let members) = node.value else { throw node.wrong("a table of names and values") }
            var headers: [String: Secret] = [:]
            for member in members {
                let name = ["-file", "-env"].first(where: member.key.hasSuffix).map {
                    String(member.key.dropLast($0.count))
                }
                headers[(name ?? member.key).lowercased()] = try table.secret(name ?? member.key, relativeTo: folder)
            }
            try table.finish("a table of headers")
            return headers
        } ?? [:]
    }
}

extension SettingsNode {
    /// Says of what is wrong where it stands.
    func checking(_ body: () throws -> Void) throws(SettingsError) {
        do {
            try body()
        } catch {
            throw self.error((error as? MessagingError)?.message ?? "\(error)")
        }
    }
}
