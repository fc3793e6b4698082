internal import COpenSSL
import Synchronization

/// What the callbacks of a context share: the name to tell the server, and why its certificate was refused.
///
/// The context owns one reference to it, which OpenSSL gives back when it frees the context: however long a library keeps
/// the context, and the sessions that keep it in turn, a callback finds its record alive.
final class HandshakeRecord: Sendable {
    private struct State {
        var failure: String?
    }

    private let serverName: String?
    private let state = Mutex(State())

    private init(serverName: String?) {
        self.serverName = serverName
    }

    var failure: String? { state.withLock { $0.failure } }

    /// Makes a record for a context and has the context call it.
    static func attach(to context: OpaquePointer, serverName: String?) throws -> HandshakeRecord {
        let record = HandshakeRecord(serverName: serverName)
        // Without data of its own, one that was attached before would lose its owner.
        let previous = SSL_CTX_get_ex_data(context, index)
        let owned = Unmanaged.passRetained(record)
        guard index >= 0, SSL_CTX_set_ex_data(context, index, owned.toOpaque()) == 1 else {
            owned.release()
            throw OpenSSLError.unexpected("SSL_CTX_set_ex_data")
        }
        if let previous { Unmanaged<HandshakeRecord>.fromOpaque(previous).release() }
        SSL_CTX_set_info_callback(context) { session, event, _ in
            guard event & SSL_CB_HANDSHAKE_START != 0, let session else { return }
            HandshakeRecord.of(session)?.begin(session)
        }
        return record
    }

    /// The callback that looks at each result of verifying a certificate and leaves it as it is.
    static let verifyCallback: @convention(c) (Int32, OpaquePointer?) -> Int32 = { isValid, store in
        guard isValid != 1, let store,
            let session = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
        else { return isValid }
        HandshakeRecord.of(OpaquePointer(session))?.refused(CertificateProblem(in: store).description)
        return isValid
    }

    /// Where contexts keep their record. The function given to OpenSSL gives the context's reference back; it is called
    /// for every context of the process, most of which have none.
    private static let index = martlet_SSL_CTX_get_ex_new_index { _, record, _, _, _, _ in
        if let record { Unmanaged<HandshakeRecord>.fromOpaque(record).release() }
    }

    private static func of(_ session: OpaquePointer) -> HandshakeRecord? {
        // The session keeps its context, and the context the record, while this runs.
        guard let context = SSL_get_SSL_CTX(session), let record = SSL_CTX_get_ex_data(context, index) else {
            return nil
        }
        return Unmanaged<HandshakeRecord>.fromOpaque(record).takeUnretainedValue()
    }

    /// A handshake begins, and its first message is not yet made: the name that goes into it can still be set. An address
    /// is no name (RFC 6066, section 3), so for one nothing is told, even if the library meant to.
    private func begin(_ session: OpaquePointer) {
        state.withLock { $0.failure = nil }
        _ = martlet_SSL_set_tlsext_host_name(session, serverName)
    }

    private func refused(_ reason: String) {
        state.withLock { $0.failure = reason }
    }
}
