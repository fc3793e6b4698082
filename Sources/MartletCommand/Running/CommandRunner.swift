import Martlet
import Subprocess

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Answers requests by what a command of the shell prints.
struct CommandRunner: Sendable {
    let command: String
    /// How long it may take.
    let timeout: Duration?
    /// Whether it may print anything. Otherwise it has to be JSON.
    let raw: Bool
    /// The variables of this process's environment that it does not get.
    let withheld: [String]

    /// The most bytes that it may print: what a connection takes.
    private static let limit = 16 << 20
    /// The most bytes of its standard error that are passed on.
    private static let errorLimit = 64 << 10

    /// Runs the command with the request as its standard input, and returns what it prints. What it says on standard error
    /// goes to this process's own, as far as there is room. Cancelled, it ends the command and whatever that has started.
    ///
    /// - Throws: ``MessagingError`` with the codes `command-failed` and `not-json`, and ``MessagingError/Code/timeout``.
    func response(to request: [UInt8]) async throws -> [UInt8] {
        do {
            return try await withTimeLimit(timeout) { try await run(request) }
        } catch is TimeIsOver {
            throw MessagingError(.timeout, "the command took longer than \(timeout?.defaultValueDescription ?? "")")
        }
    }

    private func run(_ request: [UInt8]) async throws -> [UInt8] {
        var options = PlatformOptions()
        // A session of its own: Ctrl-C is for us to handle, and a signal to its group reaches all that it has started.
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(1)),
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1)),
        ]
        let removed = withheld.map { (Environment.Key(stringLiteral: $0), String?.none) }
        let leash = ProcessLeash()
        defer { leash.release() }
        let record: ExecutionResult<Void, BytesOutput, SequenceOutput>
        do {
            record = try await Subprocess.run(
                .name("sh"),
                arguments: ["-c", leash.script, "sh", command],
                environment: .inherit.updating(Dictionary(uniqueKeysWithValues: removed)),
                platformOptions: options,
                input: ForgivingInput(bytes: request),
                output: .bytes(limit: Self.limit),
                error: .sequence
            ) { execution in
                try await Self.passOn(execution.standardError)
            }
        } catch {
            try Task.checkCancellation()
            throw MessagingError("command-failed", "the command could not be run, or printed too much", cause: error)
        }
        try Task.checkCancellation()
        switch record.terminationStatus {
        case .exited(0): break
        case .exited(let code): throw MessagingError("command-failed", "the command ended with exit code \(code)")
        case .signaled(let signal): throw MessagingError("command-failed", "the command was ended by signal \(signal)")
        }
        var output = record.standardOutput
        if output.last == UInt8(ascii: "\n"), !raw { output.removeLast() }
        guard raw || JSONScanner.isValue(output) else {
            throw MessagingError(
                "not-json",
                "what the command printed is no JSON; serve it with --raw if that is meant so"
            )
        }
        return output
    }

    private static func passOn(_ output: SubprocessOutputSequence) async throws {
        let errors = StandardStream(STDERR_FILENO)
        var left = errorLimit
        for try await buffer in output {
            let bytes = buffer.withUnsafeBytes { Array($0) }
            guard left > 0 else { continue }
            try? errors.write(Array(bytes.prefix(left)))
            left -= bytes.count
            if left <= 0 { errors.writeIgnoringErrors("\nmartlet: the command says more than is passed on\n") }
        }
    }
}
