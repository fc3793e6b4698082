import Testing

@testable import MartletConsole
@testable import playground

@Suite("Text on a terminal", .timeLimit(.minutes(10)))
struct TextTests {
    @Test(
        "loses what a terminal would obey",
        arguments: [
            ("cpu.0", "cpu.0"), ("a\u{1B}[2Jb", "a[2Jb"), ("a\nb\r\tc\u{7}", "abc"), ("a\u{9B}31mb", "a31mb"),
            ("\u{202E}abc\u{2066}", "abc"), ("a\u{2028}b", "ab"), ("\u{0}", ""), ("", ""), ("Größe 温度", "Größe 温度"),
        ]
    )
    func strips(text: String, expected: String) {
        #expect(text.printable() == expected)
    }

    @Test("is bounded even if it takes no room")
    func boundsMarks() {
        let text = "a" + String(repeating: "\u{301}", count: 10_000)
        #expect(text.printable().unicodeScalars.count == 128)
    }

    @Test(
        "takes as many columns as the terminal gives it",
        arguments: [("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("温度", 4), ("🚀", 2), ("▁█…", 3), ("❤\u{FE0F}", 2)]
    )
    func measures(text: String, columns: Int) {
        #expect(text.columns == columns)
    }

    @Test(
        "ends in an ellipsis where it doesn't fit",
        arguments: [
            ("sensor", 6, "sensor"), ("sensor", 5, "sens…"), ("sensor", 1, "…"), ("sensor", 0, ""), ("sensor", -1, ""),
            ("温度計", 6, "温度計"), ("温度計", 5, "温度…"), ("温度計", 4, "温…"), ("", 0, ""),
        ]
    )
    func truncates(text: String, width: Int, expected: String) {
        #expect(text.truncated(to: width) == expected)
    }

    @Test("is padded to the columns it is given")
    func pads() {
        #expect("ab".leading(in: 4) == "ab  ")
        #expect("ab".trailing(in: 4) == "  ab")
        #expect("温度計".leading(in: 4) == "温… ")
        #expect("ab".leading(in: -1) == "")
    }

    @Test("is sorted as a reader counts")
    func sorts() {
        let sorted = ["cpu.1", "cpu.02", "cpu.2", "cpu.9", "cpu.10", "cpu.99999999999999999999999", "disk", "disk.a"]
        #expect(sorted.shuffled().sorted { $0.precedesNaturally($1) } == sorted)
        #expect(!"a".precedesNaturally("a"))
    }

    @Test(
        "writes numbers with fixed decimals",
        arguments: [
            (0, 2, "0.00"), (1.005, 1, "1.0"), (-0.04, 1, "0.0"), (-12.34, 1, "-12.3"), (9.96, 1, "10.0"),
            (7.5, 0, "8"),
            (1e300, 1, "1e+300"), (.infinity, 1, "–"), (.nan, 1, "–"),
        ] as [(Double, Int, String)]
    )
    func writesNumbers(value: Double, decimals: Int, expected: String) {
        #expect(value.formatted(decimals: decimals) == expected)
    }

    @Test(
        "writes values with their unit",
        arguments: [
            (0.1234, .fraction, "12.3 %"), (1, .fraction, "100.0 %"), (0.5, .number, "0.50"), (0, .bytes, "0 B"),
            (1_023, .bytes, "1023 B"), (1_024, .bytes, "1.0 KiB"), (1_023.99 * 1_024, .bytes, "1.0 MiB"),
            (3.5 * 1_048_576, .bytesPerSecond, "3.5 MiB/s"), (.nan, .bytes, "– B"), (-2_048, .bytes, "-2.0 KiB"),
        ] as [(Double, SeriesUnit, String)]
    )
    func writesUnits(value: Double, unit: SeriesUnit, expected: String) {
        #expect(unit.text(value) == expected)
    }
}
