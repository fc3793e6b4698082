import Synchronization

/// The calls of a connection that wait for somebody else, such as for a slow reader: closing the connection ends them.
package final class OpenWaits: Sendable {
    private struct State {
        var lastID = 0
        var giveUps: [Int: @Sendable () -> Void] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Waits, and has `giveUp` called if the connection is closed meanwhile, or was before.
    package func untilClosed(
        giveUp: @escaping @Sendable () -> Void,
        wait: () async throws -> Void
    ) async throws {
        let (id, isClosed) = state.withLock { state in
            state.lastID += 1
            state.giveUps[state.lastID] = giveUp
            return (state.lastID, state.isClosed)
        }
        defer { state.withLock { _ = $0.giveUps.removeValue(forKey: id) } }
        if isClosed { giveUp() }
        try await wait()
    }

    package func close() {
        let giveUps = state.withLock { state in
            state.isClosed = true
            return Array(state.giveUps.values)
        }
        for giveUp in giveUps { giveUp() }
    }
}
