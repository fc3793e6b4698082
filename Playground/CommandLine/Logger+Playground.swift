import Logging

extension Logger {
    /// Says on standard error what went wrong, and nothing else.
    static let playground = Logger(label: "playground") { label in
        var handler = StreamLogHandler.standardError(label: label)
        handler.logLevel = .warning
        return handler
    }
}
