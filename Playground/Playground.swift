#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The program: it reads its arguments, runs one thing, and says by its exit code how that went.
@main
enum Playground {
    static func main() async {
        exit(await run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// Runs what the arguments ask for.
    static func run(_ arguments: [String]) async -> ExitCode {
        do {
            try await Command(arguments).run()
            return .success
        } catch let error as UsageError {
            complain(error.description)
            return .usage
        } catch {
            complain("\(error)")
            return .failure
        }
    }

    private static func complain(_ text: String) {
        let line = Array("playground: \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}
