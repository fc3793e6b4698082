#if MARTLET_THREAD_SANITIZER
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Takes the place of the standard library's `Mutex` in builds for ThreadSanitizer.
///
/// On Linux the slow path of that one is in a library that is not instrumented: the sanitizer does not see a lock
/// that was contended being taken, and reports races where there are none. It does see pthread's. Build with
/// `--sanitize thread -Xswiftc -DMARTLET_THREAD_SANITIZER`.
package final class Mutex<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    package init(_ value: sending Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
#endif
