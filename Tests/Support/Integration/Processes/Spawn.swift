import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a new process is started with.
struct Spawn {
    /// The path of the program.
    var program: String
    var arguments: [String] = []
    /// All of the environment that the program sees.
    var environment: [String: String] = [:]
    /// The descriptor that becomes the program's standard input; without one it reads nothing.
    var input: Int32?
    /// The file that standard output and standard error are appended to.
    var output = "/dev/null"
    /// The descriptor that becomes the program's standard output, and standard error where no file is named for that;
    /// instead of ``output``.
    var outputDescriptor: Int32?
    /// The file that standard error is appended to; without one it goes where standard output goes.
    var errors: String?
    /// The process group that the program joins; zero makes it the first of a new one.
    var group: pid_t = 0

    /// Whether the program is to be deaf to all signals but SIGKILL and SIGSTOP.
    var isDeaf = false

    /// Starts the program and returns its process ID.
    ///
    /// The program inherits no descriptor but its first three, and no blocked or ignored signal unless it is to be deaf:
    /// the threads that Swift's tasks run on block signals, and a server that inherited this would not end when it is
    /// asked to.
    func callAsFunction() throws(ServerError) -> pid_t {
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }

        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        if let outputDescriptor {
            posix_spawn_file_actions_adddup2(&actions, outputDescriptor, 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }

        var flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        #if canImport(Darwin)
        flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
        #else
        // A C library's sockets may be open to inheritance, and a broker that held its client's end of a connection would
        // never see it end. To close what is not open does no harm.
        for descriptor in 3..<Self.endOfDescriptors() { posix_spawn_file_actions_addclose(&actions, descriptor) }
        #endif
        posix_spawnattr_setflags(&attributes, Int16(flags))
        posix_spawnattr_setpgroup(&attributes, group)
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        if !isDeaf { sigemptyset(&signals) }
        posix_spawnattr_setsigmask(&attributes, &signals)

        let arguments = ([program] + arguments).map { strdup($0) }
        let environment = environment.map { strdup("\($0.key)=\($0.value)") }
        defer { for text in arguments + environment { free(text) } }
        var process: pid_t = 0
        let failure = posix_spawn(&process, program, &actions, &attributes, arguments + [nil], environment + [nil])
        guard failure == 0 else {
            throw ServerError("\(program) can't be started: \(String(cString: strerror(failure)))")
        }
        return process
    }

    #if !canImport(Darwin)
    /// A number that no open descriptor reaches, with room for those that other threads are just opening.
    private static func endOfDescriptors() -> Int32 {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let highest = open.compactMap { Int32($0) }.max() ?? 1024
        return min(highest + 64, Int32(clamping: limit.rlim_cur))
    }
    #endif
}
