import COpenSSL

/// A hash function of OpenSSL's, and what is made with it.
enum Digest: Sendable {
    case sha256
    case sha512

    /// The bytes of a hash.
    var count: Int {
        switch self {
        case .sha256: 32
        case .sha512: 64
        }
    }

    private var function: OpaquePointer {
        switch self {
        case .sha256: EVP_sha256()
        case .sha512: EVP_sha512()
        }
    }

    /// The hash of bytes. All of these give nothing if OpenSSL can't; nothing is equal to nothing, says ``areEqual(_:_:)``.
    func hash(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: count)
        return EVP_Digest(bytes, bytes.count, &digest, nil, function, nil) == 1 ? digest : []
    }

    /// The code of bytes by a key (RFC 2104).
    func code(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: count)
        return HMAC(function, key, CInt(clamping: key.count), bytes, bytes.count, &code, nil) != nil ? code : []
    }

    /// A key of a password, dear to make (RFC 8018, section 5.2).
    func pbkdf2(_ password: [UInt8], salt: [UInt8], rounds: Int, count: Int) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: count)
        let done = password.withUnsafeBytes { password in
            PKCS5_PBKDF2_HMAC(
                password.bindMemory(to: CChar.self).baseAddress,
                CInt(clamping: password.count),
                salt,
                CInt(clamping: salt.count),
                CInt(clamping: rounds),
                function,
                CInt(clamping: count),
                &key
            )
        }
        return done == 1 ? key : []
    }

    /// Whether two secrets are the same, in a time that does not tell where they differ.
    static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        !a.isEmpty && a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
    }
}
