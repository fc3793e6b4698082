import Martlet

/// Tells when another client keeps taking a service's connection. A pure value.
///
/// Brokers let one client of a name in, and end the link of another one before. Two services of one name would so take the link
/// from each other for ever. Not all brokers say why they end a link; but one that ends a link and takes the next at once is there
/// itself. When that happens for the third time within a minute, and goes on for two seconds, the service gives up, without another
/// attempt: so the other one keeps its link. One that finds within these seconds that its state file is in use ends first.
struct Takeovers {
    static let limit = 3
    static let period = Duration.seconds(60)
    static let patience = Duration.seconds(2)
    private var failures: Int?
    private var times: [Duration] = []

    /// The link is there, or is not.
    ///
    /// - Parameters:
    ///   - total: how many links have failed so far, or could not be had.
    ///   - now: the time.
    /// - Returns: whether it is time to give up.
    mutating func note(_ state: ConnectionState, failures total: Int, at now: Duration) -> Bool {
        switch state {
        case .connected:
            // One: the link that was lost. More: the broker was not there.
            if let failures, total == failures + 1 { times.append(now) }
            failures = total
            return false
        case .disconnected:
            guard failures != nil else { return false }
            times.removeAll { now - $0 > Self.period }
            guard let first = times.first, times.count >= Self.limit - 1 else { return false }
            return now - first >= Self.patience
        case .connecting, .closed:
            return false
        }
    }
}

/// Why a service ends by itself.
public struct ServiceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong.
    public let description: String

    /// Another client of its name.
    ///
    /// - Parameter reason: what was said of the last link.
    static func takenOver(_ name: String, _ reason: String?) -> ServiceError {
        ServiceError(
            description:
                "the broker has ended the link of '\(name)' \(Takeovers.limit) times in a minute, and took the next one "
                + "at once. Does a service of that name run elsewhere? (\(reason ?? "no reason was given"))"
        )
    }
}
