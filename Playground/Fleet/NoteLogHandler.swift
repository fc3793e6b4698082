import Logging
import MartletConsole

/// Shows warnings where they don't tear the live table apart: above it.
struct NoteLogHandler: LogHandler {
    let display: LiveDisplay
    var logLevel = Logger.Level.warning
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    init(_ display: LiveDisplay) {
        self.display = display
    }

    func log(event: LogEvent) {
        let metadata = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let details = metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        display.note("\(event.level): \(event.message) \(details.joined(separator: " "))")
    }
}
