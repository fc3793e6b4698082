import Logging
import Martlet
import MartletConsole
import MartletServer
import Synchronization

/// Draws how a broker stands over again and again, on a terminal.
final class BrokerScreen: Sendable {
    private struct State {
        var picture = LivePicture()
        var title = "starting"
        /// The last figures, the latest last: what comes in a second is counted over all of these.
        var figures: [BrokerFigures] = []
    }

    /// So many figures back.
    private static let history = 5

    private let output: OutputWriter
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(_ output: OutputWriter) {
        self.output = output
    }

    /// The broker listens.
    func enter(_ addresses: [BrokerServer.BoundAddress]) {
        let places = addresses.map { "\($0.listener) on \($0.host)\($0.port == 0 ? "" : ", port \($0.port)")" }
        state.withLock { $0.title = places.joined(separator: "; ") }
    }

    /// Says something, with the next refresh, above the figures.
    func note(_ text: String) { state.withLock { $0.picture.note(text) } }

    func refresh(_ figures: BrokerFigures) throws {
        try state.withLock { state in
            state.figures.append(figures)
            if state.figures.count > Self.history { state.figures.removeFirst() }
            let time = Int((figures.time - start).seconds)
            let lines = BrokerTable.lines(
                "\(state.title)  \(time) s; Ctrl-C ends",
                figures,
                since: state.figures.first,
                size: output.stream.size,
                style: output.style
            )
            try output.write(Array(state.picture.draw(lines).utf8))
        }
    }

    /// Leaves the last figures where they are, and gives the cursor back.
    func finish() {
        output.stream.writeIgnoringErrors(state.withLock { $0.picture.restore() })
    }
}

/// Has what a broker logs stand above its figures.
struct BrokerLog: LogHandler {
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]
    private let screen: BrokerScreen

    init(_ screen: BrokerScreen) {
        self.screen = screen
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let details = all.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        screen.note("martlet: \(event.message)\(details.isEmpty ? "" : " (\(details))")")
    }
}
