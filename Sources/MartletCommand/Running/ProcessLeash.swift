#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Ends a command, with all that it has started, when this process is gone, also when that was killed.
///
/// Linux has a signal for that, which reaches one process and not those that it has started. Here a process of the
/// command's own group waits at the reading end of a pipe, whose only writing end is this process's: when that ends without
/// a word it kills the group.
final class ProcessLeash: Sendable {
    /// The reading and the writing end; -1 where there is none.
    private let ends: (reading: CInt, writing: CInt)

    init() {
        #if os(Linux)
        var ends: [CInt] = [-1, -1]
        if pipe(&ends) == 0 {
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            // Whatever is said into it has room.
            self.ends = (ends[0], ends[1])
        } else {
            self.ends = (-1, -1)
        }
        #else
        ends = (-1, -1)
        #endif
    }

    deinit {
        if ends.reading >= 0 {
            close(ends.reading)
            close(ends.writing)
        }
    }

    /// What the shell does with its first argument: it runs it as a command, on the leash.
    var script: String {
        let run = #"exec sh -c "$1""#
        guard ends.reading >= 0 else { return run }
        let end = "/proc/\(getpid())/fd/\(ends.reading)"
        return """
            if [ -r \(end) ]; then
            exec 9<\(end)
            { read -r word <&9 || kill -KILL 0; } </dev/null >/dev/null 2>&1 &
            exec 9<&-
            fi
            \(run)
            """
    }

    /// Lets the command's group go its way: the command has ended.
    func release() {
        guard ends.writing >= 0 else { return }
        _ = write(ends.writing, "end\n", 4)
    }
}
