import DequeModule
import Logging
import Synchronization

/// Publishes an action's status and feedback: one task for all goals, so that what is said of a goal stays in order,
/// its last feedback before its end.
///
/// Nobody waits for it. Of each goal's feedback only the newest waits; if more than 4,096 messages do, the oldest are
/// dropped and counted, for clients ask as well.
final class GoalAnnouncer: Sendable {
    typealias Feedback = @Sendable () throws -> Message

    private enum Entry {
        case status(GoalID, GoalStatus)
        /// Where in the order the goal's newest feedback stands.
        case feedback(GoalID)
    }

    private struct State {
        var entries: Deque<Entry> = []
        /// Of each goal with an entry for feedback the newest; `nil` inside if something newer went out already.
        var newest: [GoalID: Feedback?] = [:]
        /// Goals whose handlers may report.
        var open: Set<GoalID> = []
        var isFinished = false

        /// Whether an older entry had to go.
        mutating func append(_ entry: Entry) -> Bool {
            entries.append(entry)
            guard entries.count > GoalAnnouncer.limit, let oldest = entries.popFirst() else { return false }
            if case .feedback(let id) = oldest { newest[id] = nil }
            return true
        }
    }

    private static let limit = 4_096
    private let names: ActionNames
    private let connection: any Connection
    private let state = Mutex(State())
    private let news = Mailbox<Bool>(limit: 1, overflow: .dropNewest)

    init(_ names: ActionNames, on connection: any Connection) {
        self.names = names
        self.connection = connection
    }

    // MARK: What is to be said

    /// Has a goal's status published. Until a terminal one its handler may report.
    func post(_ id: GoalID, _ status: GoalStatus) {
        let overflows = state.withLock { state in
            if status == .executing { state.open.insert(id) }
            if status.isTerminal { state.open.remove(id) }
            return state.append(.status(id, status))
        }
        news(overflows)
    }

    /// Has the newest feedback of a goal published, unless the goal has ended.
    func report(_ id: GoalID, _ feedback: @escaping Feedback) {
        let overflows: Bool? = state.withLock { state in
            guard state.open.contains(id) else { return nil }
            let isQueued = state.newest.updateValue(feedback, forKey: id) != nil
            return isQueued ? nil : state.append(.feedback(id))
        }
        if let overflows { news(overflows) }
    }

    /// Publishes one feedback of a goal, in place of what waits, unless the goal has ended.
    func deliver(_ id: GoalID, _ feedback: Message) async throws {
        let isOpen = state.withLock { state in
            if state.newest[id] != nil { state.newest.updateValue(nil, forKey: id) }
            return state.open.contains(id)
        }
        guard isOpen else { return }
        try await connection.publish(marked(feedback, id), to: names.feedback)
    }

    /// Has ``run()`` return once everything is said.
    func finish() {
        state.withLock { $0.isFinished = true }
        news(false)
    }

    private func news(_ overflows: Bool) {
        _ = news.offer(true, topic: names.status)
        if overflows {
            connection.runtime.count(\.droppedNotices, "too much is to be said of the goals of \(names.action)")
        }
    }

    // MARK: Saying it

    func run() async {
        var batch: Deque<Bool> = []
        while true {
            while let (message, topic) = next() {
                do {
                    try await connection.publish(message, to: topic)
                } catch {
                    if Task.isCancelled { return }
                    connection.runtime.count(\.droppedOffline, "\(topic) could not be told: \(error)")
                }
            }
            if state.withLock({ $0.isFinished && $0.entries.isEmpty }) { return }
            batch.removeAll()
            // It throws when the task is cancelled, and there is no other reader.
            guard (try? await news.next(into: &batch)) != nil else { return }
        }
    }

    private func next() -> (Message, TopicName)? {
        while true {
            let (entry, feedback): (Entry?, Feedback?) = state.withLock { state in
                let entry = state.entries.popFirst()
                guard case .feedback(let id) = entry else { return (entry, nil) }
                return (entry, state.newest.removeValue(forKey: id) ?? nil)
            }
            do {
                switch entry {
                case .status(let id, let status):
                    let message = try connection.runtime.codecs.message(StatusMessage(id, status))
                    return (marked(message, id), names.status)
                case .feedback(let id):
                    guard let feedback else { continue }
                    return try (marked(feedback(), id), names.feedback)
                case nil:
                    return nil
                }
            } catch {
                connection.runtime.logger.warning("feedback of \(names.action) was not published: \(error)")
            }
        }
    }

    /// A message with its goal in a header as well, so that who follows another goal need not read the body.
    ///
    /// Only where the broker carries headers: elsewhere it would need an envelope, which Python peers don't read.
    private func marked(_ message: Message, _ id: GoalID) -> Message {
        guard connection.capabilities.contains(.separateHeaders) else { return message }
        var message = message
        message.headers.goalID = id
        return message
    }
}
