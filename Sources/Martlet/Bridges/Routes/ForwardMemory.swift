import DequeModule
import Synchronization

/// A route's memory of the messages that are on their way to its sink or have arrived there. The task that reads and the one that
/// settles share it.
final class ForwardMemory: Sendable {
    /// Whether a message's ID is known, and from when.
    enum Known: Sendable {
        case new
        case underWay
        case arrived
    }

    private struct State {
        var window: DuplicateWindow
        var underWay: Set<ByteKey> = []
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
            return state.underWay.insert(ByteKey(id)).inserted ? .new : .underWay
        }
    }

    /// A message goes no further: another one of its ID may, unless this one only waits for the outcome of another.
    func abandon(_ entry: ForwardEntry) {
        guard entry.id != nil || entry.changeNumber != nil, !entry.isRepeated else { return }
        state.withLock { state in
            if let id = entry.id { state.underWay.remove(ByteKey(id)) }
            if let number = entry.changeNumber { state.changes.forget(entry.topic, number) }
        }
    }

    /// Whether a message's body is new to its topic, if it has to be.
    func isDue(_ entry: ForwardEntry) -> Bool {
        guard changes != .none else { return true }
        return state.withLock {
            $0.changes.isDue(entry.message.body, for: entry.topic, at: entry.begun, filter: changes)
        }
    }

    /// A message is passed on: what comes behind it is compared with it.
    func passes(_ entry: inout ForwardEntry) {
        guard changes != .none, !entry.isRepeated else { return }
        entry.changeNumber = state.withLock {
            $0.changes.publishes(entry.message.body, to: entry.topic, at: entry.begun)
        }
    }

    /// The sink has a message.
    func arrived(_ entry: ForwardEntry) {
        guard entry.id != nil || entry.changeNumber != nil else { return }
        state.withLock { state in
            if let id = entry.id {
                state.underWay.remove(ByteKey(id))
                state.window.record(id)
            }
            if let number = entry.changeNumber { state.changes.arrived(entry.topic, number) }
        }
    }
}

/// The IDs of the messages that arrived last, to know one that comes again. A pure value.
struct DuplicateWindow: Sendable {
    /// The longest ID that is remembered, in bytes: a peer may make up any.
    static let longest = 256

    private let limit: Int
    private var ids: Set<ByteKey> = []
    private var order: Deque<ByteKey> = []

    init(limit: Int) {
        self.limit = limit
    }

    func contains(_ id: String) -> Bool { ids.contains(ByteKey(id)) }

    /// Remembers a message that has arrived, and forgets the oldest if there are too many.
    mutating func record(_ id: String) {
        let id = ByteKey(id)
        guard ids.insert(id).inserted else { return }
        order.append(id)
        if order.count > limit { ids.remove(order.removeFirst()) }
    }
}
