/// What a client shows of who it is.
public struct ClientCredentials: Sendable {
    /// Its identifier; empty if it leaves that to the broker.
    public let clientID: String
    /// The user that it says it is.
    public let user: String?
    /// The password that it gives. Keep it out of logs.
    public let password: [UInt8]?
    /// The address that it comes from.
    public let address: String
    /// Whether it comes from this very machine.
    public let isLoopback: Bool
    /// The listener that took its connection, such as `mqtt` or `mqtts`.
    public let listener: String
    /// Whom the certificate names that it has shown, such as `CN=press,O=Works` (RFC 2253); `nil`: it has shown none, or its
    /// listener asks for none.
    public let certificateSubject: String?
    /// What that certificate calls its owner, its one common name; `nil`: it has none, or several.
    public let certificateName: String?
}

/// What an ``Authenticator`` says.
public enum AuthenticationVerdict: Sendable, Hashable {
    /// The client may connect, as this user; `nil`: as nobody in particular.
    case accepted(user: String?)
    /// It may not: its credentials are wrong, or it has none.
    case refused
}

/// Who may connect.
///
/// It is asked for each CONNECT, outside the broker's lock, for several clients at a time. An error, or no answer within
/// ``ServerLimits/authenticationTimeout``, refuses the client. It is cancelled when that time is over and when the server ends.
public protocol Authenticator: Sendable {
    /// Decides about a client.
    func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict
}

/// Everybody may connect, without credentials: from this machine alone unless told.
public struct AnonymousAuthenticator: Authenticator {
    /// Whether clients of other machines may, too.
    public let fromAnywhere: Bool

    /// - Parameter fromAnywhere: whether clients of other machines may connect: on a network that is nobody else's.
    public init(fromAnywhere: Bool = false) {
        self.fromAnywhere = fromAnywhere
    }

    /// Accepts.
    public func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
        verdict(isLoopback: credentials.isLoopback)
    }

    /// What ``authenticate(_:)`` says, at once.
    func verdict(isLoopback: Bool) -> AuthenticationVerdict {
        fromAnywhere || isLoopback ? .accepted(user: nil) : .refused
    }
}

extension Authenticator where Self == AnonymousAuthenticator {
    /// Everybody from this machine.
    public static var anonymous: AnonymousAuthenticator { AnonymousAuthenticator() }
}

/// Whoever shows a certificate of one of a listener's `clientAuthorities` may connect, and is the user that it names.
public struct CertificateAuthenticator: Authenticator {
    /// Accepts those with certificates.
    public init() {}

    /// Accepts a client with a certificate that names its owner.
    public func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
        credentials.certificateName.map { .accepted(user: $0) } ?? .refused
    }
}

extension Authenticator where Self == CertificateAuthenticator {
    /// Whoever shows a certificate.
    public static var certificates: CertificateAuthenticator { CertificateAuthenticator() }
}

extension Authenticator where Self == PasswordFile {
    /// The users of a file that `mosquitto_passwd` writes.
    ///
    /// - Throws: what ``PasswordFile/init(path:)`` throws.
    public static func passwords(_ path: String) throws -> PasswordFile { try PasswordFile(path: path) }
}
