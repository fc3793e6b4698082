/// Who shows a certificate.
package enum CertificateUse: Sendable, Hashable {
    /// A server with some names, such as `DNS:broker.test,IP:127.0.0.1`; with `nil` it has only its common name.
    case server(names: String?)
    case client

    /// The extensions of such a certificate, as `openssl` takes them.
    var extensions: [String] {
        switch self {
        case .server(let names): ["extendedKeyUsage = serverAuth"] + (names.map { ["subjectAltName = \($0)"] } ?? [])
        case .client: ["extendedKeyUsage = clientAuth"]
        }
    }
}
