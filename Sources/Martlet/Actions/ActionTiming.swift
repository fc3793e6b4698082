/// The times of the action protocol that are not options.
enum ActionTiming {
    /// How often a client that waits asks, in case a status message was lost. Its question is also what tells the
    /// server that it lives.
    static let interval = Duration.seconds(1)

    /// How long a server that ends waits for those who will ask for a result: a question and a lost one.
    static let linger = interval * 2

    /// A client asks three times within its lease, so that losing one or two questions does no harm.
    static func interval(lease: Duration?) -> Duration {
        lease.map { min(interval, $0 / 3) } ?? interval
    }
}
