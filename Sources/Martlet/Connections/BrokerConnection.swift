/// A connection over a network, to a broker of one kind: a program that names its transport as a type makes one with it.
///
/// A program that learns the kind of broker from a URL uses the product `MartletBrokers` instead.
public protocol BrokerConnection: Connection {
    /// Connects to the broker of a URL, and keeps the link from then on.
    ///
    /// - Parameters:
    ///   - url: where the broker is, in the form that this kind of connection documents.
    ///   - connection: what the URL does not say. Where both say something, such as a name, the URL counts.
    /// - Throws: ``MessagingError/Code/invalidArgument`` with the part of the URL or the option that is wrong;
    ///   ``MessagingError/Code/refused`` if the broker refuses, or its certificate does not convince;
    ///   ``MessagingError/Code/timeout``, ``MessagingError/Code/connectionLost`` if it can't be reached and
    ///   ``ConnectionOptions/whenUnreachable`` says to fail; `CancellationError`.
    static func connect(to url: String, connection: ConnectionOptions) async throws -> Self
}

extension BrokerConnection {
    /// Connects to the broker of a URL with the usual options; see ``connect(to:connection:)``.
    public static func connect(to url: String) async throws -> Self {
        try await connect(to: url, connection: ConnectionOptions())
    }

    /// Connects to the broker of a URL, runs `body`, and closes the connection, whether `body` returns or throws.
    public static func withConnection<Result>(
        to url: String,
        connection options: ConnectionOptions = ConnectionOptions(),
        _ body: (Self) async throws -> Result
    ) async throws -> Result {
        try await connect(to: url, connection: options).closing(after: body)
    }
}

extension Connection {
    /// Runs `body`, and closes the connection, whether `body` returns or throws.
    package nonisolated func closing<Result>(after body: (Self) async throws -> Result) async throws -> Result {
        do {
            let result = try await body(self)
            await close()
            return result
        } catch {
            await close()
            throw error
        }
    }
}
