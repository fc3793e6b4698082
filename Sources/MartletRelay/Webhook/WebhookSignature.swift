import COpenSSL
import Martlet

/// Signs requests as the specification Standard Webhooks says: HMAC-SHA256 of ID, time and body.
struct WebhookSignature: Sendable, Hashable {
    private let key: [UInt8]

    /// - Parameter secret: a text, or `whsec_` and Base64.
    /// - Throws: `MessagingError.Code.invalidArgument` for an empty one, and one whose Base64 is none.
    init(_ secret: Secret) throws {
        let prefix = "whsec_"
        let bytes =
            secret.value.hasPrefix(prefix)
            ? Base64.bytes(String(secret.value.dropFirst(prefix.count))) : Array(secret.value.utf8)
        guard let bytes, !bytes.isEmpty else {
            throw MessagingError(.invalidArgument, "the secret of the web hook is empty, or no Base64 behind 'whsec_'")
        }
        key = bytes
    }

    /// What stands in `webhook-signature`.
    func value(id: String, time: Int64, body: [UInt8]) -> String {
        let content = Array("\(id).\(time).".utf8) + body
        var digest = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 32
        HMAC(EVP_sha256(), key, Int32(key.count), content, content.count, &digest, &count)
        return "v1," + Base64.text(digest)
    }
}
