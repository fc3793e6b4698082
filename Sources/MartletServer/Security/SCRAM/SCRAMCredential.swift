import Martlet

/// What is kept of a password for SCRAM-SHA-256 (RFC 5802, section 3): with it can be found out that somebody knows the password, and
/// who has it can't log in by it.
struct SCRAMCredential: Sendable, Hashable {
    /// The method's name (RFC 7677).
    static let method = "SCRAM-SHA-256"
    /// Fewer make guessing too cheap (RFC 7677, section 4); more would keep a client busy for many seconds.
    static let iterations = 4_096...10_000_000
    static let digest = Digest.sha256

    let salt: [UInt8]
    let iterations: Int
    let storedKey: [UInt8]
    let serverKey: [UInt8]

    init(salt: [UInt8], iterations: Int, storedKey: [UInt8], serverKey: [UInt8]) {
        (self.salt, self.iterations, self.storedKey, self.serverKey) = (salt, iterations, storedKey, serverKey)
    }

    /// Of a password, which has to be as ``SCRAMText`` says.
    init(password: [UInt8], salt: [UInt8], iterations: Int) {
        let salted = Self.digest.pbkdf2(password, salt: salt, rounds: iterations, count: Self.digest.count)
        self.init(
            salt: salt,
            iterations: iterations,
            storedKey: Self.digest.hash(Self.digest.code(Array("Client Key".utf8), key: salted)),
            serverKey: Self.digest.code(Array("Server Key".utf8), key: salted)
        )
    }

    /// As ``text`` writes it; `nil`: it is no such text.
    init?(_ text: Substring) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == Self.method else { return nil }
        let cost = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let keys = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        guard cost.count == 2, keys.count == 2, let iterations = Int(cost[0]), Self.iterations.contains(iterations),
            let salt = Base64.bytes(String(cost[1])), (8...1_024).contains(salt.count),
            let storedKey = Base64.bytes(String(keys[0])), storedKey.count == Self.digest.count,
            let serverKey = Base64.bytes(String(keys[1])), serverKey.count == Self.digest.count
        else { return nil }
        self.init(salt: salt, iterations: iterations, storedKey: storedKey, serverKey: serverKey)
    }

    /// As PostgreSQL keeps it, after RFC 5803.
    var text: String {
        let keys = "\(Base64.text(storedKey)):\(Base64.text(serverKey))"
        return "\(Self.method)$\(iterations):\(Base64.text(salt))$\(keys)"
    }

    /// What it is to log in with a message of the exchange: the code that the client has mixed with its key.
    func accepts(_ proof: [UInt8], of message: [UInt8]) -> Bool {
        let signature = Self.digest.code(message, key: storedKey)
        guard proof.count == signature.count else { return false }
        return Digest.areEqual(Self.digest.hash(zip(proof, signature).map { $0 ^ $1 }), storedKey)
    }

    /// By what the client sees that the server knows the same.
    func signature(of message: [UInt8]) -> [UInt8] { Self.digest.code(message, key: serverKey) }
}

/// Names and passwords that are what SASLprep makes of them (RFC 4013).
///
/// Of two spellings of one text SASLprep makes the same. Tables of all of Unicode 3.2 would be needed for that. What is written in
/// ASCII's printable characters and the letters of Western Europe (U+00C0 to U+00FF) it leaves as it is, and so no more is taken.
enum SCRAMText {
    /// - Throws: `MessagingError.Code.invalidArgument` if a text may be another one by SASLprep, is empty, or too long.
    static func validate(_ text: String, _ what: String) throws(MessagingError) {
        guard !text.isEmpty, text.utf8.count <= 1_024 else {
            throw MessagingError(.invalidArgument, "\(what) has to have 1 to 1024 bytes, and has \(text.utf8.count)")
        }
        for scalar in text.unicodeScalars where !(0x20...0x7E ~= scalar.value || 0xC0...0xFF ~= scalar.value) {
            let code = String(scalar.value, radix: 16, uppercase: true)
            throw MessagingError(
                .invalidArgument,
                "\(what) has the character U+\(String(repeating: "0", count: max(0, 4 - code.count)))\(code): "
                    + "for SCRAM only printable ASCII and the letters from U+00C0 to U+00FF are taken"
            )
        }
    }
}
