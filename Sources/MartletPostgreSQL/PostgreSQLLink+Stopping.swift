import CPostgreSQL
import Martlet
import MartletSQL
import MartletTransport

extension PostgreSQLLink {
    /// Does something with a statement that runs. When the task is cancelled the server is asked to stop the statement.
    func stoppable<Result: Sendable>(
        _ body: (PostgreSQLSocket) async throws -> Result
    ) async throws -> Result {
        guard let socket else { throw SQLError(.closed, "the session was closed") }
        let number = beginJob()
        defer { job = nil }
        return try await withTaskCancellationHandler {
            do {
                return try await body(socket)
            } catch is SQLError where job?.isStopped == true {
                throw CancellationError()
            }
        } onCancel: {
            thread.loop.execute { self.assumeIsolated { $0.stop(number) } }
        }
    }

    func beginJob() -> Int {
        lastJob += 1
        job = Job(number: lastJob)
        return lastJob
    }

    func stop(_ number: Int) {
        guard let job, job.number == number, !job.isStopped else { return }
        self.job?.stoppedAt = .now
        ask(number)
    }

    /// Asks the server to stop a statement. Neither the asking nor the stopping is waited for for ever.
    private func ask(_ number: Int) {
        guard job?.number == number, stopping == nil, let socket else { return }
        guard let cancel = PQgetCancel(socket.pointer) else { return socket.giveUp() }
        let told = Promise<Void>()
        stopping = told
        let timer = thread.loop.schedule(after: Self.stopPatience) {
            socket.giveUp()
            told.end(.success(()))
        }
        let address = UInt(bitPattern: cancel)
        // It blocks, for it makes a connection of its own to ask.
        stopper.execute { [loop = thread.loop] in
            let cancel = OpaquePointer(bitPattern: address)
            var reason = [CChar](repeating: 0, count: 256)
            PQcancel(cancel, &reason, CInt(reason.count))
            PQfreeCancel(cancel)
            loop.execute {
                self.assumeIsolated { link in
                    timer.cancel()
                    link.stopping = nil
                    link.wasAsked()
                }
                told.end(.success(()))
            }
        }
    }

    /// The server has been asked. It forgets that if it has not seen the statement yet, so it is asked again, later each time.
    /// So it is for what was to be stopped meanwhile, such as the rest of the same statement.
    private func wasAsked() {
        guard let job, let start = job.stoppedAt else { return }
        let passed = ContinuousClock.now - start
        guard passed < Self.stopPatience else {
            socket?.giveUp()
            return
        }
        thread.loop.schedule(after: max(passed, .milliseconds(100))) { [weak self] in
            self?.assumeIsolated { $0.ask(job.number) }
        }
    }

    /// Waits until the server has been told to stop what it was to stop: it would stop what comes next otherwise.
    func untilStopped() async {
        if let stopping { await withCheckedContinuation { done in stopping.observe { _ in done.resume() } } }
    }
}
