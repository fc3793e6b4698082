import Testing

@testable import benchmarks

@Suite struct FiguresTests {
    @Test func theLastLineCounts() throws {
        let figures = try #require(
            Figures(output: "READY\n{\"rate\":2.5,\"seconds\":4,\"cpuSeconds\":1,\"median\":7,\"p99\":9}\n")
        )
        #expect(figures[.rate] == 2.5)
        #expect(figures[.latency] == 7)
        #expect(figures[.memory] == nil)
    }

    @Test func bytesAreMemory() {
        #expect(Figures(output: "{\"bytes\":4096}\n")?[.memoryEach] == 4_096)
    }

    @Test(arguments: ["", "\n", "READY\n", "{\"rate\":1}\nREADY\n", "{\"rate\":\"fast\"}\n"])
    func whatIsNoObjectIsNothing(output: String) {
        #expect(Figures(output: output) == nil)
    }
}
