import DequeModule
import Martlet
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
        let continuation: CheckedContinuation<[SocketAddress], any Error>
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
    ///   - deadline: when to give up; without one, when the system does.
    /// - Throws: `MessagingError.Code.invalidArgument` for what can't be a host or a port,
    ///   `MessagingError.Code.timeout` at the deadline, `MessagingError.Code.notConnected` with the system's reason
    ///   if there is no such host or nobody to ask, which may pass; `CancellationError` at once when the task is
    ///   cancelled.
    package static func addresses(
        of host: String,
        port: Int,
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> [SocketAddress] {
        try await shared.addresses(of: host, port: port, deadline: deadline)
    }

    func addresses(
        of host: String,
        port: Int,
        deadline: ContinuousClock.Instant? = nil
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
        guard let deadline else { return try await lookUp(name, port) }
        return try await withThrowingTaskGroup(of: [SocketAddress].self) { group in
            defer { group.cancelAll() }
            group.addTask { try await self.lookUp(name, port) }
            group.addTask {
                try await Task.sleep(until: deadline, clock: .continuous)
                throw MessagingError(.timeout, "the host \(quoted(name)) was not resolved in the time allowed")
            }
            return try await group.next() ?? []
        }
    }

    private func lookUp(_ host: String, _ port: Int) async throws -> [SocketAddress] {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                begin(id, Request(host: host, port: port, continuation: continuation))
            }
        } onCancel: {
            let request = state.withLock { state in
                state.waiting.removeAll { $0 == id }
                return state.requests.removeValue(forKey: id)
            }
            request?.continuation.resume(throwing: CancellationError())
        }
    }

    private func begin(_ id: UInt64, _ request: Request) {
        enum Step { case wait, start, cancelled }
        let step: Step = state.withLock { state in
            // A task that is cancelled later finds the request; one that was before has looked in vain.
            if Task.isCancelled { return .cancelled }
            state.requests[id] = request
            state.waiting.append(id)
            guard state.threads < limit else { return .wait }
            state.threads += 1
            return .start
        }
        switch step {
        case .wait: break
        case .start: startThread()
        case .cancelled: request.continuation.resume(throwing: CancellationError())
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
            request.continuation.resume(throwing: error)
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
        request?.continuation.resume(
            with: result.mapError { failure in
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
