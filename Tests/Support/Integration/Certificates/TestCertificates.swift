/// Certificates for tests, made anew for each process that needs them, with keys on the curve P-256. All are PEM files.
package struct TestCertificates: Sendable {
    /// A certificate and its private key.
    package struct Identity: Sendable, Hashable {
        /// The path of the certificate.
        package var certificate: String
        /// The path of the private key.
        package var key: String
        /// What the private key is encrypted with; `nil` if it is not.
        package var passphrase: String?
    }

    /// The path of the authority's certificate, which clients and servers trust.
    package let authority: String
    /// The path of the certificate of an authority that nobody trusts.
    package let strangeAuthority: String
    /// A server's, for localhost, 127.0.0.1 and ::1.
    package let server: Identity
    /// A server's, for the host name elsewhere.test only.
    package let elsewhere: Identity
    /// A server's, for localhost, 127.0.0.1 and ::1, which was valid until the end of 2001.
    package let expired: Identity
    /// A server's, for localhost, 127.0.0.1 and ::1, from the authority that nobody trusts.
    package let strange: Identity
    /// A client's, with the common name `client`.
    package let client: Identity
    /// A client's, with the common name `locked`, whose key has a pass phrase.
    package let lockedClient: Identity
    /// A client's, with the common name `stranger`, from the authority that nobody trusts.
    package let strangeClient: Identity

    /// The certificates of this process. Whoever asks first has them made, which takes about a quarter of a second, on a
    /// busy machine some seconds.
    package static var shared: TestCertificates {
        get async throws { try await onThread { try result.get() } }
    }

    private static let result = Result { try TestCertificates(in: TemporaryFolder("certificates")) }

    private init(in folder: TemporaryFolder) throws {
        let program = try Program.find("openssl", package: "openssl")
        let trusted = try CertificateAuthority("authority", program: program, folder: folder)
        let untrusted = try CertificateAuthority("stranger", program: program, folder: folder)
        authority = trusted.certificate
        strangeAuthority = untrusted.certificate
        let local = "DNS:localhost,IP:127.0.0.1,IP:::1"
        server = try trusted.issueHere("server", for: .server(names: local))
        elsewhere = try trusted.issueHere("elsewhere", for: .server(names: "DNS:elsewhere.test"))
        expired = try trusted.issueHere("expired", for: .server(names: local), isExpired: true)
        strange = try untrusted.issueHere("strange", for: .server(names: local))
        client = try trusted.issueHere("client", for: .client)
        lockedClient = try trusted.issueHere("locked", for: .client, passphrase: "open sesame")
        strangeClient = try untrusted.issueHere("stranger", for: .client)
    }
}
