import COpenSSL
import NIOCore
import NIOSSL

/// Whom a certificate names that a client has shown, and that its listener has found to be good.
struct ClientCertificate: Sendable, Hashable {
    private static let limit = 4_096

    /// All of its name, as RFC 2253 writes it.
    let subject: String
    /// What it calls its owner.
    let commonName: String?

    /// That of a channel's client, on its loop; `nil`: it has shown none.
    init?(of channel: any Channel) {
        guard let handler = try? channel.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
            let bytes = try? handler.peerCertificate?.toDERBytes()
        else { return nil }
        self.init(bytes)
    }

    /// - Parameter bytes: the certificate in DER.
    init?(_ bytes: [UInt8]) {
        let certificate = bytes.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            return d2i_X509(nil, &start, bytes.count)
        }
        guard let certificate else { return nil }
        defer { X509_free(certificate) }
        guard let name = X509_get_subject_name(certificate), let subject = Self.text(of: name) else { return nil }
        self.subject = subject
        commonName = Self.commonName(in: name)
    }

    private static func text(of name: OpaquePointer) -> String? {
        guard let buffer = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(buffer) }
        guard X509_NAME_print_ex(buffer, name, 0, martlet_XN_FLAG_RFC2253()) >= 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = BIO_read(buffer, &bytes, CInt(limit))
        return count < 0 ? "" : String(validating: bytes[..<Int(count)], as: UTF8.self)
    }

    private static func commonName(in name: OpaquePointer) -> String? {
        let place = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        // Of several it is not known which one counts.
        guard place >= 0, X509_NAME_get_index_by_NID(name, NID_commonName, place) < 0,
            let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, place))
        else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&text, value)
        guard count > 0, let text else { return nil }
        defer { CRYPTO_free(text, #file, #line) }
        let bytes = UnsafeBufferPointer(start: text, count: Int(count))
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }
}
