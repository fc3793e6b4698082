import Martlet
import MartletSettings

extension StoreOptions {
    /// - Parameter folder: that of the file of settings, which relative paths are relative to.
    init(_ node: SettingsNode, relativeTo folder: String) throws(SettingsError) {
        if case .text = node.value {
            self.init(folder: FilePath.resolved(try node.text(), in: folder))
            return
        }
        var table = try SettingsTable(node, or: "a folder")
        guard let path = try table.text("folder") else { throw node.error("the key folder is missing") }
        self.init(folder: FilePath.resolved(path, in: folder))
        // The library's own bounds, and no more than any disk has.
        segmentBytes = try table.bytes("segment", in: 4_096...(1 << 40)) ?? segmentBytes
        let least = segmentBytes * 2
        limit = try table.bytes("limit", in: least...(1 << 50)) ?? max(limit, least)
        maximumAge = try table.duration("maximum-age")
        overflow =
            try table.choice(
                "overflow",
                ["suspend": .suspend, "drop-oldest": .dropOldest, "drop-newest": .dropNewest]
            ) ?? overflow
        sync = try table.choice("sync", ["never": .never, "always": .always]) ?? sync
        try table.finish("a store")
    }
}
