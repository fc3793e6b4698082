/// What a token has to say for its client to be let in.
public struct TokenRules: Sendable, Hashable {
    /// Whose tokens are taken: what `iss` has to be, to the letter. `nil`: whoever has signed one.
    public var issuer: String?
    /// Whom tokens have to be for: one of what `aud` has. `nil`: nobody in particular; then one that names an audience is
    /// refused, since it may be for another server (RFC 7519, section 4.1.3).
    public var audience: String?
    /// How far the issuer's clock may be from this machine's: 60 s. For so long a token is taken after its end, and before its
    /// beginning. A negative time is none.
    public var leeway: Duration
    /// The claim that has the user's name: `sub`.
    public var userClaim: String
    /// The claim that has to be the client's identifier, so that nobody takes over another's session; `nil`: none.
    public var clientIDClaim: String?
    /// The claim that has to be the user name of CONNECT; `nil`: none, and that user name means nothing.
    public var userNameClaim: String?
    /// Whether tokens may have no end (`exp`); their clients may stay for any time.
    public var allowsEndless: Bool

    /// The rules; only the issuer's signature and the token's times count unless told.
    public init(
        issuer: String? = nil,
        audience: String? = nil,
        leeway: Duration = .seconds(60),
        userClaim: String = "sub",
        clientIDClaim: String? = nil,
        userNameClaim: String? = nil,
        allowsEndless: Bool = false
    ) {
        self.issuer = issuer
        self.audience = audience
        self.leeway = leeway
        self.userClaim = userClaim
        self.clientIDClaim = clientIDClaim
        self.userNameClaim = userNameClaim
        self.allowsEndless = allowsEndless
    }
}
