import Synchronization

/// The waits for room that end when their connection is closed: whoever waits for another's reader may otherwise
/// wait for ever.
package final class OpenWaits: Sendable {
    private struct State {
        var withdrawals: [Int: @Sendable (any Error) -> Bool] = [:]
        var withdrawn: Set<Int> = []
        var lastID = 0
        var closed: (any Error)?
    }

    private let state = Mutex(State())

    package init() {}

    /// Waits; what waits is withdrawn when the connection is closed, and the wait throws.
    ///
    /// - Parameter withdraw: has what waits throw the error, and returns whether it did still wait.
    package func whileOpen(
        _ wait: () async throws -> Void,
        withdraw: @escaping @Sendable (_ error: any Error) -> Bool
    ) async throws {
        let id = try state.withLock { state in
            if let closed = state.closed {
                _ = withdraw(closed)
                throw closed
            }
            state.lastID += 1
            state.withdrawals[state.lastID] = withdraw
            return state.lastID
        }
        do {
            try await wait()
        } catch {
            forget(id)
            throw error
        }
        // It may have been withdrawn before it had got as far as waiting.
        if let error = forget(id) { throw error }
    }

    /// - Returns: the error, if it was withdrawn.
    @discardableResult
    private func forget(_ id: Int) -> (any Error)? {
        state.withLock { state in
            state.withdrawals[id] = nil
            return state.withdrawn.remove(id) == nil ? nil : state.closed
        }
    }

    /// Withdraws whatever waits now or later.
    package func close(_ error: any Error) {
        state.withLock { state in
            state.closed = error
            for (id, withdraw) in state.withdrawals.sorted(by: { $0.key < $1.key }) where withdraw(error) {
                state.withdrawn.insert(id)
            }
            state.withdrawals.removeAll()
        }
    }
}
