import Synchronization

/// A number of bytes after which a connection ends.
struct ProxyLimit: Sendable {
    var remaining: Int
    var cut: ProxyCut
}

/// What a proxy's users and its thread share.
final class ProxyControl: Sendable {
    struct Settings {
        var modes: [ProxyDirection: ProxyMode] = [.toServer: .forward, .toClient: .forward]
        var limits: [ProxyDirection: ProxyLimit] = [:]
        var counts = ProxyCounts()
    }

    /// What the thread is asked to do once.
    enum Command: Sendable, Hashable {
        case cut(ProxyCut)
        case refuse
        case accept
        case stop
    }

    struct Order {
        var command: Command
        /// Resumed when the command has been carried out.
        var done: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var settings = Settings()
        var orders: [Order] = []
        /// Whether the thread is about to end, so that nobody is left to carry out orders.
        var isOver = false
    }

    let port: Int
    let server: SocketAddress
    /// Written to in order to wake the thread.
    private let alarm: Socket
    /// What the thread polls besides its connections.
    let alarmed: Socket
    private let state = Mutex(State())

    init(port: Int, server: SocketAddress) throws {
        self.port = port
        self.server = server
        let (alarm, alarmed) = try ChildProcess.socketPair()
        self.alarm = Socket(descriptor: alarm)
        self.alarmed = Socket(descriptor: alarmed)
    }

    /// Reads or, on the thread, changes the settings.
    func settings<Result>(_ body: (inout Settings) -> Result) -> Result {
        state.withLock { body(&$0.settings) }
    }

    /// Changes the settings and wakes the thread, which may wait for less or more from now on.
    func change(_ body: (inout Settings) -> Void) {
        settings(body)
        wake()
    }

    /// Has the thread carry out a command, and returns when it has. Cancellation does not shorten it: it takes no longer
    /// than a round of the thread.
    ///
    /// - Throws: Why it could not be carried out; only `accept` can fail.
    func perform(_ command: Command) async throws {
        try await withCheckedThrowingContinuation { done in
            let isOver = state.withLock { state in
                if !state.isOver { state.orders.append(Order(command: command, done: done)) }
                return state.isOver
            }
            if isOver { done.resume() } else { wake() }
        }
    }

    /// For the thread: the orders since the last time. After the one to stop it takes no more.
    func takeOrders() -> [Order] {
        state.withLock { state in
            defer { state.orders = [] }
            if state.orders.contains(where: { $0.command == .stop }) { state.isOver = true }
            return state.orders
        }
    }

    private func wake() {
        // If there is no room, the thread has enough to wake for.
        _ = alarm.write([1])
    }
}
