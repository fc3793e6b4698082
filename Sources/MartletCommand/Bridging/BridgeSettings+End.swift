import Martlet
import MartletBrokers
import MartletSettings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension BridgeSettings.End {
    /// Reads what stands on a side: a URL alone, or a table.
    ///
    /// - Returns: also what all bridges call the broker.
    static func read(
        _ node: SettingsNode,
        on side: BridgeSide,
        relativeTo folder: String
    ) throws(SettingsError) -> (end: BridgeSettings.End, broker: String?) {
        if case .text(let text, _) = node.value {
            return (try BridgeSettings.End(address: address(text, on: side, node)), nil)
        }
        if let end = try other(node, on: side, relativeTo: folder) { return (end, nil) }
        var table = try SettingsTable(node, or: "a URL")
        guard let urlNode = table.find("url") else { throw node.error("the key url is missing") }
        let text = try urlNode.text()
        let client = try table.text("client")
        let broker = try table.text("name")
        let user = try table.text("user")
        let password = try secret("password", &table, relativeTo: folder)
        let tls = try table.read("tls") { node throws(SettingsError) in try Self.tls(node, relativeTo: folder) }
        try table.finish("a broker")
        _ = try address(text, on: side, urlNode)
        guard user != nil || password != nil || tls != nil else {
            return (try BridgeSettings.End(address: address(text, on: side, urlNode), client: client), broker)
        }
        guard var url = try? BrokerURL(text) else {
            throw urlNode.error("it is no URL of a broker to which user, password or tls mean anything")
        }
        if let user {
            guard url.user ?? "" == "" else { throw node.error("the URL names a user already") }
            url.user = user
        }
        if let password {
            guard url.password == nil else { throw node.error("the URL has a password already") }
            url.password = password
        }
        if let tls {
            guard ["mqtts", "amqps", "rediss"].contains(url.scheme) else {
                throw node.error("tls needs a URL that speaks it: mqtts:, amqps: or rediss:")
            }
            url.query += tls
        }
        return (try BridgeSettings.End(address: address(url.written, on: side, urlNode), client: client), broker)
    }

    /// Reads a source or a sink: a table of one of their keys.
    ///
    /// - Returns: `nil` if it is neither.
    private static func other(
        _ node: SettingsNode,
        on side: BridgeSide,
        relativeTo folder: String
    ) throws(SettingsError) -> BridgeSettings.End? {
        guard case .table = node.value else { return nil }
        var table = try SettingsTable(node)
        let keys = side == .from ? SourceAddress.keys + SinkAddress.keys : SinkAddress.keys
        guard let key = keys.first(where: table.has), let section = table.find(key) else { return nil }
        let client = try table.text("client")
        try table.finish(side == .from ? "a source" : "a sink")
        let address: EndAddress =
            side == .from && SourceAddress.keys.contains(key)
            ? .source(try SourceAddress(key, section, relativeTo: folder))
            : .sink(try SinkAddress(key, section, relativeTo: folder))
        try node.checking { try address.check(on: side) }
        return BridgeSettings.End(address: address, client: client)
    }

    private static func address(
        _ text: String,
        on side: BridgeSide,
        _ node: SettingsNode
    ) throws(SettingsError) -> EndAddress {
        do {
            if let address = try EndAddress(url: text, on: side) { return address }
        } catch {
            throw node.error((error as? MessagingError)?.message ?? "\(error)")
        }
        guard let address = BrokerAddress(text) else {
            throw node.error("it is no broker's URL; there is \(EndAddress.known)")
        }
        return .broker(address)
    }

    /// Reads a secret from where a file says: `…-file` or `…-env`.
    static func secret(
        _ name: String,
        _ table: inout SettingsTable,
        relativeTo folder: String
    ) throws(SettingsError) -> String? {
        try table.exclude("\(name)-file", "\(name)-env")
        let (file, variable) = (table.find("\(name)-file"), table.find("\(name)-env"))
        if let variable {
            // Its name is not told: somebody may have written the secret there.
            guard let value = getenv(try variable.text()).map({ String(cString: $0) }), !value.isEmpty else {
                throw variable.error("the environment variable that it names is not set, or empty")
            }
            return value
        }
        guard let file else { return nil }
        let path = FilePath.resolved(try file.text(), in: folder)
        let text: String
        do {
            text = try FileContents.text(of: path)
        } catch {
            // Nor is its path.
            throw file.error("the file that it names can't be read, or is no text")
        }
        // Editors end a file with a line end, and echo does.
        let secret = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard let first = secret.first, !first.isEmpty, secret.dropFirst().allSatisfy(\.isEmpty) else {
            throw file.error("the file that it names does not hold one line")
        }
        return String(first)
    }

    /// The options of a URL that say the same.
    static func tls(
        _ node: SettingsNode,
        relativeTo folder: String
    ) throws(SettingsError) -> [BrokerURL.Option] {
        var table = try SettingsTable(node)
        var options: [BrokerURL.Option] = []
        for (key, option) in [
            ("ca-file", "cafile"), ("ca-folder", "capath"), ("certificate-file", "certfile"), ("key-file", "keyfile"),
        ] {
            guard let path = try table.text(key) else { continue }
            options.append(.init(option, FilePath.resolved(path, in: folder)))
        }
        if let secret = try secret("key-password", &table, relativeTo: folder) {
            options.append(.init("keypassword", secret))
        }
        if let name = try table.text("server-name") { options.append(.init("servername", name)) }
        let checks: KeyValuePairs = ["full": "full", "no-host-name": "no-host-name", "none": "none"]
        if let check = try table.choice("verify", checks) { options.append(.init("verify", check)) }
        if let version = try table.choice("minimum-version", ["1.2": "1.2", "1.3": "1.3"]) {
            options.append(.init("tlsversion", version))
        }
        try table.finish("tls")
        return options
    }
}
