#if MARTLET_THREAD_SANITIZER
import Martlet

/// See `Mutex` in `Martlet`.
typealias Mutex = Martlet.Mutex
#endif
