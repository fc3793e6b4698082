import Martlet
import MartletRelay
import MartletSettings

extension SinkAddress {
    /// The keys that name a sink.
    static let keys = ["carbon", "file", "console"]

    /// Reads a sink's table.
    ///
    /// - Parameters:
    ///   - kind: one of ``keys``.
    ///   - folder: that of the file, which relative paths are relative to.
    init(_ kind: String, _ node: SettingsNode, relativeTo folder: String) throws(SettingsError) {
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
            let port = try table.int("port", in: 1...65_535) ?? CarbonSink.defaultPort
            try table.finish("carbon")
            self = .carbon(host: host, port: port, options)
        case "file":
            guard let path = try table.text("path") else { throw node.error("the key path is missing") }
            var options = FileOptions()
            options.format = try Self.format(&table)
            options.isSynced = try table.choice("sync", ["never": false, "always": true]) ?? false
            options.maximumBytes = try table.bytes("limit", in: 4_096...(1 << 50))
            try table.finish("a file")
            self = .file(FilePath.resolved(path, in: folder), options)
        default:
            let format = try Self.format(&table)
            try table.finish("console")
            self = .console(format)
        }
    }

    private static func format(_ table: inout SettingsTable) throws(SettingsError) -> LineFormat {
        try table.choice("format", ["body": .body, "json": .json]) ?? .body
    }
}
