internal import COpenSSL
import Martlet

/// A client's end of a TLS connection over a non-blocking socket.
///
/// Nothing here waits: a call does what it can and says what it needs to go on. All calls are made from one thread at a
/// time (the stream is not `Sendable`). A write to a socket that the other side has closed is an error here and never
/// the signal SIGPIPE. What the other side sends can end the stream with an error, and nothing more.
package final class TLSStream {
    private let context: TLSContext
    /// The `SSL`, freed in `deinit` and owned by nobody else.
    private let session: OpaquePointer
    private let socket: UnsafeMutablePointer<SocketBIO.Socket>
    private var isOpen = false
    /// How the stream ended: from then on it is the answer to everything, as OpenSSL wants of who uses it.
    private var end: End?
    /// Why nothing can be written any more. What came before can still be read.
    private var writeFailure: MessagingError?

    private enum End {
        case closed
        case failed(MessagingError)
    }

    /// - Parameter descriptor: a socket that is connected and does not block. It stays the caller's, who closes it after
    ///   the stream's last use.
    /// - Throws: `MessagingError.Code.unsupported` if OpenSSL has no memory.
    package init(_ context: TLSContext, descriptor: Int32) throws {
        ERR_clear_error()
        guard let session = SSL_new(context.handle) else { throw OpenSSLError.unexpected("SSL_new") }
        let socket = UnsafeMutablePointer<SocketBIO.Socket>.allocate(capacity: 1)
        socket.initialize(to: SocketBIO.Socket(descriptor: descriptor))
        guard let bio = SocketBIO.make(socket) else {
            SSL_free(session)
            socket.deallocate()
            throw OpenSSLError.unexpected("BIO_new")
        }
        // The session owns the BIO from here on.
        SSL_set_bio(session, bio, bio)
        // One system call for as much as there is, instead of two a record.
        SSL_set_read_ahead(session, 1)
        SSL_set_connect_state(session)
        self.context = context
        self.session = session
        self.socket = socket
    }

    deinit {
        // The session's BIO uses the socket.
        SSL_free(session)
        socket.deallocate()
    }

    /// Begins the handshake or goes on with it. Call it again when the socket is ready for what it wants, until it is done.
    package func handshake() -> Handshake {
        if let end { return .failed(Self.error(end)) }
        if isOpen { return .done }
        ERR_clear_error()
        let result = SSL_do_handshake(session)
        if result == 1 {
            // OpenSSL has refused already what isn't verified. If it ever did not, this is the last door.
            if context.isVerifying,
                SSL_get0_peer_certificate(session) == nil || SSL_get_verify_result(session) != X509_V_OK
            {
                return .failed(fail(.refused, "the broker has no certificate that could be verified"))
            }
            isOpen = true
            return .done
        }
        switch problem(result) {
        case .wantsRead: return .wantsRead
        case .wantsWrite: return .wantsWrite
        case .ended(let end): return .failed(Self.error(end))
        }
    }

    /// Reads what has come. Call it until it returns ``Read/wouldBlock`` before waiting for the socket: a part of what the
    /// socket gave may wait, decrypted or not, in memory.
    /// - Parameter buffer: where to; if it is empty, the result is ``Read/bytes(_:)`` with 0.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Read {
        switch end {
        case .closed: return .closed
        case .failed(let error): return .failed(error)
        case nil: break
        }
        guard let start = buffer.baseAddress, !buffer.isEmpty else { return .bytes(0) }
        ERR_clear_error()
        var count = 0
        let result = SSL_read_ex(session, start, buffer.count, &count)
        if result == 1 { return .bytes(count) }
        switch problem(result) {
        case .wantsRead: return .wouldBlock
        case .wantsWrite: return .wantsWrite
        case .ended(.closed): return .closed
        case .ended(.failed(let error)): return .failed(error)
        }
    }

    /// Writes as much as the socket takes.
    ///
    /// After ``Write/wouldBlock`` or ``Write/wantsRead`` some of the bytes may be encrypted already: the next write must
    /// begin with the same bytes, and have at least as many; they may lie elsewhere in memory.
    ///
    /// A write that the system refuses leaves the reading as it is: what the other side said before it went can be read.
    /// - Parameter bytes: if there are none, the result is ``Write/bytes(_:)`` with 0.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Write {
        if let failure = writeFailure { return .failed(failure) }
        if let end { return .failed(Self.error(end)) }
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return .bytes(0) }
        ERR_clear_error()
        var count = 0
        let result = SSL_write_ex(session, start, bytes.count, &count)
        if result == 1 { return .bytes(count) }
        if socket.pointee.error != 0 { return .failed(writingFailed()) }
        switch problem(result) {
        case .wantsRead: return .wantsRead
        case .wantsWrite: return .wouldBlock
        case .ended(let end): return .failed(Self.error(end))
        }
    }

    /// Tells the other side that nothing more will come, if the socket takes it at once; it does not wait for an answer.
    /// The stream can't be used after it.
    package func close() {
        if isOpen, end == nil, writeFailure == nil {
            ERR_clear_error()
            _ = SSL_shutdown(session)
            ERR_clear_error()
        }
        if end == nil { end = .closed }
    }

    /// The application protocol that the broker chose; `nil` if none, or before the handshake is done.
    package var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(session, &name, &count)
        guard let name, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// The version and the cipher, such as `TLSv1.3, TLS_AES_256_GCM_SHA384`.
    package var summary: String {
        let version = SSL_get_version(session).map { String(cString: $0) } ?? "TLS"
        guard let cipher = SSL_get_current_cipher(session), let name = SSL_CIPHER_get_name(cipher) else {
            return version
        }
        return "\(version), \(String(cString: name))"
    }

    // MARK: Problems

    private enum Problem {
        case wantsRead, wantsWrite
        case ended(End)
    }

    /// What kept the latest call from what it was to do.
    private func problem(_ result: Int32) -> Problem {
        switch SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ:
            return .wantsRead
        case SSL_ERROR_WANT_WRITE:
            return .wantsWrite
        case SSL_ERROR_ZERO_RETURN:
            end = .closed
            return .ended(.closed)
        default:
            return .ended(.failed(failure()))
        }
    }

    /// Under TLS 1.3 a server that refuses a client's certificate says so when the client has begun to write already (RFC
    /// 8446, 4.4.2.4), and then goes: the alert waits to be read while the system refuses what is written.
    private func writingFailed() -> MessagingError {
        let failure = brokenLink(socket.pointee.error)
        socket.pointee.error = 0
        ERR_clear_error()
        var byte: UInt8 = 0
        var count = 0
        let result = SSL_peek_ex(session, &byte, 1, &count)
        if result != 1, case .ended(.failed(let reason)) = problem(result), reason.code == .refused { return reason }
        writeFailure = failure
        return failure
    }

    private func brokenLink(_ error: Int32) -> MessagingError {
        MessagingError(.connectionLost, "the link to the broker broke: \(OpenSSLError.systemText(error))")
    }

    private func failure() -> MessagingError {
        if !isOpen, let reason = context.failure {
            return fail(.refused, "the broker can't be trusted: \(reason)")
        }
        // That the other side has gone comes first: OpenSSL then tries to tell it so, which the system refuses.
        if socket.pointee.isAtEnd {
            return fail(
                .connectionLost,
                isOpen
                    ? "the broker closed the connection without an end of TLS"
                    : "the broker closed the connection during the TLS handshake"
            )
        }
        if socket.pointee.error != 0 { return fail(brokenLink(socket.pointee.error)) }
        if !isOpen, OpenSSLError.isLatest(reason: SSL_R_WRONG_VERSION_NUMBER) {
            return fail(.refused, "what answers does not speak TLS, or not on this port: \(OpenSSLError.takeReasons())")
        }
        return fail(.refused, "TLS with the broker failed: \(OpenSSLError.takeReasons())")
    }

    private func fail(_ code: MessagingError.Code, _ message: String) -> MessagingError {
        fail(MessagingError(code, message))
    }

    private func fail(_ error: MessagingError) -> MessagingError {
        ERR_clear_error()
        end = .failed(error)
        return error
    }

    private static func error(_ end: End) -> MessagingError {
        switch end {
        case .closed: MessagingError(.connectionLost, "the TLS connection is closed")
        case .failed(let error): error
        }
    }
}
