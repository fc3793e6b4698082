import COpenSSL
import IntegrationSupport

/// A TLS server without a socket: bytes in, bytes out. It is used from one thread.
final class MemoryServer {
    private let session: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    init(
        _ identity: TestCertificates.Identity,
        isTLS13: Bool = true,
        requiresCertificate: Bool = false
    ) throws {
        guard let context = SSL_CTX_new(TLS_server_method()), let session = SSL_new(context),
            let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem())
        else { throw SupportError("no memory") }
        SSL_CTX_free(context)
        let version = isTLS13 ? TLS1_3_VERSION : TLS1_2_VERSION
        guard SSL_use_certificate_chain_file(session, identity.certificate) == 1,
            SSL_use_PrivateKey_file(session, identity.key, SSL_FILETYPE_PEM) == 1,
            SSL_ctrl(session, 124, Int(version), nil) == 1
        else { throw SupportError("the server can't be set up") }
        if requiresCertificate { SSL_set_verify(session, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil) }
        SSL_set_bio(session, input, output)
        SSL_set_accept_state(session)
        self.session = session
        self.input = input
        self.output = output
    }

    deinit { SSL_free(session) }

    /// Takes what the client has sent.
    /// - Parameter reply: what to send back once the handshake is done.
    /// - Returns: what the server sends.
    func take(_ bytes: [UInt8], reply: [UInt8] = []) -> [UInt8] {
        ERR_clear_error()
        if !bytes.isEmpty { BIO_write(input, bytes, Int32(bytes.count)) }
        if SSL_do_handshake(session) == 1, !reply.isEmpty { SSL_write(session, reply, Int32(reply.count)) }
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while case let count = BIO_read(output, &buffer, Int32(buffer.count)), count > 0 {
            result += buffer[..<Int(count)]
        }
        return result
    }
}
