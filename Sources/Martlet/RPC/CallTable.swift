import Synchronization

/// The calls of one connection that wait for replies, by correlation ID.
final class CallTable: Sendable {
    private struct State {
        var receivers: [String: any ReplyReceiver] = [:]
        /// For peers that echo no correlation ID: the call that an address was leased to.
        var callOfAddress: [String: String] = [:]
        var lastNumber: UInt64 = 0
        var late = 0
        var closed: (any Error)?
    }

    private let prefix: String
    private let state = Mutex(State())

    init(prefix: String) {
        self.prefix = prefix
    }

    var count: Int { state.withLock { $0.receivers.count } }
    var lateReplies: Int { state.withLock { $0.late } }

    /// A correlation ID that no other call has, here or elsewhere.
    func makeID() -> String {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        return "\(prefix)-\(number)"
    }

    func register(_ receiver: any ReplyReceiver, id: String, address: String) throws {
        try state.withLock { state in
            if let closed = state.closed { throw closed }
            state.receivers[id] = receiver
            state.callOfAddress[address] = id
        }
    }

    func remove(id: String, address: String) {
        // The receiver goes outside the lock: what it holds may do something when it goes.
        let receiver = state.withLock { state in
            if state.callOfAddress[address] == id { state.callOfAddress[address] = nil }
            return state.receivers.removeValue(forKey: id)
        }
        withExtendedLifetime(receiver) {}
    }

    /// Hands a reply to whom it is for; one that nobody awaits is counted.
    func receive(_ reply: Message, at address: String) {
        let receiver = state.withLock { state -> (any ReplyReceiver)? in
            let id = reply.headers.correlationID ?? state.callOfAddress[address]
            guard let id, let receiver = state.receivers[id] else {
                state.late += 1
                return nil
            }
            return receiver
        }
        receiver?.receive(reply)
    }

    /// Whether a call waits under a correlation ID.
    func isWaiting(_ id: String) -> Bool {
        state.withLock { $0.receivers[id] != nil }
    }

    /// Ends the call that waits under a correlation ID, if there is one, with an error.
    func fail(_ id: String, _ error: any Error) {
        state.withLock { $0.receivers[id] }?.fail(error)
    }

    /// Counts a reply that came for a call which had ended by itself.
    func countLate() {
        state.withLock { $0.late += 1 }
    }

    /// Ends every call with an error; with `forGood` also every later one.
    func failAll(_ error: any Error, forGood: Bool = false) {
        let receivers = state.withLock { state in
            if forGood { state.closed = error }
            return Array(state.receivers.values)
        }
        for receiver in receivers { receiver.fail(error) }
    }
}
