import Martlet
import MartletBrokers
import MartletConsole
import Synchronization

/// Shows a ``NodeRoll``: as a table that is drawn over again and again, or as lines of JSON.
final class NodeScreen: Sendable {
    private struct State {
        var roll = NodeRoll()
        var picture = LivePicture()
    }

    private let output: OutputWriter
    private let address: BrokerAddress
    private let state = Mutex(State())

    init(_ output: OutputWriter, address: BrokerAddress) {
        self.output = output
        self.address = address
    }

    private var isDrawn: Bool { output.stream.isInteractive }

    func heard(_ topic: TopicName, at now: ContinuousClock.Instant) throws {
        try state.withLock { state in
            guard let change = state.roll.heard(topic, at: now) else { return }
            try tell(change)
        }
    }

    func refresh(at now: ContinuousClock.Instant) throws {
        try state.withLock { state in
            for change in state.roll.lookForLosses(at: now) { try tell(change) }
            guard isDrawn else { return }
            let table = Self.table(
                state.roll,
                at: now,
                address: address,
                size: output.stream.size,
                style: output.style
            )
            try output.write(Array(state.picture.draw(table).utf8))
        }
    }

    /// Leaves the last table where it is, and gives the cursor back.
    func finish() {
        output.stream.writeIgnoringErrors(state.withLock { $0.picture.restore() })
    }

    private func tell(_ change: NodeRoll.Change) throws {
        guard !isDrawn else { return }
        let (name, word) =
            switch change {
            case .up(let name): (name, "up")
            case .lost(let name): (name, "lost")
            }
        var object = JSONObject()
        object.add("node", string: name)
        object.add("state", string: word)
        object.add("time", string: Moment().timestamp)
        try output.write(object)
    }

    /// The table as it looks in a given space.
    static func table(
        _ roll: NodeRoll,
        at now: ContinuousClock.Instant,
        address: BrokerAddress,
        size: TerminalSize,
        style: TextStyle
    ) -> [String] {
        let entries = roll.all
        let living = entries.count { !$0.isLost }
        let title = "\(living) of \(entries.count) nodes live on \(address)"
        guard !entries.isEmpty else {
            return [style.faint("no heartbeat yet on \(address); Ctrl-C ends".truncated(to: size.columns))]
        }
        let room = max(1, size.rows - 4)
        let isCut = entries.count > room
        let shown = entries.prefix(isCut ? room - 1 : room)
        // Ten columns each for the state, the last heartbeat, the interval and the count, and two between them.
        let width = max(4, min(shown.map(\.name.columns).max() ?? 4, size.columns - 48))
        var lines = [style.strong(title.truncated(to: size.columns))]
        let head = ["state", "heard", "every", "beats"].map { $0.trailing(in: 10) }.joined(separator: "  ")
        lines.append(style.faint("\("node".leading(in: width))  \(head)".truncated(to: size.columns)))
        for entry in shown {
            let silence = now - entry.lastHeard
            let isLate = entry.interval.map { silence > $0 * 1.5 } ?? false
            let state =
                if entry.isLost {
                    style.failure("○ lost".trailing(in: 10))
                } else if isLate {
                    style.doubtful("● late".trailing(in: 10))
                } else {
                    style.good("● live".trailing(in: 10))
                }
            let heard = "\(silence.seconds.formatted(decimals: 1)) s ago".trailing(in: 10)
            let every = (entry.interval.map { "\($0.seconds.formatted(decimals: 1)) s" } ?? "–").trailing(in: 10)
            let beats = "\(entry.beats)".trailing(in: 10)
            lines.append("\(style.name(entry.name.leading(in: width)))  \(state)  \(heard)  \(every)  \(beats)")
        }
        if isCut { lines.append(style.faint("… \(entries.count - shown.count) more")) }
        return lines
    }
}
