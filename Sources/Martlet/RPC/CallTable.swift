import Synchronization

/// The calls of one connection that wait for replies, by correlation ID.
///
/// A reply counts only at the address that its call has named. Nobody else knows a call's ID, which is made of random bits:
/// so whoever answered one call can't answer the next.
final class CallTable: Sendable {
    private struct Call {
        let receiver: any ReplyReceiver
        let address: String
    }

    private struct State {
        var calls: [ByteKey: Call] = [:]
        /// For peers that echo no correlation ID: the call that has an address for itself.
        var callOfAddress: [ByteKey: ByteKey] = [:]
        var late = 0
        var closed: (any Error)?
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.calls.count } }
    var lateReplies: Int { state.withLock { $0.late } }

    /// A correlation ID that no other call has, here or elsewhere, and that nobody can guess: 128 random bits.
    static func makeID(_ random: RandomSource) -> String { random.text(for: .call) }

    /// - Parameter isOwn: whether no other call has the address, so that it tells which call is answered.
    func register(_ receiver: any ReplyReceiver, id: String, address: String, isOwn: Bool) throws {
        try state.withLock { state in
            if let closed = state.closed { throw closed }
            state.calls[ByteKey(id)] = Call(receiver: receiver, address: address)
            if isOwn { state.callOfAddress[ByteKey(address)] = ByteKey(id) }
        }
    }

    func remove(id: String) {
        // The receiver goes outside the lock: what it holds may do something when it goes.
        let call = state.withLock { state in
            let call = state.calls.removeValue(forKey: ByteKey(id))
            if let address = call.map({ ByteKey($0.address) }), state.callOfAddress[address] == ByteKey(id) {
                state.callOfAddress[address] = nil
            }
            return call
        }
        withExtendedLifetime(call) {}
    }

    /// Hands a reply to whom it is for; one that nobody awaits there is counted.
    func receive(_ reply: Message, at address: String) {
        let receiver = state.withLock { state -> (any ReplyReceiver)? in
            let id = reply.headers.correlationID.map { ByteKey($0) } ?? state.callOfAddress[ByteKey(address)]
            guard let id, let call = state.calls[id], call.address.hasSameBytes(as: address) else {
                state.late += 1
                return nil
            }
            return call.receiver
        }
        receiver?.receive(reply)
    }

    /// Whether a call waits under a correlation ID.
    func isWaiting(_ id: String) -> Bool {
        state.withLock { $0.calls[ByteKey(id)] != nil }
    }

    /// Ends the call that waits under a correlation ID, if there is one, with an error.
    func fail(_ id: String, _ error: any Error) {
        state.withLock { $0.calls[ByteKey(id)] }?.receiver.fail(error)
    }

    /// Counts a reply that came for a call which had ended by itself.
    func countLate() {
        state.withLock { $0.late += 1 }
    }

    /// Ends every call with an error; with `forGood` also every later one.
    func failAll(_ error: any Error, forGood: Bool = false) {
        let calls = state.withLock { state in
            if forGood { state.closed = error }
            // In an order of their own, so that a run that is repeated is the same.
            return state.calls.sorted { $0.key < $1.key }.map(\.value)
        }
        for call in calls { call.receiver.fail(error) }
    }
}
