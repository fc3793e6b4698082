import Martlet
import Synchronization

/// A request as it lies in its queue.
struct QueuedRequest: Sendable {
    let keys: QueueKeys
    let element: [UInt8]
}

/// The calls of a connection, as far as the wire is concerned: which list each was told to have its reply pushed to,
/// and where its request lies.
final class CallBook: Sendable {
    private struct Call {
        let list: ReplyLists.List
        var request: QueuedRequest?
        var isAnswered = false
    }

    private struct State {
        var lists: ReplyLists?
        var calls: [String: Call] = [:]
        var callOfList: [String: String] = [:]
        var abandoned: [QueuedRequest] = []
    }

    private let state = Mutex(State())

    /// From now on there are addresses, of lists whose names begin with this.
    func open(_ base: String) {
        state.withLock { $0.lists = $0.lists ?? ReplyLists(base: base) }
    }

    /// The list for the reply to a call at a queue, and whether the loop has to be told.
    func lease(_ id: String, _ queue: QueueName?) -> (address: String, isNew: Bool) {
        state.withLock { state in
            guard let (list, isNew) = state.lists?.lease(for: queue) else { return ("", false) }
            state.calls[id] = Call(list: list)
            state.callOfList[list.name] = id
            return (list.name, isNew)
        }
    }

    /// A request is about to be sent.
    func sent(_ id: String, _ request: QueuedRequest) {
        state.withLock { $0.calls[id]?.request = request }
    }

    /// The request was taken back from its queue, so that no reply will come.
    func takenBack(_ id: String) {
        state.withLock { $0.calls[id]?.isAnswered = true }
    }

    /// A reply has come.
    func answered(_ address: String) {
        state.withLock { state in
            if let id = state.callOfList[address] { state.calls[id]?.isAnswered = true }
        }
    }

    /// A link is lost that waited for the lists.
    func linkLost() {
        state.withLock { $0.lists?.linkLost() }
    }

    /// A call has ended.
    ///
    /// - Returns: whether the loop has to be told: a request is to be taken back, a list not to be used again.
    func ended(_ id: String) -> Bool {
        state.withLock { state in
            guard let call = state.calls.removeValue(forKey: id) else { return false }
            state.callOfList[call.list.name] = nil
            state.lists?.giveBack(call.list, isClean: call.isAnswered)
            guard !call.isAnswered else { return false }
            if let request = call.request { state.abandoned.append(request) }
            return true
        }
    }

    // MARK: For the loop

    /// What is to be taken back from its queue, since nobody waits for the reply.
    func takeAbandoned() -> [QueuedRequest] {
        state.withLock { state in
            defer { state.abandoned.removeAll() }
            return state.abandoned
        }
    }

    var base: String? { state.withLock { $0.lists?.base } }

    /// How many sets of lists there are.
    var sets: Int { state.withLock { $0.lists?.sets ?? 0 } }

    /// The names of a set, to wait for now.
    func arm(_ set: Int) -> [String] {
        state.withLock { $0.lists?.arm(set) ?? [] }
    }

    /// The sets that are waited for by other names than they have now.
    func takeStale() -> [Int] {
        state.withLock { $0.lists?.takeStale() ?? [] }
    }

    /// Whether a set is waited for by other names than it has now.
    func isStale(_ set: Int) -> Bool {
        state.withLock { $0.lists?.isStale(set) ?? false }
    }

    /// All lists by which something may yet come that nobody would take.
    var unclean: [String] { state.withLock { $0.lists?.unclean ?? [] } }
}
