import ArgumentParser
import Foundation
import IntegrationSupport
import MartletSettings
import Testing

@testable import MartletCommand

/// What the documents say about files of settings is true.
@Suite("The article on bridges", .timeLimit(.minutes(10)))
struct SettingsArticleTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Those that show files of bridges; files of other kinds stand beside the modules that they are for.
    private static var documents: [URL] {
        let folder = root.appending(path: "Sources/Martlet")
        let paths = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        let files = paths?.compactMap { $0 as? URL } ?? []
        let page = "Sources/MartletServer/MartletServer.docc/WhereOneMachineIsNotEnough.md"
        return ["README.md", page].map { root.appending(path: $0) } + files.filter { $0.pathExtension == "md" }
    }

    @Test("every file that the documents show is one that works")
    func showsFilesThatWork() throws {
        let folder = try TemporaryFolder("article")
        defer { folder.remove() }
        let secret = try folder.write("secret\n", to: "secret")
        var files = 0
        for document in Self.documents {
            let text = try String(contentsOf: document, encoding: .utf8)
            for block in text.components(separatedBy: "```yaml\n").dropFirst() {
                let yaml = try #require(block.components(separatedBy: "```").first)
                    .replacing("/run/secrets/cloud", with: secret)
                files += 1
                let ways = try PlannedWay.list(for: BridgeSettings(yaml: yaml), ConnectionArguments.parse([]))
                #expect(!ways.isEmpty)
            }
        }
        #expect(files >= 2)
    }

    @Test(
        "has every key in its tables",
        arguments: [
            "KEY: 1", "from: {url: mqtt://a, KEY: 1}\nto: a\nroutes: []",
            "from: {url: mqtts://a, tls: {KEY: 1}}\nto: a\nroutes: []",
            "from: mqtt://a\nto: mqtt://b\ndefaults: {KEY: 1}",
            "from: mqtt://a\nto: {carbon: {host: a, KEY: 1}}\nroutes: []",
            "from: mqtt://a\nto: {file: {path: a, KEY: 1}}\nroutes: []",
            "from: mqtt://a\nto: {console: {KEY: 1}}\nroutes: []",
            "from: mqtt://a\nto: {slack: {token: a, channel: b, KEY: 1}}\nroutes: []",
            "from: mqtt://a\nto: {slack: {hook: \"https://a\", KEY: 1}}\nroutes: []",
            "from: mqtt://a\nto: {webhook: {url: \"https://a\", KEY: 1}}\nroutes: []",
            "from: mqtt://a\nto: {events: {listen: \"a:1\", KEY: 1}}\nroutes: []",
            "from: {events: {url: \"https://a\", KEY: 1}}\nto: mqtt://a\nroutes: []",
            "from: {slack: {token: a, channel: b, KEY: 1}}\nto: mqtt://a\nroutes: []",
            "from: mqtt://a\nto: mqtt://b\nreport: {KEY: 1}\nroutes: []",
            "mqtt: {host: a, KEY: 1}\nconsole:", "amqp: {url: \"amqp://a\", KEY: 1}\nconsole:",
        ]
            + [
                "topic: a, KEY: 1", "queue: a, KEY: 1", "rpc: a, KEY: 1", "action: a, KEY: 1",
                "topic: a, retry: {KEY: 1}",
                "topic: a, rate: {per-second: 1, KEY: 1}", "topic: a, sampling: {KEY: 1}",
                "topic: a, only-if-changed: {KEY: 1}", "topic: a, dead-letters: {queue: a, KEY: 1}",
                "topic: a, metrics: {KEY: 1}",
                "topic: a, only-if: [{field: a, KEY: 1}]", "topic: a, store: {folder: a, KEY: 1}",
            ].map { "from: mqtt://a\nto: mqtt://b\nroutes: [{\($0)}]" }
    )
    func hasAllKeys(text: String) throws {
        let article = Self.root.appending(path: "Sources/Martlet/Martlet.docc/Bridges.md")
        let document = try String(contentsOf: article, encoding: .utf8)
        let error = #expect(throws: SettingsError.self) { try BridgeSettings(yaml: text) }
        let message = try #require(error?.message)
        let keys = try #require(message.components(separatedBy: "it has ").last).components(separatedBy: ", ")
        #expect(message.contains("has no key \"KEY\"") && keys.count > 0, "\(message)")
        for key in keys { #expect(document.contains("`\(key)`"), "the article has no \(key)") }
    }
}
