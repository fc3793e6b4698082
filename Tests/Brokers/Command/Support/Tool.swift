import Foundation
import IntegrationSupport

/// The built command, run as a process.
enum Tool {
    /// How a run of it ended.
    struct Outcome {
        let exit: ProcessEnd
        let output: String
        let errors: String

        var lines: [String] { output.split(separator: "\n").map(String.init) }

        /// The lines as the JSON objects that they are.
        var objects: [[String: Any]] { get throws { try lines.map(Tool.object) } }
    }

    /// The executable stands beside the tests.
    static let path: String = {
        #if os(Linux)
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("martlet").path
        #else
        let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? .main
        return bundle.bundleURL.deletingLastPathComponent().appendingPathComponent("martlet").path
        #endif
    }()

    /// Runs it to its end.
    static func run(
        _ arguments: String...,
        environment: [String: String] = [:],
        input: ProgramRun.Input = .nothing
    ) async throws -> Outcome {
        try await run(arguments, environment: environment, input: input)
    }

    /// What a sanitizer needs of this process's environment: the command is built with it, too.
    static let sanitizing = ProcessInfo.processInfo.environment.filter { name, _ in
        ["LD_PRELOAD", "TSAN_OPTIONS", "ASAN_OPTIONS"].contains(name)
    }

    /// Starts it.
    static func start(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: ProgramRun.Input = .nothing
    ) throws -> ProgramRun {
        try ProgramRun(path, arguments, environment: sanitizing.merging(environment) { $1 }, input: input)
    }

    /// Starts it on a terminal.
    static func startOnTerminal(
        _ arguments: [String],
        environment: [String: String] = [:],
        columns: Int = 100
    ) throws -> TerminalRun {
        try TerminalRun(path, arguments, environment: sanitizing.merging(environment) { $1 }, columns: columns)
    }

    /// Makes a program of its own name in a folder, for the shell to find.
    static func install(_ tool: String = path, in folder: TemporaryFolder) throws {
        let variables = sanitizing.map { "\($0.key)='\($0.value)'" }.sorted().joined(separator: " ")
        let script = "#!/bin/sh\n\(variables) exec '\(tool)' \"$@\"\n"
        // Written by another process: a file that is open for writing here is so for a moment in every process that is
        // started meanwhile, and can't be run in that moment.
        let writer = Process()
        writer.executableURL = URL(fileURLWithPath: "/bin/sh")
        writer.arguments = ["-c", #"printf '%s' "$1" > "$0" && chmod 700 "$0""#, folder.path("martlet"), script]
        try writer.run()
        writer.waitUntilExit()
    }

    /// Runs it to its end.
    static func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: ProgramRun.Input = .nothing
    ) async throws -> Outcome {
        let run = try start(arguments, environment: environment, input: input)
        let exit = try await run.waitForEnd()
        return Outcome(exit: exit, output: run.output, errors: run.errors)
    }

    /// Starts it, with `--verbose`, and returns when it says on standard error that it is ready.
    static func start(
        _ arguments: String...,
        until word: String,
        environment: [String: String] = [:]
    ) async throws -> ProgramRun {
        try await start(arguments, until: word, environment: environment)
    }

    /// The same.
    static func start(
        _ arguments: [String],
        until word: String,
        environment: [String: String] = [:]
    ) async throws -> ProgramRun {
        let run = try start(arguments + ["--verbose"], environment: environment)
        try await run.waitForErrors(word)
        return run
    }

    static func object(_ line: String) throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
            throw ServerError("no JSON object: \(line)")
        }
        return object
    }
}

/// A name that no other test uses.
func unique(_ name: String) -> String { "\(name).\(String(UInt32.random(in: .min ... .max), radix: 36))" }
