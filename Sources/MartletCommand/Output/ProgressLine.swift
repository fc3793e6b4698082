import MartletConsole

/// A progress bar on standard error, if that is a terminal; nothing otherwise.
struct ProgressLine {
    private let stream: StandardStream
    private let total: Int
    private var bar: ProgressBar
    private var limit = RateLimit(every: .milliseconds(100))
    private var isDrawn = false

    /// - Parameter total: how many there are; a bar for few of them would only flicker.
    init(_ label: String, on session: Session, total: Int) {
        stream = session.streams.errors
        self.total = total
        bar = ProgressBar(label: label)
    }

    mutating func advance(to count: Int) {
        guard stream.isInteractive, total > 20 else { return }
        _ = bar.advance(to: Double(count) / Double(total))
        guard limit.allows(at: .now) || count == total else { return }
        isDrawn = true
        let line = bar.lines(width: stream.size.columns - 1, usesColor: stream.usesColor).first ?? ""
        stream.writeIgnoringErrors("\r" + ControlSequence.eraseLine + line)
    }

    /// Takes the bar away.
    mutating func end() {
        guard isDrawn else { return }
        isDrawn = false
        stream.writeIgnoringErrors("\r" + ControlSequence.eraseLine)
    }
}
