import Testing

@testable import benchmarks

@Suite struct TableTests {
    @Test func columnsAreAsWideAsTheirWidestText() {
        var table = Table(["what", "n", "µs"])
        table.append(["a", "1,000", "2.5"])
        table.append(["longer name", "7", "12.5"])
        table.notes = ["A note."]
        #expect(
            table.text == """
                what             n    µs
                -----------  -----  ----
                a            1,000   2.5
                longer name      7  12.5

                A note.
                """
        )
    }
}
