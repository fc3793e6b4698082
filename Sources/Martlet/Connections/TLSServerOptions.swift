/// What a server shows to be under TLS, and of whom it wants to see a certificate in turn.
public struct TLSServerOptions: Sendable, Hashable {
    /// A file with the certificate and those between it and its authority, in PEM.
    public var certificateChain: String
    /// A file with its private key, in PEM.
    public var privateKey: String
    /// A file with the authorities, in PEM, of which each client must have a certificate; `nil`: clients need none.
    public var clientAuthorities: String?

    /// Shows a certificate, and asks for none unless told.
    public init(certificateChain: String, privateKey: String, clientAuthorities: String? = nil) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
        self.clientAuthorities = clientAuthorities
    }
}
