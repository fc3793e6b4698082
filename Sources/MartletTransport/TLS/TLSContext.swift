internal import COpenSSL
package import Martlet

/// An OpenSSL context (`SSL_CTX`) that is set up for one broker: for ``TLSStream`` or for a C library that makes its own
/// connections from it.
///
/// It checks certificates against the host it was made for and names that host to the server, whatever the library
/// does: the library is given a numeric address to connect to, and would name that one.
///
/// Handshakes from one context are made one after another: ``failure`` speaks of the latest.
package final class TLSContext: Sendable {
    /// The `SSL_CTX`. Who keeps it beyond the life of this object must take a reference of its own, as `SSL_new`
    /// does; all that its callbacks need lives as long as the context itself.
    ///
    /// It may be used from any thread: nothing changes it after `init`, and OpenSSL 3 counts references to it, and makes
    /// sessions from it, under its own locks and atomics (openssl-threads(7)).
    nonisolated(unsafe) package let handle: OpaquePointer

    private let record: HandshakeRecord
    /// Whether a handshake may only succeed with a certificate that was verified.
    let isVerifying: Bool

    /// - Parameters:
    ///   - host: the name or address of the broker, without brackets. It may be empty where the options name a server
    ///     or do not verify the name.
    ///   - existing: a context that a library has made and keeps (librabbitmq's is got from
    ///     `amqp_ssl_socket_get_context`), not yet used for a connection; it is set up instead of a new one, and kept
    ///     alive by this object too. `nil`: a new one.
    /// - Throws: `MessagingError.Code.invalidArgument` that names the option, the file if it is one, and OpenSSL's
    ///   reason. An existing context must not be used then.
    package init(_ options: TLSOptions, host: String, setting existing: OpaquePointer? = nil) throws {
        let peer = try PeerName(options.serverName ?? host, isNeeded: options.verification == .full)
        ERR_clear_error()
        let context: OpaquePointer
        if let existing {
            guard SSL_CTX_up_ref(existing) == 1 else { throw OpenSSLError.unexpected("SSL_CTX_up_ref") }
            context = existing
        } else {
            guard let new = SSL_CTX_new(TLS_client_method()) else { throw OpenSSLError.unexpected("SSL_CTX_new") }
            context = new
        }
        do {
            try TLSSettings(context: context, options: options, peer: peer).apply()
            record = try HandshakeRecord.attach(to: context, serverName: peer?.serverName)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        handle = context
        isVerifying = options.verification != .none
    }

    deinit { SSL_CTX_free(handle) }

    /// Why the latest handshake refused the broker's certificate; `nil` if it did not, or the next one has begun.
    package var failure: String? { record.failure }
}
