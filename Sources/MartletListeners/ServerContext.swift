package import Martlet
package import NIOSSL
import Synchronization

/// What a server shows under TLS: its certificate and key, as they were when its files were read last.
package final class ServerContext: Sendable {
    private let tls: TLSServerOptions
    private let current: Mutex<NIOSSLContext>

    /// - Throws: `MessagingError.Code.invalidArgument` if they can't be used.
    package init(_ tls: TLSServerOptions) throws {
        self.tls = tls
        current = Mutex(try Self.read(tls))
    }

    /// For the next client.
    package var context: NIOSSLContext { current.withLock { $0 } }

    /// Reads the files anew. Clients that are there stay.
    ///
    /// - Throws: as ``init(_:)``; then what was read before goes on to be shown.
    package func reload() throws {
        let context = try Self.read(tls)
        current.withLock { $0 = context }
    }

    private static func read(_ tls: TLSServerOptions) throws -> NIOSSLContext {
        if let authorities = tls.clientAuthorities { try TrustFile.check(authorities, "clientAuthorities") }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(tls.certificateChain).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: tls.privateKey, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain,
                privateKey: .privateKey(key)
            )
            if let authorities = tls.clientAuthorities {
                configuration.trustRoots = .file(authorities)
                configuration.certificateVerification = .noHostnameVerification
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw MessagingError(.invalidArgument, "the certificate of a listener can't be used", cause: error)
        }
    }
}
