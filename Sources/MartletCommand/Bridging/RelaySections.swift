import Martlet
import MartletBrokers
import MartletSettings

/// A relay as mulay's files say it: a section for where messages come from, and one beside it for where they go.
struct RelaySections {
    let settings: BridgeSettings

    private static let brokers = ["mqtt", "amqp"]
    /// What mulay calls its topic and its queue, unless told.
    private static let standardName = "mulay"
    /// Where mulay finds Carbon, unless told.
    private static let carbonPort = 2_023

    /// - Parameter folder: that of the file, which relative paths are relative to.
    /// - Returns: `nil` if the file has other keys than such sections.
    init?(_ table: inout SettingsTable, relativeTo folder: String) throws(SettingsError) {
        // What may stand at either end is a sink where there is a broker.
        let brokers = Self.brokers.filter(table.has)
        let sources = brokers.isEmpty ? SourceAddress.keys.filter(table.has) : brokers
        let sinks = SinkAddress.keys.filter { table.has($0) && !sources.contains($0) }
        guard let source = sources.first, let sink = sinks.first else { return nil }
        guard sources.count == 1, sinks.count == 1, let from = table.find(source), let to = table.find(sink) else {
            throw table.node.error("a relay has one section where from and one where to")
        }
        let end = EndAddress.sink(try SinkAddress(sink, to, relativeTo: folder, carbonPort: Self.carbonPort))
        let (address, kind): (EndAddress, RouteSettings.Kind)
        switch source {
        case "mqtt": (address, kind) = try Self.mqtt(from, relativeTo: folder)
        case "amqp": (address, kind) = try Self.amqp(from, relativeTo: folder)
        default:
            address = .source(try SourceAddress(source, from, relativeTo: folder))
            kind = .topics("#", as: "{topic}", .forth)
        }
        var route = RouteSettings(kind: kind)
        route.place = from.place
        route.path = source
        route.options = RouteOptions(for: RouteEnds(from: address, to: end))
        let name = try table.text("name")
        try table.finish("a relay")
        settings = BridgeSettings(
            name: name,
            from: .init(address: address),
            to: .init(address: end),
            routes: [route]
        )
    }

    private static func mqtt(
        _ node: SettingsNode,
        relativeTo folder: String
    ) throws(SettingsError) -> (EndAddress, RouteSettings.Kind) {
        var table = try SettingsTable(node)
        guard let hostNode = table.find("host") else { throw node.error("the key host is missing") }
        let host = try hostNode.text()
        let port = try table.int("port", in: 1...65_535) ?? 1_883
        let topic = try table.text("topic") ?? standardName
        let user = try text("user", &table)
        let password = try password(&table, relativeTo: folder)
        try table.finish("mqtt")
        // A name with a colon is an address of IPv6.
        guard var url = try? BrokerURL("mqtt://\(host.contains(":") ? "[\(host)]" : host):\(port)") else {
            throw hostNode.error("it is no name of a host")
        }
        url.user = user
        url.password = password
        let address = BrokerAddress.mqtt(url.written)
        return (.broker(address), .topics(address.pattern(topic), as: "{topic}", .forth))
    }

    private static func amqp(
        _ node: SettingsNode,
        relativeTo folder: String
    ) throws(SettingsError) -> (EndAddress, RouteSettings.Kind) {
        var table = try SettingsTable(node)
        guard let urlNode = table.find("url") else { throw node.error("the key url is missing") }
        let text = try urlNode.text()
        let queue = try table.text("queue") ?? standardName
        try table.finish("amqp")
        guard var url = try? BrokerURL(text), ["amqp", "amqps"].contains(url.scheme) else {
            throw urlNode.error("it is no URL of an AMQP broker: it begins with amqp: or amqps:")
        }
        // As mulay declares it: a queue can't be declared in two ways.
        if !url.query.contains(where: { $0.name == "queue_type" }) {
            url.query.append(.init("queue_type", "transient"))
        }
        let address = BrokerAddress.amqp(url.written)
        let name = address.queue(queue)
        return (.broker(address), .queueToTopics(name, as: name.ownTopic.text))
    }

    /// The password itself, as mulay has it, or where it stands.
    private static func password(
        _ table: inout SettingsTable,
        relativeTo folder: String
    ) throws(SettingsError) -> String? {
        try table.exclude("password", "password-file")
        try table.exclude("password", "password-env")
        if table.has("password") { return try text("password", &table) }
        return try BridgeSettings.End.secret("password", &table, relativeTo: folder)
    }

    /// A text that may be empty, which is as if it were not there.
    private static func text(_ key: String, _ table: inout SettingsTable) throws(SettingsError) -> String? {
        if let node = table.find(key), case .text("", _) = node.value { return nil }
        return try table.text(key)
    }
}
