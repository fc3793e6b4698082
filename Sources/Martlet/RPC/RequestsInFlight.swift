import DequeModule
import Synchronization

/// The requests that one responder works on, so that each can be cancelled by its caller.
///
/// A cancellation may overtake its request: those of unknown requests are remembered, the latest 4,096 of them.
final class RequestsInFlight: Sendable {
    private struct Request {
        let cancel: @Sendable () -> Void
        var isCancelled: Bool
    }

    private struct State {
        var requests: [String: Request] = [:]
        var cancelledEarly: Set<String> = []
        var order: Deque<String> = []
    }

    private static let remembered = 4_096
    private let state = Mutex(State())

    /// Whether the caller has cancelled already, before the request arrived.
    func wasCancelled(_ id: String) -> Bool {
        state.withLock { $0.cancelledEarly.contains(id) }
    }

    /// Has `cancel` called when the caller cancels; at once if it has done so.
    func begin(_ id: String, cancel: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            let isCancelled = state.cancelledEarly.contains(id)
            state.requests[id] = Request(cancel: cancel, isCancelled: isCancelled)
            return isCancelled
        }
        if isCancelled { cancel() }
    }

    /// Whether the caller still waits for the answer.
    func end(_ id: String) -> Bool {
        state.withLock { state in
            let request = state.requests.removeValue(forKey: id)
            return request?.isCancelled == false
        }
    }

    /// The caller of a request waits no longer.
    func cancel(_ id: String) {
        let cancel: (@Sendable () -> Void)? = state.withLock { state in
            if let request = state.requests[id] {
                state.requests[id]?.isCancelled = true
                return request.cancel
            }
            if state.cancelledEarly.insert(id).inserted {
                state.order.append(id)
                if state.order.count > Self.remembered { state.cancelledEarly.remove(state.order.removeFirst()) }
            }
            return nil
        }
        cancel?()
    }
}
