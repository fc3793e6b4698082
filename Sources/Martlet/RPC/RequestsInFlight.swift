import DequeModule
import Synchronization

/// The requests that one responder works on, so that each can be cancelled by its caller. It owns their tasks: who began
/// them waits until they have ended, and none outlives that.
///
/// A cancellation may overtake its request: those of unknown requests are remembered, the latest 4,096 of them. A caller's ID
/// has random bits, so that nobody else can cancel its request, before it comes or afterwards.
final class RequestsInFlight: Sendable {
    private struct Request {
        let replyTo: String
        var cancel: (@Sendable () -> Void)?
        /// Its caller waits no longer.
        var isCancelled = false
        /// Its time is over; its caller is told.
        var isInterrupted = false
        /// Further deliveries of the same request, settled with the first.
        var duplicates: [Delivery] = []
    }

    private struct State {
        /// By correlation ID. Those of one ID, of peers whose IDs are not unique, differ by the address for the reply.
        var requests: [ByteKey: [Request]] = [:]
        var cancelledEarly: Set<ByteKey> = []
        var isClosed = false
        var isStopping = false
        var order: Deque<ByteKey> = []
        /// How many tasks have not ended.
        var running = 0
        var idle: CheckedContinuation<Void, Never>?

        /// What cancels each handler, in an order that a repeated run has too.
        var cancels: [@Sendable () -> Void] {
            requests.sorted { $0.key < $1.key }.flatMap { Self.cancels(of: $0.value) }
        }

        static func cancels(of requests: [Request]) -> [@Sendable () -> Void] {
            requests.sorted { ByteKey($0.replyTo) < ByteKey($1.replyTo) }.compactMap(\.cancel)
        }

        /// The callers of all requests of an ID wait no longer.
        ///
        /// - Returns: whether there are any.
        mutating func callersWaitNoLonger(_ id: ByteKey) -> Bool {
            guard let place = requests.index(forKey: id) else { return false }
            for index in requests.values[place].indices { requests.values[place][index].isCancelled = true }
            return true
        }

        private func place(
            _ id: String,
            _ replyTo: String
        ) -> (ofID: Dictionary<ByteKey, [Request]>.Index, index: Int)? {
            guard let ofID = requests.index(forKey: ByteKey(id)),
                let index = requests.values[ofID].firstIndex(where: { $0.replyTo.hasSameBytes(as: replyTo) })
            else { return nil }
            return (ofID, index)
        }

        mutating func remove(_ id: String, _ replyTo: String) -> Request? {
            guard let (ofID, index) = place(id, replyTo) else { return nil }
            let request = requests.values[ofID].remove(at: index)
            if requests.values[ofID].isEmpty { requests.remove(at: ofID) }
            return request
        }

        /// Does something with a request; `nil` if there is none.
        mutating func with<Result>(_ id: String, _ replyTo: String, _ body: (inout Request) -> Result) -> Result? {
            guard let (ofID, index) = place(id, replyTo) else { return nil }
            return body(&requests.values[ofID][index])
        }
    }

    private static let remembered = 4_096
    /// The longest ID that is remembered of a request which has not come: anybody may send one.
    private static let longest = 256
    private let state = Mutex(State())

    /// Whether the caller has cancelled already, before the request arrived.
    func wasCancelled(_ id: String) -> Bool {
        state.withLock { $0.cancelledEarly.contains(ByteKey(id)) }
    }

    /// Takes a request on, unless it is being worked on already: a link may deliver it twice, and a link that was
    /// lost and restored delivers again what was not acknowledged yet.
    ///
    /// - Returns: whether it is to be worked on. If not, the delivery is settled with the first one's.
    func claim(_ id: String, replyTo: String, _ delivery: Delivery) -> Bool {
        state.withLock { state in
            if state.with(id, replyTo, { $0.duplicates.append(delivery) }) != nil { return false }
            let isCancelled = state.isClosed || state.cancelledEarly.contains(ByteKey(id))
            state.requests[ByteKey(id), default: []].append(Request(replyTo: replyTo, isCancelled: isCancelled))
            return true
        }
    }

    /// Has `cancel` called when the caller cancels or the responder stops; at once if that has happened. Does nothing for
    /// a request that has ended.
    func begin(_ id: String, replyTo: String, cancel: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            let isStopping = state.isStopping
            return state.with(id, replyTo) { request in
                request.cancel = cancel
                return request.isCancelled || request.isInterrupted || isStopping
            } ?? false
        }
        if isCancelled { cancel() }
    }

    /// Cancels the handler of a request whose caller is still to be told.
    func interrupt(_ id: String, replyTo: String) {
        let cancel = state.withLock { state in
            state.with(id, replyTo) { request in
                request.isInterrupted = true
                return request.cancel
            } ?? nil
        }
        cancel?()
    }

    // MARK: The tasks

    /// A task begins.
    func taskBegins() {
        state.withLock { $0.running += 1 }
    }

    /// A task has done all it had to.
    func taskEnds() {
        let idle = state.withLock { state in
            state.running -= 1
            return state.running == 0 ? state.idle.take() : nil
        }
        idle?.resume()
    }

    /// Returns when no task runs; for one who waits, and whether it is cancelled or not.
    func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                guard state.running > 0 else { return true }
                state.idle = continuation
                return false
            }
            if isIdle { continuation.resume() }
        }
    }

    /// Whether the responder stops in the middle of its requests.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// The responder stops: every handler is cancelled, and its caller is told.
    func stop() {
        let cancels = state.withLock { state in
            state.isStopping = true
            return state.cancels
        }
        for cancel in cancels { cancel() }
    }

    // MARK: The end of one, of all

    /// - Returns: whether the caller still waits for the answer, and what is to be settled besides.
    func end(_ id: String, replyTo: String) -> (isAwaited: Bool, duplicates: [Delivery]) {
        let request = state.withLock { $0.remove(id, replyTo) }
        return (request?.isCancelled == false, request?.duplicates ?? [])
    }

    /// Nobody can be answered any more: the connection is closed.
    func cancelAll() {
        let cancels = state.withLock { state in
            state.isClosed = true
            for id in state.requests.keys { _ = state.callersWaitNoLonger(id) }
            return state.cancels
        }
        for cancel in cancels { cancel() }
    }

    /// The caller of a request waits no longer.
    func cancel(_ id: String) {
        let id = ByteKey(id)
        let cancels: [@Sendable () -> Void] = state.withLock { state in
            if state.callersWaitNoLonger(id) { return State.cancels(of: state.requests[id] ?? []) }
            if id.text.utf8.count <= Self.longest, state.cancelledEarly.insert(id).inserted {
                state.order.append(id)
                if state.order.count > Self.remembered { state.cancelledEarly.remove(state.order.removeFirst()) }
            }
            return []
        }
        for cancel in cancels { cancel() }
    }
}
