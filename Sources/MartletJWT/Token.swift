import Martlet

/// A token as it comes: three parts with dots between (RFC 7515, section 7.1), of which only the first was read. Nobody has
/// looked yet who has signed it.
struct Token: Sendable {
    /// More is not even looked at. Tokens go with each CONNECT, and most have less than 2 KiB.
    static let limit = 8_192

    private let header: [String: JSON]
    private let payload: [UInt8]
    private let signed: [UInt8]
    private let signature: [UInt8]?

    /// - Returns: `nil`: it has not the form of a token, but may be a password.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= Self.limit else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let text = Base64URL.bytes(parts[0]), let header = BoundedJSON.object(text),
            header["alg"] != nil
        else { return nil }
        self.header = header
        payload = Array(parts[1])
        signed = Array(bytes[..<parts[1].endIndex])
        signature = Base64URL.bytes(parts[2])
    }

    /// What it says, once it is sure who says so.
    ///
    /// - Throws: `MessagingError.Code.refused` with why it can't be trusted.
    func claims(_ keys: TokenKeys) async throws -> TokenClaims {
        guard let algorithm = header["alg"]?.string.flatMap(SignatureAlgorithm.init(rawValue:)) else {
            throw TokenClaims.fault("is signed by an algorithm that is not allowed, or not at all")
        }
        // Extensions without which it would mean something else (RFC 7515, section 4.1.11); none is known here.
        guard header["crit"] == nil else { throw TokenClaims.fault("has extensions that are not known") }
        let id = header["kid"]
        guard id == nil || id?.string != nil else { throw TokenClaims.fault("has a kid that is no text") }
        guard let key = keys.key(id: id?.string, algorithm) else {
            throw TokenClaims.fault("is signed with a key that is not known, or may be one of several")
        }
        guard let signature, await key.verifies(signature, of: signed, by: algorithm) else {
            throw TokenClaims.fault("has a signature that is wrong")
        }
        guard let text = Base64URL.bytes(payload), let claims = BoundedJSON.object(text) else {
            throw TokenClaims.fault("says nothing that is an object of JSON")
        }
        return TokenClaims(claims)
    }
}
