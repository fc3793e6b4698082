import MartletMQTTWire

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

extension ClientCredentials {
    init(_ connect: Connect, _ connection: ClientConnection) {
        self.init(
            clientID: connect.clientID,
            user: connect.userName,
            password: connect.password,
            address: connection.address,
            isLoopback: connection.isLoopback,
            listener: connection.listener,
            certificateSubject: connection.certificate?.subject,
            certificateName: connection.certificate?.commonName
        )
    }
}

/// What an ``Authenticator`` says.
public enum AuthenticationVerdict: Sendable, Hashable {
    /// The client may connect, as this user; `nil`: as nobody in particular. When the time is over its connection is ended, and
    /// MQTT 5 told why (0xA0); `nil`: it may stay.
    case accepted(user: String?, for: Duration? = nil)
    /// It may not: its credentials are wrong, or it has none.
    case refused
}

/// Who may connect.
///
/// It is asked for each CONNECT, outside the broker's lock, for several clients at a time. An error, or no answer within
/// ``ServerLimits/authenticationTimeout``, refuses the client. A `MessagingError` is logged, and so is to have nothing in it that is
/// secret. It is cancelled when that time is over and when the server ends.
public protocol Authenticator: Sendable {
    /// Decides about a client.
    func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict

    /// Begins an authentication by a method that a client of MQTT 5 has named (MQTT 5, 4.12), instead of
    /// ``authenticate(_:)``. It is called at once, on the client's loop, and does nothing that takes time.
    ///
    /// - Parameters:
    ///   - method: what the client has named, such as `SCRAM-SHA-256`.
    ///   - credentials: what else it shows of who it is.
    /// - Returns: what decides about the client; `nil`, as unless told: the method is not offered, and the client is told so (0x8C).
    func exchange(by method: String, _ credentials: ClientCredentials) -> (any AuthenticationExchange)?
}

extension Authenticator {
    /// No method is offered.
    public func exchange(by method: String, _ credentials: ClientCredentials) -> (any AuthenticationExchange)? { nil }
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
