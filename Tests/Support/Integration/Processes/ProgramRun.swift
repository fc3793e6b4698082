import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A program that a test runs with its three standard streams in hand. It ends with this object at the latest.
package final class ProgramRun: Sendable {
    /// What the program reads.
    package enum Input: Sendable {
        /// It ends at once.
        case nothing
        /// A text, and then the end.
        case text(String)
        /// What is at a path, whatever that is.
        case path(String)
        /// Nothing, and no end either, as long as this object lives.
        case silence
    }

    private let process: ChildProcess
    private let folder: TemporaryFolder
    private let pipe: Int32?
    private let what: String

    /// Starts a program.
    ///
    /// - Parameter environment: what its environment has besides a path and a locale.
    package init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        input: Input = .nothing
    ) throws {
        let folder = try TemporaryFolder("program")
        what = "\(program) \(arguments)"
        var spawn = Spawn(program: program, arguments: arguments)
        spawn.environment = Program.environment.merging(environment) { $1 }
        spawn.output = folder.path("output")
        spawn.errors = folder.path("errors")
        var ends: [Int32] = [-1, -1]
        switch input {
        case .nothing: break
        case .text(let text):
            ends[0] = open(try folder.write(text, to: "input"), O_RDONLY | O_CLOEXEC)
        case .path(let path):
            ends[0] = open(path, O_RDONLY | O_CLOEXEC)
        case .silence:
            let (reading, writing) = try ChildProcess.socketPair()
            ends = [reading, writing]
        }
        if ends[0] >= 0 { spawn.input = ends[0] }
        defer { if ends[0] >= 0 { close(ends[0]) } }
        do {
            process = try ChildProcess(spawn)
        } catch {
            if ends[1] >= 0 { close(ends[1]) }
            folder.remove()
            throw error
        }
        self.folder = folder
        pipe = ends[1] >= 0 ? ends[1] : nil
    }

    deinit {
        process.kill()
        if let pipe { close(pipe) }
        folder.remove()
    }

    /// The number of the program's process.
    package var processID: Int32 { process.processID }

    /// What it has written to standard output so far.
    package var output: String { Program.text(of: folder.path("output")) }

    /// What it has written to standard error so far.
    package var errors: String { Program.text(of: folder.path("errors")) }

    /// The lines of standard output so far.
    package var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// Sends a signal to the program, unless it has ended.
    package func send(signal: Int32) { process.send(signal: signal) }

    /// Waits for its end.
    ///
    /// - Throws: ``ServerError`` with what it has written if it takes longer than `limit`; `CancellationError`.
    @discardableResult
    package func waitForEnd(limit: Duration = .seconds(60)) async throws -> ProcessEnd {
        try await wait("its end", limit: limit) { process.end }
    }

    /// Waits until it has written something to standard output.
    ///
    /// - Throws: ``ServerError`` if it ends before, or takes longer than `limit`; `CancellationError`.
    package func waitForOutput(_ text: String, limit: Duration = .seconds(60)) async throws {
        try await waitForText(text, limit: limit) { $0.output }
    }

    /// Waits until it has written something to standard error; otherwise as ``waitForOutput(_:limit:)``.
    package func waitForErrors(_ text: String, limit: Duration = .seconds(60)) async throws {
        try await waitForText(text, limit: limit) { $0.errors }
    }

    private func waitForText(_ text: String, limit: Duration, in stream: (ProgramRun) -> String) async throws {
        _ = try await wait("'\(text)'", limit: limit) {
            // Asked for first: what it wrote last it may have written just before it ended.
            let end = process.end
            if stream(self).contains(text) { return true }
            if let end { throw ServerError("\(what) \(end) without '\(text)':\n\(output)\n\(errors)") }
            return nil
        }
    }

    private func wait<Value>(_ name: String, limit: Duration, for value: () throws -> Value?) async throws -> Value {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if let value = try value() { return value }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw ServerError("\(what) kept us waiting for \(name) longer than \(limit):\n\(output)\n\(errors)")
    }
}
