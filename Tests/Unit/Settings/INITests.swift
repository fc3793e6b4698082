import Testing

@testable import MartletSettings

@Suite("A file in INI", .timeLimit(.minutes(10)))
struct INITests {
    /// What a section says, with what it inherits.
    private func section(_ name: String, of text: String) throws -> [String: String] {
        let file = try SettingsFile(text, name: "a.ini", format: .ini)
        return try SettingsDecoder(environment: .none).decode([String: String].self, from: file, section: name)
    }

    @Test("has sections of keys and values")
    func readsSections() throws {
        let text = """
            # a comment
            ; another
            [one]
            a = 1
            b: two words
            C=3 ; a comment behind a value
            d = 4;5 # 6
            uri = amqp://u:p%40ss@h/%2F
            fraction = %(a)s 100%

            [ two ]   ; behind a section
            a = 2
            """
        #expect(
            try section("one", of: text) == [
                "a": "1", "b": "two words", "c": "3", "d": "4;5 # 6", "uri": "amqp://u:p%40ss@h/%2F",
                "fraction": "%(a)s 100%",
            ]
        )
        #expect(try section("two", of: text) == ["a": "2"])
    }

    @Test("goes on with a value on lines that begin with white space")
    func continues() throws {
        let text = "[a]\nhosts =\n  one\n\n\ttwo, three ; comment\n  # comment\nport = 1\r\n  [b]\r\n"
        #expect(try section("a", of: text) == ["hosts": "one\ntwo, three", "port": "1\n[b]"])
        struct Hosts: Decodable {
            var hosts: [String]
            var port: String
        }
        let file = try SettingsFile(text, name: "a.ini", format: .ini)
        let hosts = try SettingsDecoder(environment: .none).decode(Hosts.self, from: file, section: "a")
        #expect(hosts.hosts == ["one", "two", "three"])
    }

    @Test("says in DEFAULT what holds in each section, also in one that is not written")
    func inherits() throws {
        let text = "[DEFAULT]\na = 1\nb = 2\n[one]\nb = 3\n"
        #expect(try section("one", of: text) == ["a": "1", "b": "3"])
        #expect(try section("other", of: text) == ["a": "1", "b": "2"])
        #expect(try section("DEFAULT", of: text) == ["a": "1", "b": "2"])
        // What is inherited is for all: a section need not know it. What stands in it, it must.
        struct B: Decodable { var b: Int }
        let file = try SettingsFile(text, name: "a.ini", format: .ini)
        #expect(try SettingsDecoder(environment: .none).decode(B.self, from: file, section: "one").b == 3)
        let wrong = try SettingsFile(text + "c = 4\n", name: "a.ini", format: .ini)
        let error = #expect(throws: SettingsError.self) {
            try SettingsDecoder(environment: .none).decode(B.self, from: wrong, section: "one")
        }
        #expect(error?.description == "a.ini:6:1: one: the section has no key \"c\"; it has b")
        // A value that is inherited is wrong where it is written.
        let inherited = #expect(throws: SettingsError.self) {
            try SettingsDecoder(environment: .none).decode([String: Bool].self, from: file, section: "other")
        }
        #expect(inherited?.description.hasPrefix("a.ini:3:5: DEFAULT.b: it is \"2\"") == true, "\(inherited!)")
    }

    @Test(
        "that is wrong is told where",
        arguments: [
            ("a = 1", "1:1", "before the first section"), ("[a", "1:1", "not closed"),
            ("[a] b", "1:5", "something else"),
            ("[]", "1:1", "no name"), ("[a]\n[b]\n[a]", "3:1", "more than one section \"a\""),
            ("[a]\n= 1", "2:1", "a key is missing"), ("[a]\n  word", "2:3", "neither a section"),
            ("[a]\nb = 1\nword", "3:1", "neither a section"),
            ("[a]\nb = 1\nB = 2", "3:1", "the key \"b\" more than once"),
            ("[a]\nb = \u{0}", "2:5", "control character"), ("[a]\r\nb = 1\u{7}", "2:6", "control character"),
        ]
    )
    func findsFaults(text: String, place: String, hint: String) {
        let error = #expect(throws: SettingsError.self) { try SettingsFile(text, name: "a.ini", format: .ini) }
        #expect(error?.description.hasPrefix("a.ini:\(place): ") == true, "\(error?.description ?? "")")
        #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
    }

    @Test("of many sections, keys or lines is read in a time in proportion to it")
    func bearsSize() throws {
        let keys = (0..<2_000).map { "k\($0) = 1\n" }.joined()
        let sections = (0..<2_000).map { "[s\($0)]\n" }.joined()
        #expect(try section("s7", of: "[DEFAULT]\n" + keys + sections).count == 2_000)
        let lines = String(repeating: " x\n", count: 100_000)
        #expect(try section("a", of: "[a]\nb =\n" + lines)["b"]?.utf8.count == 199_999)
    }
}
