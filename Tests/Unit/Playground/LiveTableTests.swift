import Testing

@testable import MartletConsole
@testable import playground

@Suite("Live table", .timeLimit(.minutes(10)))
struct LiveTableTests {
    private func table() -> LiveTable {
        var table = LiveTable(historyLength: 8)
        for step in 0..<8 {
            table.update("memory.used", to: Double(step) * 1_048_576, unit: .bytes)
            table.update("cpu.10", to: Double(7 - step) / 10, unit: .fraction)
            table.update("cpu.9", to: 0.5, unit: .fraction)
        }
        return table
    }

    @Test("shows name, value and course, sorted by name")
    func snapshot() {
        #expect(
            table().lines(width: 80) == [
                "cpu.9         50.0 %  ▄▄▄▄▄▄▄▄",
                "cpu.10         0.0 %  █▇▆▅▄▃▂▁",
                "memory.used  7.0 MiB  ▁▂▃▄▅▆▇█",
            ]
        )
    }

    @Test("shortens the course first, then the names")
    func narrowSnapshots() {
        #expect(
            table().lines(width: 28) == [
                "cpu.9         50.0 %  ▄▄▄▄▄▄",
                "cpu.10         0.0 %  ▆▅▄▃▂▁",
                "memory.used  7.0 MiB  ▃▄▅▆▇█",
            ]
        )
        #expect(
            table().lines(width: 20) == [
                "cpu.9         50.0 %",
                "cpu.10         0.0 %",
                "memory.used  7.0 MiB",
            ]
        )
        #expect(
            table().lines(width: 14) == [
                "cpu.9   50.0 %",
                "cpu.…    0.0 %",
                "memo…  7.0 MiB",
            ]
        )
    }

    @Test("says how many series it has no line for")
    func cutsHeight() {
        #expect(table().lines(width: 80, height: 2) == ["cpu.9  50.0 %  ▄▄▄▄▄▄▄▄", "… 2 more"])
        #expect(table().lines(width: 80, height: 1) == ["… 3 more"])
        #expect(table().lines(width: 80, height: 0).isEmpty)
        #expect(table().lines(width: 0).isEmpty)
        #expect(LiveTable().lines(width: 80).isEmpty)
    }

    @Test("fits any terminal", arguments: 1...60)
    func fits(width: Int) {
        var table = table()
        table.update("温度計.センサー.北側.とても長い名前", to: 1e300, unit: .number)
        table.update("", to: .nan, unit: .bytesPerSecond)
        for height in 1...6 {
            let lines = table.lines(width: width, height: height)
            #expect(lines.count <= height)
            #expect(lines.allSatisfy { $0.columns <= width })
        }
    }

    @Test("colours the course, and nothing else")
    func colours() {
        var table = LiveTable(historyLength: 5)
        table.update("a", to: 0, unit: .number)
        #expect(table.lines(width: 80, usesColor: true) == ["a  0.00  \u{1B}[36m    ▁\u{1B}[39m"])
    }

    @Test("shows hostile names without what could harm")
    func strips() {
        var table = LiveTable(historyLength: 5)
        table.update("\u{1B}]0;owned\u{7}a\nb", to: 1, unit: .number)
        table.update("]0;owned\u{1B}ab", to: 2, unit: .number)
        #expect(table.lines(width: 80) == ["]0;ownedab  2.00     ▁█"])
    }

    @Test("takes no more series than it has room for, and counts what it ignored")
    func isBounded() {
        var table = LiveTable(capacity: 2)
        for name in ["a", "b", "c", "a", "c"] { table.update(name, to: 1, unit: .number) }
        #expect(table.lines(width: 20).count == 2)
        #expect(table.ignoredValues == 2)
    }
}
