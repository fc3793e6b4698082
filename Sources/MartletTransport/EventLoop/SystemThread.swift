#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A thread of the operating system.
///
/// Whoever starts one joins or detaches it, once; what it holds is freed then.
struct SystemThread: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// The thread's handle. It is a number on one system and a pointer on another.
    private let handle: UInt

    private init(_ handle: pthread_t) {
        self.handle = Self.number(handle)
    }

    /// Starts a thread.
    ///
    /// A system that is out of threads for the moment is asked again for a second.
    ///
    /// - Returns: `nil` if there was none.
    static func start(_ run: @escaping @Sendable () -> Void) -> SystemThread? {
        let body = Unmanaged.passRetained(Body(run))
        for _ in 0..<100 {
            #if canImport(Darwin)
            var handle: pthread_t?
            let code = pthread_create(&handle, nil, { Self.main($0) }, body.toOpaque())
            if code == 0, let handle { return SystemThread(handle) }
            #else
            var handle = pthread_t()
            let code = pthread_create(&handle, nil, { Self.main($0) }, body.toOpaque())
            if code == 0 { return SystemThread(handle) }
            #endif
            guard code == EAGAIN else { break }
            _ = poll(nil, 0, 10)
        }
        body.release()
        return nil
    }

    private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
    }

    /// The calling thread. No other thread that lives has an equal one.
    static var current: SystemThread { SystemThread(pthread_self()) }

    /// A number that no other living thread has, and that is never zero.
    var id: UInt { handle }

    /// Waits until the thread has ended; for a thread that is about to.
    func join() {
        _ = pthread_join(systemHandle, nil)
    }

    /// Has the thread clean up after itself when it ends.
    func detach() {
        _ = pthread_detach(systemHandle)
    }

    #if canImport(Darwin)
    private static func number(_ handle: pthread_t) -> UInt { UInt(bitPattern: handle) }
    // Made of a handle that was not null.
    private var systemHandle: pthread_t { pthread_t(bitPattern: handle).unsafelyUnwrapped }
    #else
    private static func number(_ handle: pthread_t) -> UInt { UInt(handle) }
    private var systemHandle: pthread_t { pthread_t(handle) }
    #endif

    /// Names the calling thread for debuggers and `top`; Linux shows the first 15 bytes. A thread that can't be
    /// named goes on without.
    static func nameCurrent(_ name: String) {
        #if canImport(Darwin)
        _ = pthread_setname_np(name)
        #else
        // The C library's function is not visible without a header of our own; this file does the same.
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(file, bytes, bytes.count)
        _ = close(file)
        #endif
    }

    /// Sleeps for as short a time as the system can: about 60 µs on Linux, whose threads have a timer slack of 50 µs.
    static func pause() {
        var time = timespec(tv_sec: 0, tv_nsec: 1)
        _ = nanosleep(&time, nil)
    }

    /// Has the calling thread learn of a broken pipe by an error alone, and not be ended by a signal: C libraries write
    /// to sockets without a word about it.
    static func ignoreBrokenPipes() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
