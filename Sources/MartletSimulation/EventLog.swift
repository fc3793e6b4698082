#if os(Linux)
import Logging
import Synchronization

/// What a world has logged: a sum over it and, on request, the lines.
final class EventLog: Sendable {
    private struct State {
        var hash = TraceHash()
        var lines: [String] = []
    }

    let keepsLines: Bool
    private let now: @Sendable () -> Duration
    private let state = Mutex(State())

    init(keepsLines: Bool, now: @escaping @Sendable () -> Duration) {
        self.keepsLines = keepsLines
        self.now = now
    }

    var hash: UInt64 { state.withLock { $0.hash.value } }
    var lines: [String] { state.withLock { $0.lines } }

    /// Logs what a run is told from others by.
    func add(_ text: String) {
        let now = self.now()
        state.withLock { state in
            state.hash.mix(UInt64(bitPattern: now.components.seconds))
            state.hash.mix(UInt64(bitPattern: now.components.attoseconds))
            state.hash.mix(text)
            if keepsLines { state.lines.append("\(now): \(text)") }
        }
    }

    /// Logs what may be said in other words the next time.
    func note(_ text: String) {
        guard keepsLines else { return }
        let now = self.now()
        state.withLock { $0.lines.append("\(now):     \(text)") }
    }

    /// A logger that writes here.
    var logger: Logger {
        guard keepsLines else { return Logger(label: "martlet.simulation") { _ in SwiftLogNoOpLogHandler() } }
        return Logger(label: "martlet.simulation") { _ in EventLogHandler(log: self) }
    }
}

private struct EventLogHandler: LogHandler {
    let log: EventLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let text = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        log.note("\(event.level): \(event.message)\(text)")
    }
}
#endif
