import Martlet
import MartletMQTTWire
import MartletServer

/// What a token says (RFC 7519, section 4), once its signature was found to be right. A pure value.
struct TokenClaims: Sendable {
    /// The end of the year 9999. A time past it is no number of seconds, but most likely of milliseconds.
    private static let latest = 253_402_300_800.0
    /// Nobody is connected for so long: a hundred years.
    private static let forever = Duration.seconds(3_155_760_000)

    private let claims: [String: JSON]

    init(_ claims: [String: JSON]) {
        self.claims = claims
    }

    /// Who its client is, and for how long.
    ///
    /// - Parameters:
    ///   - credentials: what the client shows.
    ///   - nanoseconds: the time of day, since 1970.
    /// - Throws: `MessagingError.Code.refused` with why the client is refused.
    func verdict(
        _ rules: TokenRules,
        _ credentials: ClientCredentials,
        at nanoseconds: Int64
    ) throws -> (user: String, time: Duration?) {
        let time = try time(rules, at: Double(nanoseconds) / 1e9)
        if let issuer = rules.issuer {
            guard claims["iss"]?.string?.isExactly(issuer) == true else { throw Self.fault("is another issuer's") }
        }
        try checkAudience(rules.audience)
        guard let user = claims[rules.userClaim]?.string, !user.isEmpty, TextRules.isFine(user) else {
            throw Self.fault("names no user: its claim for that is missing, empty, or no text that MQTT has")
        }
        if let claim = rules.clientIDClaim {
            guard claims[claim]?.string?.isExactly(credentials.clientID) == true else {
                throw Self.fault("is for another client identifier")
            }
        }
        if let claim = rules.userNameClaim {
            guard let name = credentials.user, claims[claim]?.string?.isExactly(name) == true else {
                throw Self.fault("is for another user name than that of CONNECT")
            }
        }
        return (user, time)
    }

    /// How long it holds; `nil`: for any time.
    private func time(_ rules: TokenRules, at now: Double) throws -> Duration? {
        let leeway = min(max(.zero, rules.leeway), Self.forever)
        let slack = leeway / .seconds(1)
        if let begin = try date("nbf"), now < begin - slack { throw Self.fault("does not hold yet") }
        if let issued = try date("iat"), now < issued - slack {
            throw Self.fault("is said to be issued later than now")
        }
        guard let end = try date("exp") else {
            guard rules.allowsEndless else { throw Self.fault("has no end") }
            return nil
        }
        guard now < end + slack else { throw Self.fault("has ended") }
        let rest = Duration.seconds(end - now) + leeway
        return rest < Self.forever ? rest : nil
    }

    /// A time, in seconds since 1970; `nil`: there is none.
    private func date(_ name: String) throws -> Double? {
        guard let claim = claims[name] else { return nil }
        guard let date = claim.double, date.isFinite, abs(date) <= Self.latest else {
            throw Self.fault("has a time that is none")
        }
        return date
    }

    private func checkAudience(_ audience: String?) throws {
        let own: [String?]
        switch claims["aud"] {
        case nil: own = []
        case .string(let one): own = [one]
        case .array(let several): own = several.map(\.string)
        default: own = [nil]
        }
        guard !own.contains(nil) else { throw Self.fault("has an audience that is no text") }
        guard let audience else {
            guard claims["aud"] == nil else {
                throw Self.fault("is for an audience, and the broker has not been told that it is one")
            }
            return
        }
        guard own.contains(where: { $0?.isExactly(audience) == true }) else {
            throw Self.fault("is for another audience")
        }
    }

    /// What people are told. Nothing of a token is in it.
    static func fault(_ text: String) -> MessagingError {
        MessagingError(.refused, "its token \(text)")
    }
}
