import Synchronization

/// What a route remembers of the messages that have arrived at its sink. Those who read and those who settle share it.
final class ForwardMemory: Sendable {
    /// What is known of a message's ID.
    enum Known: Sendable {
        case new
        case underWay
        case arrived
    }

    private struct State {
        var window: DuplicateWindow
        var underWay: Set<String> = []
        var changes = ChangeMemory(limit: 10_000)
    }

    let looksForDuplicates: Bool
    private let changes: ChangeFilter
    private let state: Mutex<State>

    init(_ options: RouteOptions) {
        looksForDuplicates = options.deduplication > 0
        changes = options.changes
        state = Mutex(State(window: DuplicateWindow(limit: options.deduplication)))
    }

    /// Nothing is under way.
    func restart() {
        state.withLock { $0.underWay.removeAll() }
    }

    /// A message is to be passed on; the first of its ID is then under way.
    func begin(_ id: String) -> Known {
        state.withLock { state in
            if state.window.contains(id) { return .arrived }
            return state.underWay.insert(id).inserted ? .new : .underWay
        }
    }

    /// A message that is under way goes no further.
    func abandon(_ id: String) {
        state.withLock { _ = $0.underWay.remove(id) }
    }

    /// Whether a body is new to a topic, if it has to be.
    func isDue(_ body: [UInt8], for topic: TopicName, at now: Duration) -> Bool {
        guard changes != .none else { return true }
        return state.withLock { $0.changes.isDue(body, for: topic, at: now, filter: changes) }
    }

    /// The sink has a message.
    func arrived(_ entry: ForwardPipeline.Entry, at now: Duration) {
        guard entry.id != nil || changes != .none else { return }
        state.withLock { state in
            if let id = entry.id {
                state.underWay.remove(id)
                state.window.record(id)
            }
            if changes != .none { state.changes.published(entry.message.body, to: entry.topic, at: now) }
        }
    }
}
