package import Dispatch
import Synchronization

/// Does what blocks, one after the other, away from the threads that tasks share.
package struct BlockingQueue: Sendable {
    private let submit: @Sendable (@escaping @Sendable () -> Void) -> Void

    package init(label: String) {
        self.init(DispatchQueue(label: label))
    }

    package init(_ queue: DispatchQueue) {
        self.init { queue.async(execute: $0) }
    }

    /// A queue of somebody else's making, such as one of a simulation, which does what it is given at once.
    package init(_ submit: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        self.submit = submit
    }

    /// Has work be done some time.
    package func later(_ work: @escaping @Sendable () -> Void) { submit(work) }

    /// Does work, and returns when it is done. Cancellation does not shorten it.
    ///
    /// - Throws: what the work throws.
    package func perform<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let outcome = Outcome<Value, Failure>()
        await withCheckedContinuation { continuation in
            submit {
                let result = Result { () throws(Failure) in try work() }
                outcome.result.withLock { $0 = result }
                continuation.resume()
            }
        }
        guard let result = outcome.result.withLock({ $0 }) else { preconditionFailure("it was resumed too early") }
        return try result.get()
    }

    /// It crosses from the queue's thread to the task's under a lock. Of a continuation that is resumed before its task waits
    /// for it, ThreadSanitizer does not know that one comes before the other.
    private final class Outcome<Value: Sendable, Failure: Error>: Sendable {
        let result = Mutex<Result<Value, Failure>?>(nil)
    }
}
