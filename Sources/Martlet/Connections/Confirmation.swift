/// The broker's word on a message that was published or sent, which may still be on its way.
public struct Confirmation: Sendable {
    /// What the broker says is awaited by a promise of this package's own transports, or by a closure of another's.
    private enum Source: Sendable {
        case confirmed
        case closure(@Sendable () async throws -> Void)
        case promise(any PromisedWord)
    }

    private let source: Source

    /// There is nothing to wait for.
    public static let confirmed = Confirmation(.confirmed)

    private init(_ source: Source) {
        self.source = source
    }

    /// - Parameter wait: returns when the broker has confirmed the message, and throws if it won't; called at most once.
    public init(_ wait: @escaping @Sendable () async throws -> Void) {
        self.init(.closure(wait))
    }

    /// - Parameters:
    ///   - timer: what ends the promise too late otherwise, to be cancelled when it has ended.
    ///   - check: what the broker's answer means: it throws if the message was not taken.
    package init<Answer>(
        _ promise: Promise<Answer>,
        timer: Timers.ID? = nil,
        of timers: Timers,
        check: @escaping @Sendable (Answer) throws -> Void = { _ in }
    ) {
        self.init(.promise(PromisedAnswer(promise, timer, of: timers, check: check)))
    }

    package init(_ word: any PromisedWord) {
        self.init(.promise(word))
    }

    /// Whether there is nothing to wait for.
    public var isConfirmed: Bool {
        if case .confirmed = source { true } else { false }
    }

    /// Returns when the broker has confirmed the message. To be waited for once.
    ///
    /// - Throws: what publishing or sending throws. Cancelled, it waits no more; the message may still arrive.
    public func wait() async throws {
        switch source {
        case .confirmed: break
        case .closure(let wait): try await wait()
        case .promise(let word):
            // Of many that are under way most are there when they are asked for: that takes no task's time.
            if try !word.isConfirmed() { try await word.wait(isolation: #isolation) }
        }
    }

    /// Has a failure told instead of waited for, where that can be; otherwise it waits.
    ///
    /// - Returns: what withdraws the message if it has not been sent, and has nothing told any more.
    package func tellFailure(_ tell: @escaping @Sendable (any Error) -> Void) async throws -> @Sendable () -> Void {
        guard case .promise(let word) = source else {
            try await wait()
            return {}
        }
        word.tellFailure(tell)
        return { word.withdraw() }
    }
}

/// A broker's answer that is still to come, whatever its type. An object, so that to hand it on costs one reference count.
package protocol PromisedWord: AnyObject, Sendable {
    /// Whether the broker has confirmed the message already.
    ///
    /// - Throws: if it is known that it won't.
    func isConfirmed() throws -> Bool
    /// Returns when the broker has confirmed the message, and throws if it won't. Called at most once.
    func wait(isolation: isolated (any Actor)?) async throws
    /// Has a failure told, instead of waited for. Called at most once.
    func tellFailure(_ tell: @escaping @Sendable (any Error) -> Void)
    /// Has nothing told any more, and the message not sent if it has not been.
    func withdraw()
}

private final class PromisedAnswer<Answer: Sendable>: PromisedWord {
    private let promise: Promise<Answer>
    private let timer: Timers.ID?
    private let timers: Timers
    private let check: @Sendable (Answer) throws -> Void

    init(
        _ promise: Promise<Answer>,
        _ timer: Timers.ID?,
        of timers: Timers,
        check: @escaping @Sendable (Answer) throws -> Void
    ) {
        self.promise = promise
        self.timer = timer
        self.timers = timers
        self.check = check
    }

    func isConfirmed() throws -> Bool {
        guard let result = promise.ended else { return false }
        defer { if let timer { timers.cancel(timer) } }
        try check(result.get())
        return true
    }

    func wait(isolation: isolated (any Actor)?) async throws {
        defer { if let timer { timers.cancel(timer) } }
        try check(try await promise.value())
    }

    func tellFailure(_ tell: @escaping @Sendable (any Error) -> Void) {
        promise.observe { [timer, timers, check] result in
            if let timer { timers.cancel(timer) }
            do {
                try check(result.get())
            } catch is CancellationError {
                // Withdrawn: who did so knows.
            } catch {
                tell(error)
            }
        }
    }

    func withdraw() {
        promise.end(.failure(CancellationError()))
    }
}
