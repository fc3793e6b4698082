import Martlet
import MartletSettings

extension BridgeSettings {
    /// Reads a file.
    ///
    /// - Throws: ``Failure``, which says where what is wrong in it.
    init(file: String) throws {
        do throws(SettingsError) {
            try self.init(yaml: FileContents.text(of: file), in: FilePath.folder(of: file))
        } catch {
            throw error.failure(in: file)
        }
    }

    /// Reads a text.
    ///
    /// - Parameter folder: what relative paths in it are relative to.
    init(yaml text: String, in folder: String = "") throws(SettingsError) {
        var table = try SettingsTable(YAMLReader.tree(of: text))
        if let relay = try RelaySections(&table, relativeTo: folder) {
            self = relay.settings
            return
        }
        name = try table.text("name")
        let fromNode = table.find("from")
        let toNode = table.find("to")
        options.hopLimit = try table.int("hop-limit", in: 1...255) ?? options.hopLimit
        options.marking =
            try table.choice("marking", ["always": .always, "where-native": .whereNative, "never": .never])
            ?? options.marking
        options.drainLimit = try table.duration("drain-limit", from: .zero) ?? options.drainLimit
        report = try table.read("report") { node throws(SettingsError) in try ReportSettings(node, relativeTo: folder) }
        let defaultsNode = table.find("defaults")
        let nodes = try table.list("routes")
        try table.finish("a bridge")
        guard let fromNode else { throw table.node.error("the key from is missing: the broker to bridge from") }
        guard let toNode else { throw table.node.error("the key to is missing: the broker to bridge to") }
        (from, options.fromBroker) = try End.read(fromNode, on: .from, relativeTo: folder)
        (to, options.toBroker) = try End.read(toNode, on: .to, relativeTo: folder)
        let ends = RouteEnds(from: from.address, to: to.address)
        let defaults = try defaultsNode.map { node throws(SettingsError) in try RouteDefaults(node, ends) }
        guard let nodes, !nodes.isEmpty else { throw table.node.error("there is no route in routes") }
        routes = []
        for node in nodes {
            routes.append(
                try RouteSettings(node, ends, defaults: defaults ?? RouteDefaults(ends), relativeTo: folder)
            )
        }
        try checkFolders()
    }

    /// Two routes in one folder would read each other's messages.
    private func checkFolders() throws(SettingsError) {
        var users: [String: String] = [:]
        for route in routes {
            guard let folder = route.options.store?.folder else { continue }
            if let other = users.updateValue(route.path, forKey: folder) {
                throw SettingsError(
                    "its store is in the folder of \(other)'s; each has its own",
                    path: route.path,
                    at: route.place
                )
            }
        }
    }
}
