import Testing

@testable import playground

@Suite("Bench", .timeLimit(.minutes(5)))
struct BenchTests {
    @Test("measures everything and prints its tables")
    func runs() async throws {
        let lines = try await Lines.printed { try await Bench(scale: 0.001).run() }
        for part in ["hand-off", "AsyncStream", "among 100,000 filters", "64 callers", "send, deliver, acknowledge"] {
            #expect(lines.contains { $0.hasPrefix(part) })
        }
    }

    @Test(
        "writes numbers in groups",
        arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567.8, "1,234,568")]
    )
    func groups(number: Double, text: String) {
        #expect(Figures.grouped(number) == text)
    }

    @Test("takes the value in the middle")
    func medians() {
        #expect([3.0, 1, 2].median == 2)
        #expect([4.0, 1, 2, 3].median == 2.5)
        #expect([Double]().median == 0)
    }
}
