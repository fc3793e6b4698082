/// A server that tests start, kill, pause and start again. It keeps its ports and its folder all the while.
///
/// Tests that do so share nothing with others: they take a server of their own from `withServer`, whose scope ends it.
/// Suites that only use a server take the `shared()` one, which starts once and ends with the test process.
/// A suite whose tests would get in each other's way on one server is serialized, and every suite has a time limit, so
/// that a broker that never answers fails a test instead of holding up all of them:
///
///     @Suite(.serialized, .timeLimit(.minutes(10)))
///     struct ReconnectTests {
///         @Test func aRestartedBrokerIsFoundAgain() async throws {
///             try await MosquittoServer.withServer { server in
///                 …
///                 try await server.restart()
///             }
///         }
///     }
package protocol ControlledServer: AnyObject, Sendable {
    /// The server's process.
    var process: ServerProcess { get }
}

extension ControlledServer {
    /// What the server has written to its log since its first start.
    package var log: String { process.log }

    /// The folder that the server may write in.
    package var folder: TemporaryFolder { process.folder }

    /// The number of the server's process; `nil` if it does not run.
    package var processID: Int32? { process.processID }

    /// Starts the server and returns when it answers; does nothing if it runs.
    ///
    /// - Throws: ``ServerError`` with the server's log, if it ends or does not answer in time.
    package func start() async throws { try await process.start() }

    /// Ends the server as a power failure would (SIGKILL), and returns when it is gone.
    package func kill() { process.kill() }

    /// Stops the server where it is (SIGSTOP), and returns when it has stopped: its connections stay, the kernel even makes
    /// new ones, and nothing answers on them.
    package func pause() { process.pause() }

    /// Lets a paused server go on (SIGCONT).
    package func resume() { process.resume() }

    /// Asks the server to end (SIGTERM), and returns how it did. A paused one goes on to do so.
    ///
    /// - Throws: ``ServerError`` if it does not run or does not end in time; it is then killed.
    @discardableResult
    package func terminate() async throws -> ProcessEnd { try await process.terminate() }

    /// Kills the server (SIGKILL) and starts it again with the same ports and folder; returns when it answers.
    package func restart() async throws {
        kill()
        try await start()
    }

    /// Starts the server, runs `body`, and ends the server, however `body` ends.
    func withRunning<Result>(_ body: (Self) async throws -> Result) async throws -> Result {
        defer { process.discard() }
        try await start()
        return try await body(self)
    }
}
