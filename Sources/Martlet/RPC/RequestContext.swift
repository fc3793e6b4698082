import Synchronization

/// What a handler may know of the request it answers.
public struct RequestContext: Sendable {
    /// The headers that came with the request.
    public let headers: Headers
    /// How often the request had been delivered before, to a responder that did not finish it.
    public let redeliveries: Int
    private let timers: Timers
    private let deadline: Duration?
    private let life = Life()

    /// Whether a request is being answered. All copies of its context share it.
    private final class Life: Sendable {
        let hasEnded = Atomic(false)
    }

    init(headers: Headers, redeliveries: Int, timers: Timers, deadline: Duration?) {
        self.headers = headers
        self.redeliveries = redeliveries
        self.timers = timers
        self.deadline = deadline
    }

    /// What a task has inherited, be it of a request that was answered long ago.
    @TaskLocal static var inherited: RequestContext?

    /// The request that this task, or one that it is a child of, is answering; `nil` outside a handler, and in a task that
    /// a handler has left running when its request is answered.
    public static var current: RequestContext? {
        guard let context = inherited, !context.hasEnded else { return nil }
        return context
    }

    /// How long the caller still waits; `nil` if it did not say, or when the request is answered. Calls made inside the
    /// handler wait no longer.
    public var timeLeft: Duration? {
        guard let deadline, !hasEnded else { return nil }
        return max(.zero, deadline - timers.now)
    }

    private var hasEnded: Bool { life.hasEnded.load(ordering: .relaxed) }

    /// The handler has returned.
    func end() { life.hasEnded.store(true, ordering: .relaxed) }
}
