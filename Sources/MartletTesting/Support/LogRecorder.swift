package import Logging
import Synchronization

/// Keeps what is logged, from the level `info` on.
package final class LogRecorder: LogHandler, Sendable {
    private let recorded = Mutex<[String]>([])

    private let level: Logger.Level

    /// - Parameter level: what is less serious is left out.
    package init(level: Logger.Level = .info) {
        self.level = level
    }

    package var lines: [String] { recorded.withLock { $0 } }

    /// A logger that writes here.
    package var logger: Logger { Logger(label: "recorded") { _ in self } }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    package var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    package var logLevel: Logger.Level {
        get { level }
        set {}
    }

    package func log(event: LogEvent) {
        let metadata = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        recorded.withLock { $0.append("\(event.message) \(metadata.joined(separator: " "))") }
    }
}
