import Foundation
import Testing

/// What a program fetches that takes no trait.
@Suite struct DependencyTests {
    @Test func nothingIsFetchedButWhatTheCoreIsMadeOf() throws {
        struct Resolved: Decodable {
            struct Pin: Decodable { var identity: String }
            var pins: [Pin]
        }
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Package.resolved")
        let resolved = try JSONDecoder().decode(Resolved.self, from: Data(contentsOf: file))
        #expect(
            resolved.pins.map(\.identity).sorted() == [
                "swift-async-algorithms", "swift-collections", "swift-log", "swift-service-lifecycle",
            ]
        )
    }
}
