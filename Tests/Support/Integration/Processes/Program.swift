import Foundation

/// Programs of the system that tests need.
package enum Program {
    /// The path of a program; throws an error that says what to install if it is missing.
    package static func find(_ name: String, package: String) throws(ServerError) -> String {
        let path = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
        for folder in path + ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"] {
            let candidate = "\(folder)/\(name)"
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        }
        throw ServerError("There is no \(name) here. Debian has it in its package \(package): Tests/run installs it")
    }

    /// Runs a program to its end and returns what it wrote.
    ///
    /// - Throws: ``ServerError`` with what the program wrote, if it ends with another exit code than zero or takes longer
    ///   than `limit`. If the task is cancelled, the program is killed and `CancellationError` is thrown.
    @discardableResult
    package static func run(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        limit: Duration = .seconds(120)
    ) async throws -> String {
        let folder = try TemporaryFolder("run")
        defer { folder.remove() }
        let output = folder.path("output")
        let process = try start(program, arguments, environment: environment, output: output)
        defer { process.kill() }
        let deadline = ContinuousClock.now + limit
        while true {
            if let end = process.end { return try result(end, program, arguments, output: output) }
            guard ContinuousClock.now < deadline else {
                throw ServerError("\(program) \(arguments) took longer than \(limit):\n\(text(of: output))")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Runs a program that takes milliseconds to its end, on the calling thread, and returns what it wrote.
    @discardableResult
    static func runBriefly(_ program: String, _ arguments: [String]) throws -> String {
        let folder = try TemporaryFolder("run")
        defer { folder.remove() }
        let output = folder.path("output")
        let process = try start(program, arguments, environment: [:], output: output)
        return try result(process.waitForEnd(), program, arguments, output: output)
    }

    /// What a file holds, as far as it is text; empty if there is none.
    static func text(of path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    private static func start(
        _ program: String,
        _ arguments: [String],
        environment: [String: String],
        output: String
    ) throws(ServerError) -> ChildProcess {
        try ChildProcess(
            Spawn(
                program: program,
                arguments: arguments,
                environment: Self.environment.merging(environment) { $1 },
                output: output
            )
        )
    }

    private static func result(
        _ end: ProcessEnd,
        _ program: String,
        _ arguments: [String],
        output: String
    ) throws(ServerError) -> String {
        let written = text(of: output)
        guard end == .exited(0) else { throw ServerError("\(program) \(arguments) \(end):\n\(written)") }
        return written
    }

    /// What every program is started with: nothing of this process's own settings.
    static let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"]
}
