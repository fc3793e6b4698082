import Martlet
public import MartletServer

/// Clients that show a JSON Web Token (RFC 7519) of an issuer whose keys the broker has: as the password of CONNECT, in any
/// version of MQTT, or in MQTT 5 by the method `OAUTHBEARER` (RFC 7628), by which a client may show a new one before the old one
/// ends.
///
/// The user is who the token says; that of CONNECT means nothing, unless ``TokenRules/userNameClaim`` says so. When a token ends
/// its client is cut off: one of MQTT 5 is told why (0xA0). Why one is refused is logged, and never the token.
///
/// Whoever sees a token can use it: have clients come by TLS.
public struct TokenAuthenticator: Authenticator {
    private let keys: TokenKeys
    private let rules: TokenRules
    private let other: (any Authenticator)?
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - keys: those of the issuer.
    ///   - rules: what tokens have to say.
    ///   - other: who decides about clients whose password has not the form of a token, and about other methods; `nil`: they are
    ///     refused. A token that is refused is not shown to it.
    public init(_ keys: TokenKeys, _ rules: TokenRules = TokenRules(), otherwise other: (any Authenticator)? = nil) {
        self.init(keys, rules, otherwise: other) { WallClock.nanoseconds }
    }

    /// - Parameter now: the time of day, in nanoseconds since 1970.
    init(
        _ keys: TokenKeys,
        _ rules: TokenRules,
        otherwise other: (any Authenticator)?,
        now: @escaping @Sendable () -> Int64
    ) {
        self.keys = keys
        self.rules = rules
        self.other = other
        self.now = now
    }

    /// Accepts a client whose password is a token that holds.
    ///
    /// - Throws: `MessagingError.Code.refused` with why a token is refused.
    public func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
        guard let token = credentials.password.flatMap(Token.init) else {
            return try await other?.authenticate(credentials) ?? .refused
        }
        let (user, time) = try await verdict(on: token, credentials)
        return .accepted(user: user, for: time)
    }

    /// Begins an authentication, if the method is `OAUTHBEARER`.
    public func exchange(by method: String, _ credentials: ClientCredentials) -> (any AuthenticationExchange)? {
        guard method == BearerExchange.method else { return other?.exchange(by: method, credentials) }
        return BearerExchange { try await verdict(on: $0, credentials) }
    }

    private func verdict(
        on token: Token,
        _ credentials: ClientCredentials
    ) async throws -> (user: String, time: Duration?) {
        try await token.claims(keys).verdict(rules, credentials, at: now())
    }
}

extension Authenticator where Self == TokenAuthenticator {
    /// Clients that show tokens.
    public static func tokens(
        _ keys: TokenKeys,
        _ rules: TokenRules = TokenRules(),
        otherwise other: (any Authenticator)? = nil
    ) -> TokenAuthenticator {
        TokenAuthenticator(keys, rules, otherwise: other)
    }
}
