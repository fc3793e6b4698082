import Testing

@testable import MartletConsole
@testable import playground

@Suite("Sparkline", .timeLimit(.minutes(10)))
struct SparklineTests {
    private func sparkline(_ values: [Double], width: Int = 8) -> Sparkline {
        var sparkline = Sparkline(width: width)
        for value in values { sparkline.append(value) }
        return sparkline
    }

    @Test(
        "stands between its own lowest and highest value",
        arguments: [
            ([], "        "), ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"), ([100, 101], "      ▁█"),
            ([-1, 0, 1], "     ▁▅█"),
            ([5, 5, 5], "     ▄▄▄"), ([0, 0], "      ▁▁"), ([.nan, 1, .infinity, 2], "      ▁█"),
            ([-.greatestFiniteMagnitude, .greatestFiniteMagnitude], "      ▁█"),
            ([0, .leastNonzeroMagnitude], "      ▁▄"),
        ] as [([Double], String)]
    )
    func draws(values: [Double], expected: String) {
        #expect(sparkline(values).text() == expected)
    }

    @Test("remembers the latest values only")
    func forgets() {
        let sparkline = sparkline([9, 8, 1, 2, 3], width: 3)
        #expect(sparkline.values == [1, 2, 3])
        #expect(sparkline.text() == "▁▅█")
    }

    @Test("shows the latest in less room than it has")
    func fitsLessRoom() {
        let sparkline = sparkline([0, 1, 2, 3, 4, 5, 6, 7])
        #expect(sparkline.text(columns: 2) == "▇█")
        #expect(sparkline.text(columns: 0) == "")
        #expect(sparkline.text(columns: -1) == "")
    }

    @Test("has room for one value at least")
    func hasRoom() {
        #expect(sparkline([1, 2], width: 0).values == [2])
    }
}
