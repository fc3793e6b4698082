import Martlet
import MartletTransport

/// Lets other tasks run until a condition holds, or the test is over its time. It is for states that nothing
/// announces.
func until(_ condition: () async throws -> Bool) async rethrows {
    var looks = 0
    while try await !condition(), !Task.isCancelled {
        // Most come true within a few turns of the others; what takes longer must not keep a processor from them.
        looks += 1
        if looks < 1_000 { await Task.yield() } else { try? await Task.sleep(for: .microseconds(200)) }
    }
}

/// Runs `body` with an open loop, and closes it.
func withLoop<Result>(
    _ name: String = "test",
    _ body: (EventLoop) async throws -> Result
) async rethrows -> Result {
    let loop = EventLoop(name: name)
    do { try loop.open() } catch { preconditionFailure("\(error)") }
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
