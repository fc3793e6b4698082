import Foundation
import Testing

/// Every picture that an article shows is in its catalogue, and no other.
@Suite(.timeLimit(.minutes(10))) struct ImageTests {
    @Test func everyPictureIsThereAndShown() throws {
        let catalogue = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/Martlet/Martlet.docc")
        let paths = FileManager.default.enumerator(at: catalogue, includingPropertiesForKeys: nil)
        let files = paths?.compactMap { $0 as? URL } ?? []
        var shown: Set<String> = []
        for article in files where article.pathExtension == "md" {
            for match in try String(contentsOf: article, encoding: .utf8).matches(of: /!\[[^\]]+\]\(([^)]+)\)/) {
                shown.insert(String(match.1))
            }
        }
        let pictures = Set(
            files.filter { $0.pathExtension == "svg" }.map { $0.deletingPathExtension().lastPathComponent }
        )
        #expect(shown == pictures)
        #expect(!shown.isEmpty)
    }
}
