import DequeModule
import Synchronization

/// Publishes what ``RemoteLogHandler`` hands it, so that a log can be read elsewhere.
///
/// ```swift
/// let log = RemoteLog(to: Topic("cellar.logs"))
/// LoggingSystem.bootstrap { MultiplexLogHandler([StreamLogHandler.standardError(label: $0), RemoteLogHandler(log)]) }
/// try await log.publish(on: connection)
/// ```
///
/// To log never waits: records lie in a mailbox, and when that is full the oldest is dropped and counted
/// (``LogEntry/dropped``). Without a link they stay there. What publishing itself logs, in the same task, is left out, or each
/// record would make another one.
public final class RemoteLog: Sendable {
    /// Where it publishes.
    public let topic: Topic<LogEntry>
    private let mailbox: Mailbox<LogEntry>
    private let state = Mutex(State())

    /// What is dropped, and what has been told of it.
    private struct State {
        var unpublished = 0
        var told = 0
    }

    @TaskLocal private static var isPublishing = false

    /// - Parameters:
    ///   - topic: where it publishes.
    ///   - limit: how many records wait at most; at least 1.
    public init(to topic: Topic<LogEntry>, limit: Int = 256) {
        self.topic = topic
        mailbox = Mailbox(limit: max(limit, 1), overflow: .dropOldest)
    }

    /// How many records were dropped: there was no room, or the broker did not take them.
    public var dropped: Int { mailbox.dropped + state.withLock { $0.unpublished } }

    /// Takes a record. Never waits.
    func add(_ entry: @autoclosure () -> LogEntry) {
        guard !Self.isPublishing else { return }
        _ = mailbox.offer(entry(), topic: topic.name)
    }

    /// Publishes what waits and what comes, each record at most once, until the task is cancelled. What it is publishing then
    /// has five seconds more.
    ///
    /// - Throws: ``MessagingError/Code/connectionClosed``, `CancellationError`.
    public func publish(on connection: any Connection) async throws {
        var batch: Deque<LogEntry> = []
        while true {
            try await connection.runtime.waitUntilConnected(within: nil)
            try await mailbox.next(into: &batch, onlyOne: true)
            guard let entry = batch.popFirst() else { return }
            if Task.isCancelled {
                mailbox.putBack([entry])
                throw CancellationError()
            }
            // A listener of this process that is slow holds it up. Those who are not may have it by then: it is not said again.
            try await shielded(for: .seconds(5), of: connection.runtime.timers) { [entry] in
                try await self.publish(entry, on: connection)
            }
        }
    }

    /// Publishes what waits by now, without waiting for a link.
    func publishRest(on connection: any Connection) async throws {
        var batch: Deque<LogEntry> = []
        for _ in 0..<mailbox.count {
            mailbox.nextIfReady(into: &batch, onlyOne: true)
            guard let entry = batch.popFirst() else { return }
            try await publish(entry, on: connection)
        }
    }

    private func publish(_ entry: LogEntry, on connection: any Connection) async throws {
        var entry = entry
        let total = dropped
        entry.dropped = state.withLock { total - $0.told }
        do {
            try await Self.$isPublishing.withValue(true) { try await connection.publish(entry, to: topic) }
            state.withLock { $0.told = total }
        } catch let error as MessagingError where error.code == .notConnected {
            // The link went in this moment.
            mailbox.putBack([entry])
        } catch {
            // Some of those who listen may have it; it is not published twice.
            state.withLock { $0.unpublished += 1 }
            guard let error = error as? MessagingError, error.code != .connectionClosed else { throw error }
        }
    }
}
