public import Martlet

/// How a server of the web is spoken to.
public struct WebOptions: Sendable, Hashable {
    /// How TLS is spoken where the URL begins with `https:`. Folders of authorities are not for it.
    public var tls: TLSOptions
    /// How long connecting may take.
    public var connectTimeout: Duration
    /// How long the server may take to begin its answer, and how long it may say nothing in the midst of one.
    public var timeout: Duration

    /// TLS as usual, 10 s to connect, 30 s for an answer, unless told.
    public init(
        tls: TLSOptions = TLSOptions(),
        connectTimeout: Duration = .seconds(10),
        timeout: Duration = .seconds(30)
    ) {
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.timeout = timeout
    }
}
