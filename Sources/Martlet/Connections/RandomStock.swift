import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The system's random numbers, of which 32 are fetched at a time: to ask the system for one takes longer than all else that an
/// ID costs. Each is given out once, also where a process is forked.
final class RandomStock: Sendable {
    private struct State {
        var numbers = [UInt64](repeating: 0, count: 32)
        /// How many of them have not been given out.
        var left = 0
    }

    // Proof: changed in a child process alone, before it has a second thread. What its parent has in stock is not the child's,
    // and neither is a lock that was held when it was forked.
    private nonisolated(unsafe) static var current: RandomStock = {
        pthread_atfork(nil, nil) { RandomStock.current = RandomStock() }
        return RandomStock()
    }()

    private let state = Mutex(State())

    /// The next 64 random bits.
    static func next() -> UInt64 {
        current.state.withLock { state in
            if state.left == 0 { state.left = fill(&state.numbers) }
            guard state.left > 0 else { return .random(in: .min ... .max) }
            state.left -= 1
            defer { state.numbers[state.left] = 0 }
            return state.numbers[state.left]
        }
    }

    /// - Returns: how many numbers there are now; 0 if the system does not give so many at a time.
    private static func fill(_ numbers: inout [UInt64]) -> Int {
        numbers.withUnsafeMutableBytes { bytes in
            #if canImport(Darwin)
            arc4random_buf(bytes.baseAddress, bytes.count)
            #else
            guard getentropy(bytes.baseAddress, bytes.count) == 0 else { return 0 }
            #endif
            return bytes.count / MemoryLayout<UInt64>.size
        }
    }
}
