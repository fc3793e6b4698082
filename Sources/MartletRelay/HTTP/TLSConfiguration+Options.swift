import Martlet
import MartletListeners
import NIOSSL

extension TLSConfiguration {
    /// What NIOSSL makes of the options that all connections have.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` for files that can't be read, and `MessagingError.Code.unsupported` for
    ///   what NIOSSL can't do.
    init(client options: TLSOptions) throws {
        func unsupported(_ what: String) -> MessagingError {
            MessagingError(.unsupported, "\(what) can't be given for a server of the web")
        }
        self = .makeClientConfiguration()
        switch options.trust {
        case .system: trustRoots = .default
        case .file(let path):
            if options.verification != .none { try TrustFile.check(path, "trust (cafile)") }
            trustRoots = .file(path)
        case .folder: throw unsupported("a folder of authorities (capath)")
        }
        switch options.verification {
        case .full: certificateVerification = .fullVerification
        case .noHostName: certificateVerification = .noHostnameVerification
        case .none: certificateVerification = .none
        }
        guard options.serverName == nil else { throw unsupported("another name of the server (servername)") }
        guard options.cipherSuites == nil else { throw unsupported("a choice of cipher suites of TLS 1.3 (ciphers)") }
        guard options.applicationProtocols.isEmpty else { throw unsupported("application protocols (alpn)") }
        minimumTLSVersion = options.minimumVersion == .tls13 ? .tlsv13 : .tlsv12
        if let ciphers = options.ciphers { cipherSuites = ciphers }
        do {
            if let own = options.clientCertificate {
                certificateChain = try NIOSSLCertificate.fromPEMFile(own.chainFile).map { .certificate($0) }
                let phrase = own.passPhrase.map { Array($0.utf8) }
                let key = try phrase.map { phrase in
                    try NIOSSLPrivateKey(file: own.keyFile, format: .pem) { $0(phrase) }
                }
                privateKey = .privateKey(try key ?? NIOSSLPrivateKey(file: own.keyFile, format: .pem))
            }
            _ = try NIOSSLContext(configuration: self)
        } catch {
            throw MessagingError(.invalidArgument, "the files for TLS can't be used", cause: error)
        }
    }
}
