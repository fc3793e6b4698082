import Testing

@testable import MartletConsole
@testable import playground

@Suite("Live display", .timeLimit(.minutes(10)))
struct LiveDisplayTests {
    private let start = ContinuousClock.now

    private func after(_ milliseconds: Int) -> ContinuousClock.Instant {
        start.advanced(by: .milliseconds(milliseconds))
    }

    @Test("draws in place, notes above the table and bars below it")
    func drawsInPlace() async {
        let screen = Screen()
        await withLiveDisplay(on: screen.terminal()) { display in
            display.update("a", to: 0, at: after(0))
            #expect(screen.lines == ["a  0.00  " + String(repeating: " ", count: 30) + "▁", ""])
            #expect(screen.isCursorHidden)

            display.update("b", to: 2, at: after(100))
            display.progress("work", 0.5, at: after(200))
            display.note("half-way\u{1B}[2J")
            #expect(screen.lines.map { $0.prefix(7) } == ["half-wa", "a  0.00", "b  2.00", "work  █", ""])
            #expect(screen.lines.first == "half-way[2J")

            display.endProgress("work")
            #expect(screen.lines.count == 4)
        }
        #expect(screen.lines.map { $0.prefix(7) } == ["half-wa", "a  0.00", "b  2.00", ""])
        #expect(!screen.isCursorHidden)
        #expect(screen.wraps)
    }

    @Test("redraws ten times a second at most, and shows the last value in the end")
    func limitsRedraws() async {
        let screen = Screen()
        await withLiveDisplay(on: screen.terminal()) { display in
            for millisecond in 0..<1_000 {
                display.update("a", to: Double(millisecond), at: after(millisecond))
            }
            #expect(screen.writes == 10)
        }
        #expect(screen.lines.first?.hasPrefix("a  999.00") == true)
    }

    @Test("keeps within the terminal's height, whose last line is the cursor's")
    func fitsHeight() async {
        let screen = Screen(rows: 4)
        await withLiveDisplay(on: screen.terminal()) { display in
            for round in 0..<3 {
                for series in 0..<9 {
                    display.update("s\(series)", to: 1, at: after(round * 10_000 + series * 1_000))
                }
            }
            display.progress("work", 1, at: after(100_000))
            #expect(screen.lines.map { $0.prefix(5) } == ["s0  1", "… 8 m", "work ", ""])
        }
    }

    @Test("lets a long note wrap, and draws on below it")
    func wrapsNotes() async {
        let screen = Screen(columns: 10)
        await withLiveDisplay(on: screen.terminal()) { display in
            display.update("a", to: 1, at: after(0))
            display.note("a note of twenty-two.")
            display.update("a", to: 2, at: after(200))
        }
        #expect(screen.lines == ["a note of ", "twenty-two", ".", "a  2.00", ""])
    }

    @Test("gives the cursor back when its body fails")
    func restoresAfterError() async {
        let screen = Screen()
        await #expect(throws: CancellationError.self) {
            try await withLiveDisplay(on: screen.terminal()) { display in
                display.update("a", to: 1)
                throw CancellationError()
            }
        }
        #expect(!screen.isCursorHidden)
    }

    @Test("leaves a terminal alone on which it drew nothing")
    func staysSilent() async {
        let screen = Screen()
        await withLiveDisplay(on: screen.terminal()) { _ in }
        #expect(screen.writes == 0)
    }

    @Test("shows nothing once it is over")
    func endsForGood() async {
        let screen = Screen()
        let display = await withLiveDisplay(on: screen.terminal()) { $0 }
        display.update("a", to: 1)
        display.progress("work", 1)
        display.note("late")
        #expect(screen.writes == 0)
    }

    @Test("prints a line a second for each series where it can't draw")
    func printsLines() async {
        let screen = Screen()
        await withLiveDisplay(on: screen.terminal(isInteractive: false)) { display in
            for step in 0..<20 {
                display.update("a", to: Double(step), at: after(step * 100))
                display.update("b", to: 0.5, unit: .fraction, at: after(step * 100))
            }
            display.note("done")
        }
        #expect(screen.lines == ["a  0.00", "b  50.0 %", "a  10.00", "b  50.0 %", "done", ""])
    }

    @Test("prints a line a tenth for each bar where it can't draw")
    func printsProgress() async {
        let screen = Screen()
        await withLiveDisplay(on: screen.terminal(isInteractive: false)) { display in
            for step in 0...20 { display.progress("work", Double(step) / 40) }
            display.endProgress("work")
            display.progress("work", 0)
        }
        let tenths = [0, 10, 20, 30, 40, 50, 0].map { "work  \($0) %" }
        #expect(screen.lines == tenths + [""])
    }

    @Test("is whole when many tasks draw at once")
    func survivesRaces() async {
        let screen = Screen(rows: 30)
        await withLiveDisplay(on: screen.terminal()) { display in
            await withTaskGroup { group in
                for task in 0..<8 {
                    group.addTask {
                        for step in 0..<50 { display.update("series.\(task)", to: Double(step)) }
                        display.note("note")
                    }
                }
            }
        }
        #expect(screen.lines.filter { $0 == "note" }.count == 8)
        #expect(screen.lines.filter { $0.hasPrefix("series.") }.count == 8)
    }

    @Test("measures the terminal it is on, or takes the usual size")
    func measuresTerminal() {
        let size = Terminal.standardOutput.size
        #expect(size.columns > 0)
        #expect(size.rows > 0)
    }
}
