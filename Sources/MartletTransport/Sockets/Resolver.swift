import DequeModule
package import Martlet
import Synchronization

/// Turns a host's name into addresses.
///
/// The system's function for that blocks, for half a minute if a name server does not answer, and can't be
/// interrupted. So it is called on threads of its own, each of which ends when nothing waits, and of which there are
/// at most 16; a look-up that nobody waits for any more keeps its thread until the system has answered. Further
/// look-ups wait for one of them.
package final class Resolver: Sendable {
    typealias Look = @Sendable (_ host: String, _ port: Int) -> Result<[SocketAddress], AddressLookup.Failure>

    private struct Request {
        let host: String
        let port: Int
        let answer: Promise<[SocketAddress]>
    }

    private struct State {
        /// Those that somebody waits for.
        var requests: [UInt64: Request] = [:]
        /// Of these, those that have no thread yet.
        var waiting: Deque<UInt64> = []
        var lastID: UInt64 = 0
        var threads = 0
    }

    private static let shared = Resolver(threads: 16) { AddressLookup.addresses(of: $0, port: $1, numeric: false) }

    private let limit: Int
    private let look: Look
    private let state = Mutex(State())

    init(threads limit: Int, look: @escaping Look) {
        self.limit = limit
        self.look = look
    }

    /// How many threads it has at the moment.
    var threads: Int { state.withLock { $0.threads } }
    /// How many look-ups somebody waits for.
    var pending: Int { state.withLock { $0.requests.count } }

    /// The addresses of a host for TCP, in the order in which the system wants them tried; at least one.
    ///
    /// - Parameters:
    ///   - host: a name, an IPv4 address, or an IPv6 address with or without brackets. An address in numbers costs no
    ///     thread.
    ///   - port: 1 to 65,535.
    ///   - limit: when to give up; without one, when the system does.
    /// - Throws: `MessagingError.Code.invalidArgument` for what can't be a host or a port,
    ///   `MessagingError.Code.timeout` at the limit, `MessagingError.Code.notConnected` with the system's reason
    ///   if there is no such host or nobody to ask, which may pass; `CancellationError` at once when the task is
    ///   cancelled.
    package static func addresses(
        of host: String,
        port: Int,
        limit: WaitLimit? = nil
    ) async throws -> [SocketAddress] {
        try await shared.addresses(of: host, port: port, limit: limit)
    }

    func addresses(
        of host: String,
        port: Int,
        limit: WaitLimit? = nil
    ) async throws -> [SocketAddress] {
        try Task.checkCancellation()
        guard (1...65_535).contains(port) else {
            throw MessagingError(.invalidArgument, "the port \(port) is not from 1 to 65535")
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let name = isBracketed ? String(host.dropFirst().dropLast()) : host
        // A zero would end it for the system, which would then look for another host.
        guard !name.isEmpty, !name.utf8.contains(0) else {
            throw MessagingError(.invalidArgument, "\(quoted(host)) is not a host")
        }
        if case .success(let addresses) = AddressLookup.addresses(of: name, port: port, numeric: true) {
            return addresses
        }
        guard !isBracketed else {
            throw MessagingError(.invalidArgument, "\(quoted(host)) is not an IPv6 address")
        }
        let (id, answer) = begin(name, port)
        // Whoever waits no longer leaves the look-up to those that wait for others.
        defer { forget(id) }
        guard let limit else { return try await answer.value() }
        return try await answer.value(
            within: limit.duration,
            of: limit.timers,
            or: MessagingError(.timeout, "the host \(quoted(name)) was not resolved in the time allowed")
        )
    }

    private func begin(_ host: String, _ port: Int) -> (id: UInt64, answer: Promise<[SocketAddress]>) {
        let answer = Promise<[SocketAddress]>()
        let (id, needsThread) = state.withLock { state in
            state.lastID += 1
            state.requests[state.lastID] = Request(host: host, port: port, answer: answer)
            state.waiting.append(state.lastID)
            guard state.threads < limit else { return (state.lastID, false) }
            state.threads += 1
            return (state.lastID, true)
        }
        if needsThread { startThread() }
        return (id, answer)
    }

    private func forget(_ id: UInt64) {
        state.withLock { state in
            guard state.requests.removeValue(forKey: id) != nil else { return }
            state.waiting.removeAll { $0 == id }
        }
    }

    private func startThread() {
        let thread = SystemThread.start { [self] in
            SystemThread.current.detach()
            SystemThread.nameCurrent("martlet-resolve")
            while let (id, host, port) = nextRequest() { finish(id, host, look(host, port)) }
        }
        guard thread == nil else { return }
        // The others go on; if there are none, nobody would come to what waits.
        let stranded: [Request] = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            return state.waiting.popAll().compactMap { state.requests.removeValue(forKey: $0) }
        }
        for request in stranded {
            let error = MessagingError(
                .notConnected,
                "the host \(quoted(request.host)) could not be resolved: there is no thread for it"
            )
            request.answer.end(.failure(error))
        }
    }

    private func nextRequest() -> (UInt64, String, Int)? {
        state.withLock { state in
            guard let id = state.waiting.popFirst(), let request = state.requests[id] else {
                state.threads -= 1
                return nil
            }
            return (id, request.host, request.port)
        }
    }

    private func finish(_ id: UInt64, _ host: String, _ result: Result<[SocketAddress], AddressLookup.Failure>) {
        let request = state.withLock { $0.requests.removeValue(forKey: id) }
        request?.answer.end(
            result.mapError { failure in
                MessagingError(.notConnected, "the host \(quoted(host)) could not be resolved: \(failure)")
            }
        )
    }
}

extension Deque {
    /// All elements, leaving none.
    fileprivate mutating func popAll() -> Deque {
        let all = self
        self = []
        return all
    }
}
