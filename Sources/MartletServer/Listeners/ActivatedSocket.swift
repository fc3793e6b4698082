#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A socket that systemd has bound for this process before it was started (sd_listen_fds(3)), so that clients can connect from
/// the first moment on, and while the process is started anew.
public struct ActivatedSocket: Sendable, Hashable {
    /// What `FileDescriptorName=` calls it; empty if nothing does.
    public let name: String
    /// Its descriptor, for ``Listener/on(descriptor:)``.
    public let descriptor: CInt

    /// All that this process was given, by the variables `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`; none if they are for
    /// another process. Programs that this one starts do not get the sockets.
    public static func all() -> [ActivatedSocket] {
        let sockets = all { name in getenv(name).map { String(cString: $0) } }
        for socket in sockets { _ = fcntl(socket.descriptor, F_SETFD, FD_CLOEXEC) }
        return sockets
    }

    static func all(process: CInt = getpid(), _ variable: (String) -> String?) -> [ActivatedSocket] {
        guard let own = variable("LISTEN_PID").flatMap(CInt.init), own == process,
            let count = variable("LISTEN_FDS").flatMap(Int.init), (1...1_000).contains(count)
        else { return [] }
        let names = variable("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        return (0..<count).map { index in
            ActivatedSocket(
                name: names.indices.contains(index) ? String(names[index]) : "",
                descriptor: CInt(3 + index)
            )
        }
    }
}
