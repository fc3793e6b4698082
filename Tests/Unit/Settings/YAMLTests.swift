import Testing

@testable import MartletSettings

@Suite("A file in YAML", .timeLimit(.minutes(10)))
struct YAMLTests {
    @Test("is a tree whose pieces know their place and their keys")
    func knowsPlaces() throws {
        let root = try YAMLReader.tree(of: "a: 1\nb:\n  - c: \"2\"\n  - ~\n")
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

    @Test("a time that is too short is told the least that is allowed")
    func namesLeastTime() throws {
        let node = try YAMLReader.tree(of: "0.5ms")
        for (minimum, text) in [(Duration.milliseconds(1), "of at least 1ms,"), (.seconds(90), "of at least 90s,")] {
            let error = #expect(throws: SettingsError.self) { try node.duration(from: minimum) }
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        }
        #expect(try node.duration(from: .zero) == .microseconds(500))
    }

    private static let laughs =
        "a: &a [x, x, x, x]\n"
        + (1..<10).map { level in
            let (name, inner) = (Array("abcdefghij")[level], Array("abcdefghij")[level - 1])
            return "\(name): &\(name) [\(Array(repeating: "*\(inner)", count: 9).joined(separator: ", "))]\n"
        }
        .joined()

    /// Each anchor is nested in the next, so that a key is deeper than the parser's stack.
    private static func wells(_ open: String, _ close: String) -> String {
        (0..<14).map { level in
            let inner = level == 0 ? "x" : "*a\(level - 1)"
            let (begin, end) = (String(repeating: open, count: 900), String(repeating: close, count: 900))
            return "a\(level): &a\(level)\(open == "- " ? "\n " : " ")\(begin)\(inner)\(end)\n"
        }
        .joined() + "? *a13\n: x\n"
    }

    static let hostile: [(name: String, text: String, hint: String)] = [
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
        ("deep wells", wells("[", "]"), "anchors"), ("deep wells of dashes", wells("- ", ""), "anchors"),
        ("an anchor", "a: &a 1", "anchors"), ("an alias of nothing", "a: *b", "alias"),
        ("a tag", "a: !b 1", "tags"), ("a tag that computes", "a: !!python/object/apply:os.system [ls]", "tags"),
        ("two documents", "a: 1\n---\nb: 1\n", "another document"),
        ("a table for a key", "{a: 1}: 2", "a key is a table"),
        ("half a character", "a: \"\\uD800\"", "no YAML"), ("a character beyond all", "a: \"\\U00110000\"", "no YAML"),
        ("an open quote", "a: \"b", "no YAML"), ("a tab", "a:\n\tb: 1", "no YAML"),
        ("two of a key", "a: 1\na: 2", "once"),
    ]

    @Test("that would harm its reader is refused, at a line and a column", arguments: hostile.indices)
    func refusesHostility(index: Int) {
        let (name, text, hint) = Self.hostile[index]
        let error = #expect(throws: SettingsError.self) { try YAMLReader.tree(of: text) }
        #expect(error?.message.contains(hint) == true, "\(name): \(error?.message ?? "")")
        #expect(error?.place != nil, "\(name)")
    }

    @Test("may hold nothing", arguments: ["", "\n\n", "# a\n", "---\n", "~"])
    func allowsNothing(text: String) throws {
        #expect(try YAMLReader.tree(of: text).value == .nothing)
    }

    @Test("that is indented by tabs is told about spaces")
    func namesTabs() {
        let error = #expect(throws: SettingsError.self) { try YAMLReader.tree(of: "carbon:\n\thost: a\n") }
        #expect(error?.message.contains("YAML is indented by spaces") == true, "\(error?.message ?? "")")
        #expect(error?.place == .init(line: 2, column: 1))
    }

    @Test("with long keys above many values takes no more memory than its size")
    func sharesPaths() throws {
        let text = String(repeating: "k", count: 1_000) + ": [" + String(repeating: "1, ", count: 200_000) + "1]"
        guard case .table(let members) = try YAMLReader.tree(of: text).value else { return }
        let elements = try members[0].node.list()
        #expect(elements.count == 200_001)
        #expect(elements[7].path == String(repeating: "k", count: 77) + "…[7]")
    }

    @Test("may hold what only looks like anchors")
    func allowsOtherSigns() throws {
        let urls = (0..<100).map { "- mqtt://host?a=1&b=2&c=\($0)\n- \"*.\($0)\"\n- a *\($0)* b\n" }.prefix(9)
        let tree = try YAMLReader.tree(of: urls.joined())
        #expect(try tree.list().count == 27)
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
