import Synchronization

/// Opens the reply address of a connection, once for all calls that wait for it.
///
/// No call cancels it for the others, and each leaves when its own time is over.
final class ReplyOpening: Sendable {
    private struct State {
        var address: ReplyAddress?
        /// Owned: it is ended by ``close(_:)``.
        var task: Task<Void, Never>?
        var waiters: [Promise<ReplyAddress>] = []
        /// How many may wait before those are looked for that have left: not for each one, which many would pay for.
        var crowd = 64
        var closed: (any Error)?
    }

    private let state = Mutex(State())

    /// The address, once it is open.
    var address: ReplyAddress? { state.withLock { $0.address } }

    /// What the address comes by; begins to open it if nobody has.
    func wait(_ open: @escaping @Sendable () async throws -> ReplyAddress) -> Promise<ReplyAddress> {
        let promise = Promise<ReplyAddress>()
        let known: Result<ReplyAddress, any Error>? = state.withLock { state in
            if let closed = state.closed { return .failure(closed) }
            if let address = state.address { return .success(address) }
            if state.waiters.count >= state.crowd {
                state.waiters.removeAll(where: \.hasEnded)
                state.crowd = max(64, 2 * state.waiters.count)
            }
            state.waiters.append(promise)
            if state.task == nil {
                state.task = Task { [weak self] in
                    let result: Result<ReplyAddress, any Error>
                    do { result = .success(try await open()) } catch { result = .failure(error) }
                    self?.opened(result)
                }
            }
            return nil
        }
        if let known { promise.end(known) }
        return promise
    }

    private func opened(_ result: Result<ReplyAddress, any Error>) {
        let waiters = state.withLock { state in
            // After a failure the next call tries again.
            state.task = nil
            if state.closed == nil { state.address = try? result.get() }
            defer { state.waiters = [] }
            return state.waiters
        }
        Promise.end(waiters.map { ($0, result) })
    }

    /// Forgets the address, and ends what opens it.
    func close(_ error: any Error) async {
        let (task, waiters) = state.withLock { state in
            state.closed = error
            state.address = nil
            defer { state.waiters = [] }
            return (state.task.take(), state.waiters)
        }
        Promise.end(waiters.map { ($0, .failure(error)) })
        task?.cancel()
        await task?.value
    }
}
