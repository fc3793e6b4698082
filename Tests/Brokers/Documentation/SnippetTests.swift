import Foundation
import Testing

/// Every example that the documentation shows is code that is compiled here, in the package outside or in the playground.
@Suite(.timeLimit(.minutes(10))) struct SnippetTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func files(below folder: String, ending: String) -> [URL] {
        let paths = FileManager.default.enumerator(
            at: root.appending(path: folder),
            includingPropertiesForKeys: nil,
            options: .skipsHiddenFiles
        )
        return (paths?.compactMap { $0 as? URL } ?? []).filter { $0.path.hasSuffix(ending) }.sorted {
            $0.path < $1.path
        }
    }

    /// What counts of a piece of code: its lines without their indentation, and without imports, comments and gaps.
    private static func essence(_ text: Substring) -> [Substring] {
        text.split(separator: "\n").map { $0.drop { $0 == " " } }
            .filter { line in
                !line.isEmpty && !["//", "import ", "@testable import "].contains { line.hasPrefix($0) }
            }
    }

    @Test func everyExampleIsCompiled() throws {
        let compiled = try
            (Self.files(below: "Tests/Brokers/Documentation", ending: ".swift")
            + Self.files(below: "Tests/Outside", ending: ".swift")
            + Self.files(below: "Playground", ending: ".swift"))
            .map { Self.essence(try String(contentsOf: $0, encoding: .utf8)[...]) }
        // `Tests/firstHour` builds and runs all that its article shows.
        let documents =
            [Self.root.appending(path: "README.md")]
            + Self.files(below: "Sources", ending: ".md").filter { $0.lastPathComponent != "AFirstHour.md" }
        var examples = 0
        for document in documents {
            let text = try String(contentsOf: document, encoding: .utf8)
            for block in text.components(separatedBy: "```swift\n").dropFirst() {
                let code = try #require(block.components(separatedBy: "```").first)
                examples += 1
                // A whole program is compiled in pieces: its types here, its statements there.
                for piece in code.components(separatedBy: "\n\n") {
                    let lines = Self.essence(piece[...])
                    let isCompiled = compiled.contains { file in
                        file.indices.contains { file[$0...].starts(with: lines) }
                    }
                    #expect(isCompiled, "\(document.lastPathComponent) shows code that nothing compiles: \(piece)")
                }
            }
        }
        #expect(examples > 5)
    }

    @Test func everyFileThatIsNamedIsThere() throws {
        var names = 0
        for document in Self.files(below: "Sources", ending: ".md") {
            let text = try String(contentsOf: document, encoding: .utf8)
            for name in text.components(separatedBy: "`") where name.hasPrefix("Martlet") && name.hasSuffix(".swift") {
                names += 1
                let path = Self.root.appending(path: "Sources/\(name)").path
                #expect(FileManager.default.fileExists(atPath: path), "\(document.lastPathComponent) names \(name)")
            }
        }
        #expect(names > 10)
    }
}
