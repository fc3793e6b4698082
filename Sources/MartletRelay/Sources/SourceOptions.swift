public import Martlet

/// How a ``SourceConnection`` reads its source.
public struct SourceOptions: Sendable, Hashable {
    /// The file that keeps the positions of durable subscriptions, so that another run goes on where this one ended. Its
    /// folder has to exist, and no other process may use it. `nil`: there are no durable subscriptions.
    public var positionFile: String?
    /// How often and after how long a source that failed is opened again. After the last attempt the subscription fails.
    public var retry: Backoff

    /// No file, and opened again for ever with delays from 100 ms to 30 s, unless told.
    public init(positionFile: String? = nil, retry: Backoff = Backoff()) {
        self.positionFile = positionFile
        self.retry = retry
    }
}
