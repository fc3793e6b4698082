/// What a handler may know of the request it answers.
public struct RequestContext: Sendable {
    /// The headers that came with the request.
    public let headers: Headers
    /// How often the request had been delivered before, to a responder that did not finish it.
    public let redeliveries: Int
    private let timers: Timers
    private let deadline: Duration?

    init(headers: Headers, redeliveries: Int, timers: Timers, deadline: Duration?) {
        self.headers = headers
        self.redeliveries = redeliveries
        self.timers = timers
        self.deadline = deadline
    }

    /// The request that this task, or one that it is a child of, is answering; `nil` outside a handler.
    @TaskLocal public static var current: RequestContext?

    /// How long the caller still waits; `nil` if it did not say. Calls made inside the handler wait no longer.
    public var timeLeft: Duration? {
        deadline.map { max(.zero, $0 - timers.now) }
    }
}
