/// How a server's TLS listener treats clients.
package enum ServerTLS: Sendable, Hashable {
    /// The server shows its certificate; clients need none.
    case server
    /// Clients must show a certificate of the test authority.
    case mutual
}
