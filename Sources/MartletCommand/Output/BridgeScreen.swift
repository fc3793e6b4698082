import Martlet
import MartletConsole
import Synchronization

/// Shows how a bridge's routes stand: as a table that is drawn over again and again, or as lines of JSON from time to time.
final class BridgeScreen: Sendable {
    private struct State {
        var picture = LivePicture()
        var isFinished = false
        var phase = "connecting"
        var lastReport: ContinuousClock.Instant?
    }

    private let session: Session
    private let ways: [PlannedWay]
    private let title: String
    private let asJSON: Bool
    private let isMute: Bool
    private let interval: Duration
    private let start = ContinuousClock.now
    private let state = Mutex(State())
    /// Apart from the picture, which is written under its lock: whoever says something is not to wait for a terminal.
    private let notes = Mutex(LiveNotes())
    private let open = Atomic(false)

    /// - Parameters:
    ///   - title: what the bridge connects.
    ///   - isMute: whether standard output is for the messages alone.
    ///   - interval: how long from one report to the next, where nothing is drawn.
    init(
        _ session: Session,
        _ ways: [PlannedWay],
        title: String,
        asJSON: Bool,
        isMute: Bool,
        interval: Duration
    ) {
        self.session = session
        self.ways = ways
        self.title = title
        self.asJSON = asJSON
        self.isMute = isMute
        self.interval = interval
    }

    private var output: OutputWriter { session.output }
    private var isDrawn: Bool { !asJSON && !isMute && output.stream.isInteractive }

    /// Says what the routes will do.
    func begin() throws {
        if isMute { return }
        for way in ways { try output.writePlan(way, asJSON: asJSON) }
    }

    /// The routes take messages, or finish what they have in hand.
    ///
    /// - Parameter remark: what is said of it where nothing is drawn.
    func enter(_ phase: String, remark: String) {
        open.store(true, ordering: .relaxed)
        if !isDrawn { session.remark(remark) }
        state.withLock { state in
            state.phase = phase
            // A second signal ends the process where it is, which must not leave its terminal without a cursor.
            if session.interruption.exit != nil { output.stream.writeIgnoringErrors(state.picture.restore()) }
        }
    }

    /// Whether the routes have begun, so that what is to be said of them is news.
    var isOpen: Bool { open.load(ordering: .relaxed) }

    /// Says something, with the next refresh: whoever says it is not to wait for a terminal. It stays above the table, or
    /// goes to standard error where there is none. Of many at a time the first ones count.
    func note(_ text: String) {
        notes.withLock { $0.note(text) }
    }

    private func writeNotes(_ state: inout State) {
        for note in notes.withLock({ $0.takeNotes() }) {
            if isDrawn, state.picture.hasDrawn {
                state.picture.note(note)
            } else {
                session.streams.errors.writeIgnoringErrors(note.printableLines + "\n")
            }
        }
    }

    /// Shows the figures, if it is time for that.
    func refresh(_ reports: [RouteReport], at now: ContinuousClock.Instant) throws {
        try state.withLock { state in
            writeNotes(&state)
            if isDrawn { return try draw(reports, at: now, &state) }
            guard let last = state.lastReport else {
                state.lastReport = now
                return
            }
            guard now - last >= interval else { return }
            state.lastReport = now
            try report(reports, "running", at: now)
        }
    }

    /// Shows the last figures, and leaves them where they are.
    func finish(_ reports: [RouteReport], at now: ContinuousClock.Instant) throws {
        try state.withLock { state in
            guard !state.isFinished else { return }
            writeNotes(&state)
            state.phase = "ended"
            defer {
                state.isFinished = true
                output.stream.writeIgnoringErrors(state.picture.restore())
            }
            if isDrawn { return try draw(reports, at: now, &state) }
            try report(reports, "ended", at: now)
        }
    }

    private func rows(_ reports: [RouteReport]) -> [BridgeTable.Row] {
        ways.enumerated().map { index, way in
            BridgeTable.Row(
                name: way.plan.name.printable(),
                statistics: reports.indices.contains(index) ? reports[index].statistics : RouteStatistics()
            )
        }
    }

    private func draw(_ reports: [RouteReport], at now: ContinuousClock.Instant, _ state: inout State) throws {
        let frame = state.picture.draw(
            lines(reports, state.phase, at: now),
            hidesCursor: session.interruption.exit == nil
        )
        try output.write(Array(frame.utf8))
    }

    private func lines(_ reports: [RouteReport], _ phase: String, at now: ContinuousClock.Instant) -> [String] {
        let time = Int((now - start).seconds)
        return BridgeTable.lines(
            "\(phase)  \(title)  \(time) s" + (phase == "bridging" ? "; Ctrl-C ends" : ""),
            rows(reports),
            size: output.stream.size,
            style: output.style
        )
    }

    private func report(_ reports: [RouteReport], _ phase: String, at now: ContinuousClock.Instant) throws {
        if isMute { return }
        if asJSON {
            let moment = Moment()
            for (way, row) in zip(ways, rows(reports)) {
                try output.write(row.statistics, of: way, state: phase, at: moment)
            }
        } else {
            for line in lines(reports, phase, at: now) { try output.writeLine(line) }
        }
    }
}
