/// How a route passes calls on.
public struct CallRouteOptions: Sendable, Hashable {
    /// How many calls it passes on at a time; more wait at their broker.
    public var concurrency: Int
    /// How long a call may take whose caller does not say how long it waits.
    public var timeout: Duration
    /// Whether the route may be part of a circle, which is then cut at run time: no call passes the bridge twice.
    public var allowsLoop: Bool

    /// A hundred calls at a time, of 30 s, unless told.
    public init(concurrency: Int = 100, timeout: Duration = .seconds(30), allowsLoop: Bool = false) {
        self.concurrency = concurrency
        self.timeout = timeout
        self.allowsLoop = allowsLoop
    }

    func validate(for route: String) throws {
        if concurrency < 1 {
            throw MessagingError(
                .invalidArgument,
                "the concurrency of route \(route) is \(concurrency); it must be at least 1"
            )
        }
        if timeout <= .zero {
            throw MessagingError(.invalidArgument, "the timeout of route \(route) is \(timeout); it must be positive")
        }
    }
}
