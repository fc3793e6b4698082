import IntegrationSupport
import Testing

@testable import MartletSettings

@Suite("A file of settings", .timeLimit(.minutes(10)))
struct FileTests {
    private struct Port: Decodable, Equatable { var port: Int }

    private func port(_ file: SettingsFile?) throws -> Int {
        try SettingsDecoder(environment: .none).decode(Port.self, from: file, section: "a").port
    }

    @Test("is UTF-8 of a size, with or without its mark")
    func readsFiles() throws {
        let folder = try TemporaryFolder("settings")
        defer { folder.remove() }
        #expect(try FileContents.text(of: folder.write("\u{FEFF}a: ä", to: "marked")) == "a: ä")
        let large = try folder.write(String(repeating: "#", count: FileContents.limit + 1), to: "large.yml")
        for path in [large, "/dev/zero"] {
            let error = #expect(throws: SettingsError.self) { try SettingsFile(contentsOf: path) }
            #expect(error?.description == "\(path): it has more than 1MiB")
        }
        #expect(throws: SettingsError.self) {
            try SettingsFile(String(repeating: "#", count: FileContents.limit + 1), name: "large")
        }
        for (path, reason) in [(folder.path, "Is a directory"), (folder.path("none"), "No such file or directory")] {
            let error = #expect(throws: SettingsError.self) { try SettingsFile(contentsOf: path) }
            #expect(error?.description == "\(path): it can't be read: \(reason)")
        }
    }

    @Test("that is not UTF-8 is told where")
    func findsBadText() throws {
        let error = #expect(throws: SettingsError.self) {
            try FileContents.text(of: Array("a: ä\nb: ö".utf8) + [0xFF, 0x61])
        }
        #expect(error?.place == .init(line: 2, column: 5))
        let replaced = #expect(throws: SettingsError.self) {
            try FileContents.text(of: Array("\u{FFFD}".utf8) + [0xC3])
        }
        #expect(replaced?.place == .init(line: 1, column: 2))
    }

    @Test("is the first one that there is")
    func findsFirst() throws {
        let folder = try TemporaryFolder("settings")
        defer { folder.remove() }
        let yaml = try folder.write("a: {port: 1}", to: "a.yml")
        let ini = try folder.write("[a]\nport = 2", to: "a.ini")
        let other = try folder.write("[a]\nport = 3", to: "farine")
        let none = folder.path("none.yml")
        func first(_ locations: SettingsLocation..., in variables: [String: String] = [:]) throws -> Int? {
            guard let file = try SettingsFile.first(of: locations, environment: .init(variables)) else { return nil }
            return try port(file)
        }
        #expect(try first(.path(none), .path(ini), .path(yaml)) == 2)
        #expect(try first(.named(nil), .variable("CONFIG"), .path(yaml)) == 1)
        #expect(try first(.named(ini), .path(yaml)) == 2)
        #expect(try first(.variable("CONFIG"), .path(yaml), in: ["CONFIG": ini]) == 2)
        #expect(try first(.variable("CONFIG"), .path(yaml), in: ["CONFIG": ""]) == 1)
        #expect(try first(.variable("FARINE_INI", .ini), .path(yaml), in: ["FARINE_INI": other]) == 3)
        #expect(try first(.path(none), "nowhere/at/all.yml") == nil)
        #expect(try first(.path(yaml + "/under/a/file"), .path(ini)) == 2)
    }

    @Test("that somebody has named has to be there")
    func demandsNamed() throws {
        let folder = try TemporaryFolder("settings")
        defer { folder.remove() }
        let yaml = try folder.write("a: {port: 1}", to: "a.yml")
        let none = folder.path("none.yml")
        for (locations, variables) in [
            ([.named(none), .path(yaml)], [:]), ([.variable("CONFIG"), .path(yaml)], ["CONFIG": none]),
        ] as [([SettingsLocation], [String: String])] {
            let error = #expect(throws: SettingsError.self) {
                try SettingsFile.first(of: locations, environment: .init(variables))
            }
            #expect(error?.description == "\(none): it can't be read: No such file or directory")
        }
        // What is there and is wrong is not passed over.
        let wrong = try folder.write("a: [", to: "wrong.yml")
        #expect(throws: SettingsError.self) { try SettingsFile.first(of: [.path(wrong), .path(yaml)]) }
    }
}
