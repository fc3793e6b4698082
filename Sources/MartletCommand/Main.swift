import ArgumentParser
import MartletConsole

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The program: it reads its arguments, runs one subcommand, and says by its exit code how that went.
@main
enum Main {
    static func main() async {
        // A reader that has gone is then an error of the write, and not the end of this process in the midst of its work.
        signal(SIGPIPE, SIG_IGN)
        openStandardStreams()
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            var command = try MartletCommand.parseAsRoot(arguments)
            if let subcommand = command as? any Subcommand {
                exit(await Runner.run(subcommand).rawValue)
            }
            try command.run()
        } catch {
            leave(with: error, arguments)
        }
    }

    /// Where a standard stream was closed by whoever started this, a file or socket would take its place, and what is meant
    /// for people would go there.
    private static func openStandardStreams() {
        while true {
            let descriptor = open("/dev/null", O_RDWR)
            guard (0...2).contains(descriptor) else {
                if descriptor > 2 { close(descriptor) }
                return
            }
        }
    }

    /// Prints help, a completion script or what is wrong with the arguments, and ends the process.
    private static func leave(with error: any Error, _ arguments: [String]) -> Never {
        let text = Secrets.removed(from: MartletCommand.fullMessage(for: error), in: arguments)
        let code = MartletCommand.exitCode(for: error)
        StandardStream(code.isSuccess ? STDOUT_FILENO : STDERR_FILENO).writeIgnoringErrors(
            text.isEmpty ? "" : text + "\n"
        )
        exit(code.rawValue)
    }
}
