import Martlet
import MartletIO

/// Lets other tasks run until a condition holds, or the test is over its time. It is for states that nothing
/// announces.
func until(_ condition: () async throws -> Bool) async rethrows {
    while try await !condition(), !Task.isCancelled { await Task.yield() }
}

/// Runs `body` with an open loop, and closes it.
func withLoop<Result>(
    _ name: String = "test",
    _ body: (EventLoop) async throws -> Result
) async rethrows -> Result {
    let loop = EventLoop(name: name)
    loop.open()
    do {
        let result = try await body(loop)
        await loop.close()
        return result
    } catch {
        await loop.close()
        throw error
    }
}

extension EventLoop {
    /// Runs `body` on the loop's thread and returns what it returns.
    func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }
}

/// The code of the error that `body` throws; `nil` if it throws none or another kind.
func errorCode(_ body: () async throws -> Void) async -> MessagingError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? MessagingError)?.code
    }
}
