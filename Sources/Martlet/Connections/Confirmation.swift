/// The broker's word on a message that was published or sent, which may still be on its way.
public struct Confirmation: Sendable {
    /// How the broker's word is got: by a closure that waits, of a transport of others; or from a promise of this package's
    /// own transports. That is a closure, too, so that each transport specialises it for the type of its promises, and to
    /// hand it on costs one reference count.
    private enum Source: Sendable {
        case confirmed
        case closure(@Sendable () async throws -> Void)
        case promise(@Sendable (Question) -> Result<Void, any Error>?)
    }

    /// What a promise is asked.
    @usableFromInline
    enum Question: Sendable {
        /// What the broker has said; `nil` if it has said nothing yet.
        case ended
        /// Tells an observer.
        case observe(@Sendable (Result<Void, any Error>) -> Void)
        /// Ends it, so that a message that waits is not sent.
        case withdraw
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
    ///   - timer: ends the promise too late otherwise, and is cancelled when it has ended.
    ///   - check: throws if the promise has failed, or if its value means that the message was not taken.
    @inlinable
    package init<Answer>(
        _ promise: Promise<Answer>,
        timer: Timers.ID? = nil,
        of timers: Timers,
        check: @escaping @Sendable (Result<Answer, any Error>) throws -> Void = { _ = try $0.get() }
    ) {
        self.init(asking: { question in
            switch question {
            case .ended:
                guard let ended = promise.ended else { return nil }
                if let timer { timers.cancel(timer) }
                return Result { try check(ended) }
            case .observe(let tell):
                promise.observe { result in
                    if let timer { timers.cancel(timer) }
                    tell(Result { try check(result) })
                }
            case .withdraw:
                promise.end(.failure(CancellationError()))
            }
            return nil
        })
    }

    @usableFromInline
    init(asking promise: @escaping @Sendable (Question) -> Result<Void, any Error>?) {
        self.init(.promise(promise))
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
        case .promise(let ask):
            // Of many that are under way most are there when they are asked for: that takes no task's time.
            if let ended = ask(.ended) { return try ended.get() }
            let word = Promise<Void>()
            _ = ask(.observe { word.end($0) })
            try await withTaskCancellationHandler {
                try await word.value()
            } onCancel: {
                _ = ask(.withdraw)
            }
        }
    }

    /// Has a failure told instead of waited for, where that can be; otherwise it waits.
    ///
    /// - Returns: a closure that withdraws the message if it has not been sent, and has nothing told any more.
    package func tellFailure(_ tell: @escaping @Sendable (any Error) -> Void) async throws -> @Sendable () -> Void {
        guard case .promise(let ask) = source else {
            try await wait()
            return {}
        }
        _ = ask(
            .observe { result in
                // A cancellation is a withdrawal, and nothing to tell.
                if case .failure(let error) = result, !(error is CancellationError) { tell(error) }
            }
        )
        return { _ = ask(.withdraw) }
    }
}
