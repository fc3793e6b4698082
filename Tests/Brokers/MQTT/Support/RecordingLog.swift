import Logging

/// A logger, and the lines that it was given: level and message.
func recordingLogger() -> (logger: Logger, lines: Shared<[String]>) {
    let lines = Shared<[String]>([])
    return (Logger(label: "recording") { _ in RecordingLog(lines: lines) }, lines)
}

private struct RecordingLog: LogHandler {
    let lines: Shared<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(lines: Shared<[String]>) {
        self.lines = lines
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.level): \(event.message)") }
    }
}
