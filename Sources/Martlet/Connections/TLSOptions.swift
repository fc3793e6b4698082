/// How a connection speaks TLS: whom it trusts, who it says it is, and what it accepts.
///
/// Unless told otherwise it trusts the certificate authorities of the system, checks that the broker's certificate is
/// theirs and for the broker's name, and speaks TLS 1.2 or 1.3. Files are read, and everything here is checked, when
/// the connection is made: what is wrong is thrown there as ``MessagingError/Code/invalidArgument``.
public struct TLSOptions: Sendable, Hashable {
    /// Whose signatures on a broker's certificate are believed.
    public enum Trust: Sendable, Hashable {
        /// The authorities that the system trusts.
        case system
        /// Those in a file of one or more certificates in the PEM format, and no others.
        case file(String)
        /// Those in a folder, one certificate a file, and no others. The files are found by the names that
        /// `openssl rehash` gives them.
        case folder(String)
    }

    /// What is checked about the broker's certificate.
    public enum Verification: Sendable, Hashable {
        /// That someone trusted has signed it, that it is valid today, and that it is for the broker's name or
        /// address.
        case full
        /// All but the name: whoever has any certificate of someone trusted can pass for the broker. It is meant for
        /// an authority of one's own that signs nothing but brokers.
        case noHostName
        /// Nothing. What is sent is hidden from those who only listen; whoever can stand between both ends can
        /// pass for the broker, read everything, passwords too, and change it. It is meant for trying things out.
        case none
    }

    /// A version of the protocol.
    public enum Version: Sendable, Hashable {
        /// TLS 1.2, RFC 5246.
        case tls12
        /// TLS 1.3, RFC 8446.
        case tls13
    }

    /// Whose signatures are believed.
    public var trust: Trust
    /// What is checked about the broker's certificate.
    public var verification: Verification
    /// The certificate by which the broker knows this client. `nil`: none.
    public var clientCertificate: ClientCertificate?
    /// The name that the broker's certificate must be for, and that the broker is told (server name indication).
    /// `nil`: the host that is connected to.
    public var serverName: String?
    /// The oldest version of the protocol that is accepted.
    public var minimumVersion: Version
    /// The ciphers for TLS 1.2, as OpenSSL lists them, such as `ECDHE+AESGCM`. `nil`: OpenSSL's own choice. Those that
    /// identify nobody or hide nothing are never used.
    public var ciphers: String?
    /// The cipher suites for TLS 1.3, between colons, such as `TLS_AES_128_GCM_SHA256`. `nil`: OpenSSL's own choice.
    public var cipherSuites: String?
    /// The application protocols that are offered (ALPN, RFC 7301), the preferred one first. A name has 1 to 255
    /// bytes. Empty: the extension is not sent.
    public var applicationProtocols: [String]

    /// The system's authorities, full verification, no client certificate, TLS 1.2 or later, unless told.
    public init(
        trust: Trust = .system,
        verification: Verification = .full,
        clientCertificate: ClientCertificate? = nil,
        serverName: String? = nil,
        minimumVersion: Version = .tls12,
        ciphers: String? = nil,
        cipherSuites: String? = nil,
        applicationProtocols: [String] = []
    ) {
        self.trust = trust
        self.verification = verification
        self.clientCertificate = clientCertificate
        self.serverName = serverName
        self.minimumVersion = minimumVersion
        self.ciphers = ciphers
        self.cipherSuites = cipherSuites
        self.applicationProtocols = applicationProtocols
    }
}
