import DequeModule
import Synchronization

/// A route's memory of the messages that have arrived at its sink. The task that reads and the one that settles share
/// it.
final class ForwardMemory: Sendable {
    /// Whether a message's ID is known, and from when.
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

    /// A message goes no further: another one of its ID may, unless this one only waits for the outcome of another.
    func abandon(_ entry: ForwardEntry) {
        guard let id = entry.id, !entry.isRepeated else { return }
        state.withLock { _ = $0.underWay.remove(id) }
    }

    /// Whether a body is new to a topic, if it has to be.
    func isDue(_ body: [UInt8], for topic: TopicName, at now: Duration) -> Bool {
        guard changes != .none else { return true }
        return state.withLock { $0.changes.isDue(body, for: topic, at: now, filter: changes) }
    }

    /// The sink has a message.
    func arrived(_ entry: ForwardEntry, at now: Duration) {
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

/// The IDs of the messages that arrived last, to know one that comes again. A pure value.
struct DuplicateWindow: Sendable {
    /// The longest ID that is remembered, in bytes: a peer may make up any.
    static let longest = 256

    private let limit: Int
    private var ids: Set<String> = []
    private var order: Deque<String> = []

    init(limit: Int) {
        self.limit = limit
    }

    func contains(_ id: String) -> Bool { ids.contains(id) }

    /// Remembers a message that has arrived, and forgets the oldest if there are too many.
    mutating func record(_ id: String) {
        guard ids.insert(id).inserted else { return }
        order.append(id)
        if order.count > limit { ids.remove(order.removeFirst()) }
    }
}
