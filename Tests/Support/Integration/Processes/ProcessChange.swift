#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a process that was told to stop did.
enum ProcessChange {
    case stopped
    /// It ended before it could stop.
    case ended(ProcessEnd)

    /// Waits on the calling thread until a child has stopped or ended.
    init(waitingFor process: pid_t) {
        var status: Int32 = 0
        while waitpid(process, &status, WUNTRACED) < 0, errno == EINTR {}
        self = status & 0xff == 0x7f ? .stopped : .ended(ProcessEnd(status: status))
    }
}
