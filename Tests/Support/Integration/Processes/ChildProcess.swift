import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A running program that can't outlive this process, however this process ends.
///
/// A second process, the keeper, waits for the end of a socket whose other side only this process holds. The kernel
/// closes that side when this process ends, be it by a crash or by SIGKILL; the keeper then kills its process group,
/// which is the program, the program's children and the keeper itself. The order of events leaves no gap:
///
/// - The keeper exists before the program does, and the program is a member of the group from its first instruction. A
///   program that is just being started holds this process's side of the socket until it has joined the group.
/// - The keeper's number, which is that of the group, stays taken until the keeper has been waited for, so that a signal
///   to the group never reaches strangers.
/// - The keeper is deaf to signals. When this process ends while the program is stopped, the kernel hangs up (SIGHUP) on
///   the whole group, the keeper included.
final class ChildProcess: Sendable {
    private struct State {
        /// How the program ended, once that is known. Its number may then belong to another process.
        var end: ProcessEnd?
        var isPaused = false
        /// Whether the group is gone.
        var isOver = false
    }

    /// The number of the program's process.
    let processID: pid_t
    private let keeper: pid_t
    /// This process's side of the keeper's socket.
    private let lifeline: Int32
    private let state = Mutex(State())

    /// Starts a program; it is killed when the last reference to this object is gone, at the latest.
    init(_ spawn: Spawn) throws(ServerError) {
        let (lifeline, end) = try Self.socketPair()
        defer { close(end) }
        do {
            keeper = try Spawn(
                program: "/bin/sh",
                arguments: ["-c", "read -r line; kill -KILL 0"],
                environment: spawn.environment,
                input: end,
                isDeaf: true
            )()
        } catch {
            close(lifeline)
            throw error
        }
        self.lifeline = lifeline
        var spawn = spawn
        spawn.group = keeper
        do {
            processID = try spawn()
        } catch {
            close(lifeline)
            _ = ProcessEnd(waitingFor: keeper)
            throw error
        }
    }

    deinit { kill() }

    /// How the program ended; `nil` while it runs.
    var end: ProcessEnd? {
        state.withLock { state in
            if state.end == nil { state.end = ProcessEnd(of: processID) }
            return state.end
        }
    }

    /// Waits on the calling thread until the program has ended by itself, which has to be soon.
    func waitForEnd() -> ProcessEnd {
        state.withLock { state in
            let end = state.end ?? ProcessEnd(waitingFor: processID)
            state.end = end
            return end
        }
    }

    /// Sends a signal to the program, unless it has ended.
    func send(signal: Int32) {
        state.withLock { _ = send(signal, &$0) }
    }

    /// Stops the program where it is, and returns when it has stopped; the kernel needs no time worth speaking of. Its
    /// children go on.
    func pause() {
        state.withLock { state in
            guard !state.isPaused, send(SIGSTOP, &state) else { return }
            switch ProcessChange(waitingFor: processID) {
            case .stopped: state.isPaused = true
            case .ended(let end): state.end = end
            }
        }
    }

    /// Lets the program go on, if it is paused.
    func resume() {
        state.withLock { state in
            send(SIGCONT, &state)
            state.isPaused = false
        }
    }

    /// Returns `false` if the program has ended.
    @discardableResult
    private func send(_ signal: Int32, _ state: inout State) -> Bool {
        if state.end == nil { state.end = ProcessEnd(of: processID) }
        guard state.end == nil else { return false }
        #if canImport(Darwin)
        _ = Darwin.kill(processID, signal)
        #else
        _ = Glibc.kill(processID, signal)
        #endif
        return true
    }

    /// Kills the program and its children with SIGKILL, and returns when the program is gone.
    ///
    /// This waits on the calling thread, for the few milliseconds that the kernel needs, so that a cancelled task can do
    /// it as well.
    func kill() {
        state.withLock { state in
            guard !state.isOver else { return }
            state.isOver = true
            killpg(keeper, SIGKILL)
            if state.end == nil { state.end = ProcessEnd(waitingFor: processID) }
            _ = ProcessEnd(waitingFor: keeper)
            close(lifeline)
        }
    }

    /// Two connected sockets that no other program inherits.
    static func socketPair() throws(ServerError) -> (Int32, Int32) {
        var sockets: [Int32] = [-1, -1]
        #if canImport(Darwin)
        let result = socketpair(AF_UNIX, SOCK_STREAM, 0, &sockets)
        for socket in sockets { _ = fcntl(socket, F_SETFD, FD_CLOEXEC) }
        #else
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let result = socketpair(AF_UNIX, kind, 0, &sockets)
        #endif
        guard result == 0 else { throw ServerError("No pair of sockets: \(String(cString: strerror(errno)))") }
        return (sockets[0], sockets[1])
    }
}
