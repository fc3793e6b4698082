public import Synchronization

/// One value that a task waits for, or that an observer is told. The first of these ends it: a value, a failure,
/// cancellation.
///
/// Transports make one for each confirmed message. So its members are inlinable and its stored properties are set in
/// `init`: otherwise another module could not specialise it, and one promise would cost ten times as much.
@usableFromInline
package final class Promise<Value: Sendable>: Sendable {
    @usableFromInline package typealias Observer = @Sendable (Result<Value, any Error>) -> Void

    @usableFromInline let state: Mutex<PromiseState>

    @inlinable
    package init() {
        state = Mutex(.pending)
    }

    @inlinable deinit {}

    /// Whether it has its value, has failed or was cancelled.
    @inlinable package var hasEnded: Bool {
        state.withLock { state in
            switch state {
            case .pending, .observed: false
            case .small, .succeeded, .failed: true
            }
        }
    }

    /// The value or the error that it has ended with; `nil` while it has not ended.
    @inlinable package var ended: Result<Value, any Error>? {
        Self.result(of: state.withLock { $0 })
    }

    @inlinable
    static func result(of state: PromiseState) -> Result<Value, any Error>? {
        switch state {
        case .pending, .observed: nil
        // Only `state(of:)` makes these states, and with a value of this type: so the bits and the object are of this type.
        case .small(let bits): .success(withUnsafeBytes(of: bits) { $0.load(as: Value.self) })
        case .succeeded(let value): .success(unsafeDowncast(value, to: PromisedValue<Value>.self).value)
        case .failed(let error): .failure(error)
        }
    }

    /// Ends the wait, unless it has ended before.
    ///
    /// - Returns: whether this call ended it.
    @inlinable @discardableResult
    package func end(_ result: Result<Value, any Error>) -> Bool {
        let state = Self.state(of: result)
        switch replace(with: state) {
        case .pending: return true
        case .observed(let observer):
            observer(state)
            return true
        case .small, .succeeded, .failed: return false
        }
    }

    /// Ends several waits first and tells the waiting tasks and the observers then. To wake a thread takes microseconds;
    /// one that is awake already finds the other promises ended and need not be woken for each of them.
    @inlinable
    package static func end(_ results: [(promise: Promise, result: Result<Value, any Error>)]) {
        var untold: [(observer: PromiseState.Observer, state: PromiseState)] = []
        for (promise, result) in results {
            let state = state(of: result)
            if case .observed(let observer) = promise.replace(with: state) { untold.append((observer, state)) }
        }
        for (observer, state) in untold { observer(state) }
    }

    @inlinable
    static func state(of result: Result<Value, any Error>) -> PromiseState {
        switch result {
        case .success(let value) where isSmall:
            var bits: UInt64 = 0
            withUnsafeMutableBytes(of: &bits) { _ = $0.baseAddress?.initializeMemory(as: Value.self, to: value) }
            return .small(bits)
        case .success(let value): return .succeeded(PromisedValue(value))
        case .failure(let error): return .failed(error)
        }
    }

    /// Whether the values have at most eight bytes and no references: `Void`, numbers, plain enums.
    @inlinable static var isSmall: Bool {
        _isPOD(Value.self) && MemoryLayout<Value>.size <= MemoryLayout<UInt64>.size
            && MemoryLayout<Value>.alignment <= MemoryLayout<UInt64>.alignment
    }

    /// - Returns: the state before. If that was an end, it stays.
    @inlinable
    func replace(with new: PromiseState) -> PromiseState {
        state.withLock { state in
            let before = state
            switch state {
            case .pending, .observed: state = new
            case .small, .succeeded, .failed: break
            }
            return before
        }
    }

    /// The value. To be awaited by one task. Cancelling the task ends the wait with `CancellationError`.
    @inlinable
    package func value(isolation: isolated (any Actor)? = #isolation) async throws -> Value {
        if let ended { return try ended.get() }
        return try await withTaskCancellationHandler {
            // Captured, it makes this run where the caller runs; otherwise it would go to the global pool and back.
            _ = isolation
            return try await withCheckedThrowingContinuation { continuation in
                observe { continuation.resume(with: $0) }
            }
        } onCancel: {
            end(.failure(CancellationError()))
        }
    }

    /// The value, or an error if it has not come within a time. To be awaited by one task, as ``value(isolation:)`` is.
    package func value(
        within limit: Duration,
        of timers: Timers,
        or error: @escaping @Sendable @autoclosure () -> MessagingError,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> Value {
        if let ended { return try ended.get() }
        let timer = timers.schedule(at: timers.now + limit.capped) { self.end(.failure(error())) }
        defer { timers.cancel(timer) }
        return try await value()
    }

    /// Tells an observer how it ends, on the thread that ends it; or at once, if it has ended. There is one observer, or
    /// one task that waits.
    @inlinable
    package func observe(_ observer: @escaping Observer) {
        let ended: Result<Value, any Error>? = state.withLock { state in
            if let ended = Self.result(of: state) { return ended }
            // The former would never be told.
            if case .observed = state { assertionFailure("a promise has one task that waits for it, or one observer") }
            state = .observed { state in
                if let ended = Self.result(of: state) { observer(ended) }
            }
            return nil
        }
        if let ended { observer(ended) }
    }
}

/// The state of a ``Promise``. It does not know the type of the value, which lies in an object, or as bits if it is small:
/// the deinitialiser of a generic class is not specialised, and asks at run time for the metadata of each type among its
/// properties that depends on its own. That took longer than all the rest of a promise.
@usableFromInline
enum PromiseState: Sendable {
    @usableFromInline typealias Observer = @Sendable (PromiseState) -> Void

    case pending
    case observed(Observer)
    case small(UInt64)
    case succeeded(any AnyObject & Sendable)
    case failed(any Error)
}

@usableFromInline
final class PromisedValue<Value: Sendable>: Sendable {
    @usableFromInline let value: Value

    @inlinable
    init(_ value: Value) {
        self.value = value
    }

    @inlinable deinit {}
}
