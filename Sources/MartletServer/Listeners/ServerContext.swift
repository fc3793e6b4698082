import Martlet
import NIOSSL
import Synchronization

/// What a listener shows under TLS: its certificate and key, as they were when its files were read last.
final class ServerContext: Sendable {
    private let tls: Listener.TLS
    private let current: Mutex<NIOSSLContext>

    /// - Throws: `MessagingError.Code.invalidArgument` if they can't be used.
    init(_ tls: Listener.TLS) throws {
        self.tls = tls
        current = Mutex(try Self.read(tls))
    }

    /// For the next client.
    var context: NIOSSLContext { current.withLock { $0 } }

    /// Reads the files anew. Clients that are there stay.
    ///
    /// - Throws: as ``init(_:)``; then what was read before goes on to be shown.
    func reload() throws {
        let context = try Self.read(tls)
        current.withLock { $0 = context }
    }

    private static func read(_ tls: Listener.TLS) throws -> NIOSSLContext {
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
