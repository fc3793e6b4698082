import IntegrationSupport
import Testing

@testable import MartletCommand

@Suite("A file of settings", .timeLimit(.minutes(10)))
struct SettingsFileTests {
    @Test("is a tree whose pieces know their place and their keys")
    func knowsPlaces() throws {
        let root = try SettingsFile.tree(of: "a: 1\nb:\n  - c: \"2\"\n  - ~\n")
        guard case .table(let members) = root.value, case .list(let nodes) = members[1].node.value else {
            Issue.record("no table with a list: \(root)")
            return
        }
        #expect(members.map(\.key) == ["a", "b"])
        #expect(members[0].node.value == .text("1", isQuoted: false))
        #expect(members[1].place == .init(line: 2, column: 1))
        #expect(nodes.map(\.path) == ["b[0]", "b[1]"])
        #expect(nodes[1].value == .nothing)
        guard case .table(let inner) = nodes[0].value else { return }
        #expect(inner[0].node.value == .text("2", isQuoted: true))
        #expect(inner[0].node.place == .init(line: 3, column: 8))
        #expect(inner[0].node.path == "b[0].c")
    }

    private static let laughs =
        "a: &a [x, x, x, x]\n"
        + (1..<10).map { level in
            let (name, inner) = (Array("abcdefghij")[level], Array("abcdefghij")[level - 1])
            return "\(name): &\(name) [\(Array(repeating: "*\(inner)", count: 9).joined(separator: ", "))]\n"
        }
        .joined()

    static let hostile: [(name: String, text: String, hint: String)] = [
        ("nothing", "", "it is empty"), ("blank lines", "\n\n", "it is empty"), ("a comment", "# a\n", "it is empty"),
        ("a zero byte", "a: \0", "control characters"),
        ("lists in lists", String(repeating: "[", count: 100_000), "deep"),
        ("closed lists", String(repeating: "[", count: 900) + String(repeating: "]", count: 900), "deep"),
        ("tables in tables", String(repeating: "{a: ", count: 100_000), "deep"),
        ("dashes in a line", String(repeating: "- ", count: 100_000), "deep"),
        ("question marks in a line", String(repeating: "? ", count: 100_000), "deep"),
        (
            "dashes below each other",
            (0..<1_000).map { String(repeating: " ", count: $0) + "-\n" }.joined(), "deep"
        ),
        (
            "dashes behind separators of lines",
            (0..<1_000).map { String(repeating: " ", count: $0) + "-\u{2028}" }.joined(), "deep"
        ),
        ("a billion laughs", laughs, "anchors"),
        ("a billion laughs for a key", laughs + "? *j\n: x\n", "anchors"),
        ("few laughs for a key", "a: &a [x]\nb: &b [*a, *a]\n? *b\n: x\n", "anchors"),
        ("an anchor", "a: &a 1", "anchors"), ("an alias of nothing", "a: *b", "alias"),
        ("a tag", "a: !b 1", "tags"), ("a tag that computes", "a: !!python/object/apply:os.system [ls]", "tags"),
        ("two documents", "a: 1\n---\nb: 1\n", "another document"),
        ("a table for a key", "{a: 1}: 2", "a key is a table"),
        ("half a character", "a: \"\\uD800\"", "no YAML"), ("a character beyond all", "a: \"\\U00110000\"", "no YAML"),
        ("an open quote", "a: \"b", "no YAML"), ("a tab", "a:\n\tb: 1", "no YAML"),
        ("two of a key", "a: 1\na: 2", "once"),
    ]

    @Test("that would harm its reader is refused", arguments: hostile.indices)
    func refusesHostility(index: Int) {
        let (name, text, hint) = Self.hostile[index]
        let error = #expect(throws: SettingsError.self) { try SettingsFile.tree(of: text) }
        #expect(error?.message.contains(hint) == true, "\(name): \(error?.message ?? "")")
    }

    @Test("may hold what only looks like anchors")
    func allowsOtherSigns() throws {
        let urls = (0..<100).map { "- mqtt://host?a=1&b=2&c=\($0)\n- \"*.\($0)\"\n- a *\($0)* b\n" }.prefix(9)
        let tree = try SettingsFile.tree(of: urls.joined())
        #expect(try tree.list().count == 27)
    }

    @Test("is UTF-8 of a size, with or without its mark, and a file")
    func readsFiles() throws {
        let folder = try TemporaryFolder("settings")
        defer { folder.remove() }
        #expect(try SettingsFile.contents(of: folder.write("\u{FEFF}a: ä", to: "marked")) == "a: ä")
        let large = try folder.write(String(repeating: "#", count: SettingsFile.limit + 1), to: "large")
        #expect(throws: SettingsError("it has more than 1MiB")) { try SettingsFile.contents(of: large) }
        #expect(throws: SettingsError("it has more than 1MiB")) { try SettingsFile.contents(of: "/dev/zero") }
        for path in [folder.path, folder.path("none")] {
            let failure = #expect(throws: Failure.self) { try SettingsFile.contents(of: path) }
            #expect(failure?.exit == .noInput)
        }
    }

    @Test("says sizes as people write them")
    func readsSizes() {
        for (text, bytes) in [
            ("0", 0), ("17", 17), ("5B", 5), ("1KiB", 1_024), ("64MiB", 64 << 20), ("2GiB", 2 << 30), ("1TiB", 1 << 40),
            ("3kB", 3_000), ("3MB", 3_000_000),
        ] {
            #expect(SizeText.bytes(text) == bytes)
        }
        for text in [
            "", "-1", "1.5MiB", "MiB", "1mib", "1 MiB", "9999999999999999999", "999999999999999999TiB", "١MiB",
        ] {
            #expect(SizeText.bytes(text) == nil, "\(text)")
        }
        for text in ["64MiB", "1GiB", "1KiB", "17B"] { #expect(SizeText.bytes(text).map(SizeText.text) == text) }
    }

    @Test("paths in it are relative to it")
    func resolvesPaths() {
        #expect(FilePath.resolved("store", in: FilePath.folder(of: "/etc/site/bridge.yml")) == "/etc/site/store")
        #expect(FilePath.resolved("./store//a/", in: FilePath.folder(of: "site/bridge.yml")) == "site/store/a")
        #expect(FilePath.resolved("../store", in: FilePath.folder(of: "bridge.yml")) == "../store")
        #expect(FilePath.resolved("/store", in: FilePath.folder(of: "site/bridge.yml")) == "/store")
        #expect(FilePath.resolved("store", in: FilePath.folder(of: "/bridge.yml")) == "/store")
        #expect(FilePath.resolved(".", in: "") == ".")
    }
}
