import Testing

@testable import playground

@Suite("Load average", .timeLimit(.minutes(10)))
struct LoadTests {
    @Test("reads the three averages")
    func parses() {
        #expect(LoadReading(loadavg: "0.20 0.18 12.5 1/80 11206\n") == LoadReading(one: 0.2, five: 0.18, fifteen: 12.5))
    }

    @Test(
        "has no reading from malformed text",
        arguments: ["", "\n", "0.20", "0.20 0.18", "a b c", "0.2 x 0.3", "-1 0 0", "nan 0 0", "inf 0 0", "1e999 0 0"]
    )
    func rejectsMalformed(text: String) {
        #expect(LoadReading(loadavg: text) == nil)
    }
}
