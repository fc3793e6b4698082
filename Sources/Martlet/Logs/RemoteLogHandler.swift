public import Logging

/// A handler of log records that has them published; see ``RemoteLog``.
public struct RemoteLogHandler: LogHandler {
    /// What is less serious is left out.
    public var logLevel: Logger.Level
    /// What belongs to each record.
    public var metadata: Logger.Metadata = [:]
    /// Says what else belongs to each record.
    public var metadataProvider: Logger.MetadataProvider?
    private let log: RemoteLog

    /// - Parameters:
    ///   - log: publishes the records.
    ///   - level: what is less serious is left out.
    public init(_ log: RemoteLog, level: Logger.Level = .info) {
        self.log = log
        logLevel = level
    }

    /// Puts a record into the mailbox of the ``RemoteLog``. Never waits.
    public func log(event: LogEvent) {
        log.add(entry(of: event))
    }

    /// One value of what belongs to each record.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    private func entry(of event: LogEvent) -> LogEntry {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = "\(error)" }
        let texts = all.sorted { $0.key < $1.key }.prefix(64).map {
            (Self.bounded($0.key, 256), Self.bounded("\($0.value)", 1_024))
        }
        return LogEntry(
            level: event.level,
            message: Self.bounded(event.message.description, 4_096),
            metadata: Dictionary(texts) { first, _ in first },
            source: event.source
        )
    }

    /// The beginning of a text, cut where a character ends.
    private static func bounded(_ text: String, _ limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text.unicodeScalars[..<end])
    }
}

extension Logger {
    /// The same logger, which has what it logs published as well.
    ///
    /// - Parameters:
    ///   - log: publishes it.
    ///   - level: what is less serious is left out there.
    package func publishing(by log: RemoteLog, from level: Logger.Level) -> Logger {
        var logger = self
        var remote = RemoteLogHandler(log, level: level)
        remote.metadata = handler.metadata
        logger.handler = MultiplexLogHandler([handler, remote])
        return logger
    }
}
