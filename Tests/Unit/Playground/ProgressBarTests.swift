import Testing

@testable import MartletConsole
@testable import playground

@Suite("Progress bar", .timeLimit(.minutes(10)))
struct ProgressBarTests {
    private func bar(_ fraction: Double, label: String = "sampling") -> ProgressBar {
        var bar = ProgressBar(label: label)
        _ = bar.advance(to: fraction)
        return bar
    }

    @Test("is as long as there is room, up to forty columns")
    func snapshots() {
        #expect(bar(0.5).lines(width: 27) == ["sampling  █████░░░░░   50 %"])
        #expect(bar(0).lines(width: 27) == ["sampling  ░░░░░░░░░░    0 %"])
        #expect(bar(1).lines(width: 27) == ["sampling  ██████████  100 %"])
        #expect(bar(1).lines(width: 500) == ["sampling  \(String(repeating: "█", count: 40))  100 %"])
        #expect(bar(0.5).lines(width: 19) == ["samp…  ██░░░   50 %"])
    }

    @Test("fits any terminal", arguments: 0...60)
    func fits(width: Int) {
        for label in ["", "x", "sampling", "温度計のサンプリング"] {
            let lines = bar(0.33, label: label).lines(width: width)
            #expect(lines.count == min(1, width))
            #expect(lines.allSatisfy { $0.columns <= width })
        }
    }

    @Test(
        "stays between nothing and all",
        arguments: [(-1, 0), (2, 1), (.infinity, 1), (.nan, 0)] as [(Double, Double)]
    )
    func clamps(fraction: Double, expected: Double) {
        #expect(bar(fraction).fraction == expected)
    }

    @Test("has a line for each tenth that it reaches")
    func announces() {
        var bar = ProgressBar(label: "sampling")
        var lines: [String] = []
        for step in 0...100 where bar.advance(to: Double(step) / 100) { lines.append(bar.plainLine) }
        #expect(lines == stride(from: 0, through: 100, by: 10).map { "sampling  \($0) %" })
    }

    @Test("counts tenths that were added up, and those gone back")
    func announcesSums() {
        var bar = ProgressBar(label: "sampling")
        var sum = 0.0
        var isAnnounced: [Bool] = []
        for _ in 0...10 {
            isAnnounced.append(bar.advance(to: sum))
            sum += 0.1
        }
        isAnnounced.append(bar.advance(to: 0.2))
        #expect(!isAnnounced.contains(false))

        let isAnnouncedAgain = bar.advance(to: 0.25)
        #expect(!isAnnouncedAgain)
    }

    @Test("shows a hostile label without what could harm")
    func strips() {
        #expect(bar(0, label: "\u{1B}[31ma\n").plainLine == "[31ma  0 %")
    }
}
