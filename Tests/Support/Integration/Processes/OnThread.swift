import Foundation

/// Runs what blocks on a thread of its own, so that it keeps no task from running. It goes on to its end when the task is
/// cancelled, and so has to be short.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}
