import Foundation
import Martlet
import MartletTesting
import Testing

/// What the embedded broker promises also holds from one to another, through a bridge.
@Suite(.timeLimit(.minutes(15))) struct BridgedConformanceTests {
    /// How a bridge is laid from a check's source to its sink.
    enum Way: CaseIterable {
        case forth
        case back
        case both
    }

    @Test(arguments: ConformanceSuite.checks, Way.allCases)
    func keepsItsPromises(_ check: ConformanceCheck, _ way: Way) async throws {
        let (source, sink) = (MemoryBroker(), MemoryBroker())
        let outcome = try await check.run {
            try await source.connect(options: $0)
        } to: {
            try await sink.connect(options: $0)
        } through: { routes in
            let (here, there) = (try await source.connect(name: "here"), try await sink.connect(name: "there"))
            switch way {
            case .forth: return Bridge(from: here, to: there) { routes.forth }
            case .back: return Bridge(from: there, to: here) { routes.back }
            case .both: return Bridge(from: here, to: there) { routes.both }
            }
        }
        if case .not(let reason) = check.crosses {
            #expect(outcome == .skipped(reason))
        } else {
            #expect(outcome == .passed)
        }
    }

    /// The article about bridges names the promises that stay at one broker, with the reason, and no others.
    @Test func theArticleNamesWhatDoesNotCross() throws {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<5 { root.deleteLastPathComponent() }
        let article = try String(
            contentsOf: root.appending(path: "Sources/Martlet/Martlet.docc/Bridges.md"),
            encoding: .utf8
        )
        let table = article.split(separator: "| promise | why |\n|---|---|\n").last?.split(separator: "\n\n").first
        let rows = table?.split(separator: "\n").map(String.init) ?? []
        let expected = ConformanceSuite.checks.compactMap { check -> String? in
            guard case .not(let reason) = check.crosses else { return nil }
            return "| \(check) | \(reason) |"
        }
        #expect(rows.sorted() == expected.sorted())
    }
}
