import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A server that tests start, and may kill, pause and start again, with the same ports and the same folder.
///
/// It ends with the object, with the scope function that made it and with this process, whichever comes first.
package final class ServerProcess: Sendable {
    /// What to start. It is made anew for each start, so that settings may change between them.
    typealias Command = @Sendable () async throws -> Spawn

    /// What the server is called in errors.
    let name: String
    /// The folder that the server may write in; its log is here, too.
    let folder: TemporaryFolder
    private let command: Command
    private let readiness: Readiness
    private let patience: Duration
    private let running = Mutex<ChildProcess?>(nil)

    /// - Parameter patience: How long the server may take to start before that counts as a failure. It is long, because a
    ///   busy machine is no failure.
    init(
        _ name: String,
        in folder: TemporaryFolder,
        readiness: Readiness,
        patience: Duration = .seconds(60),
        command: @escaping Command
    ) {
        self.name = name
        self.folder = folder
        self.readiness = readiness
        self.patience = patience
        self.command = command
    }

    /// What the server has written to its standard output and error since its first start.
    var log: String { Program.text(of: logFile) }

    /// The number of the server's process; `nil` if it does not run.
    package var processID: Int32? {
        running.withLock { process in process?.end == nil ? process?.processID : nil }
    }

    private var logFile: String { folder.path("log") }

    /// Starts the server and returns when it answers. Does nothing if it runs already.
    ///
    /// - Throws: ``ServerError`` with the server's log, if it ends or does not answer in time; `CancellationError` if the
    ///   task is cancelled. The server does not run then.
    func start() async throws {
        guard processID == nil else { return }
        let process = try await launch()
        do {
            try await waitUntilReady(process)
        } catch {
            process.kill()
            throw error
        }
    }

    /// Ends the server as a power failure would (SIGKILL), and returns when it is gone.
    func kill() {
        running.withLock { process in
            process?.kill()
            process = nil
        }
    }

    /// Stops the server where it is (SIGSTOP), and returns when it has stopped.
    func pause() {
        running.withLock { $0?.pause() }
    }

    /// Lets a paused server go on (SIGCONT).
    func resume() {
        running.withLock { $0?.resume() }
    }

    /// Asks the server to end (SIGTERM), and returns how it did.
    ///
    /// - Throws: ``ServerError`` if it does not run, or takes longer than it may take to start; `CancellationError` if the
    ///   task is cancelled. It is killed then.
    @discardableResult
    func terminate() async throws -> ProcessEnd {
        defer { kill() }
        send(signal: SIGTERM)
        resume()
        return try await waitForEnd()
    }

    /// Waits until the server has ended by itself, and returns how it did.
    ///
    /// - Throws: ``ServerError`` if it was not started, or takes longer than it may take to start; `CancellationError` if
    ///   the task is cancelled.
    @discardableResult
    func waitForEnd() async throws -> ProcessEnd {
        guard let process = running.withLock({ $0 }) else { throw ServerError("\(name) does not run") }
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            if let end = process.end { return end }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw ServerError("\(name) did not end within \(patience). Its log:\n\(log)")
    }

    /// Sends a signal to the server, if it runs.
    func send(signal: Int32) {
        running.withLock { $0?.send(signal: signal) }
    }

    /// Ends the server and removes its folder.
    func discard() {
        kill()
        folder.remove()
    }

    private func launch() async throws -> ChildProcess {
        var spawn = try await command()
        spawn.output = logFile
        // Shows whose process it is, and lets a test find what the server has started.
        spawn.environment["MARTLET_FOLDER"] = folder.path
        let process = try ChildProcess(spawn)
        running.withLock { $0 = process }
        return process
    }

    private func waitUntilReady(_ process: ChildProcess) async throws {
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            if let end = process.end {
                throw ServerError("\(name) \(end) before it answered on \(readiness.address). Its log:\n\(log)")
            }
            // A server that fails because somebody else has its port must not be taken for that somebody.
            if try await readiness.ask(until: deadline), process.end == nil { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw ServerError("\(name) did not answer on \(readiness.address) within \(patience). Its log:\n\(log)")
    }
}
