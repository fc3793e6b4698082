public import Logging
import Martlet
import MartletServer

/// The keys by which a broker knows who has signed a token: of a key set, of one public key, or a secret that broker and issuer
/// share.
///
/// They are read once. Nothing in a token brings in another one: `jku`, `x5u`, `jwk` and `x5c` mean nothing.
public struct TokenKeys: Sendable {
    /// What is wrong with the keys of a set that are passed over, one text each, such as `key b: its kind is not known`.
    public let passedOver: [String]
    private let keys: [VerificationKey]
    /// Whether some have an identifier, so that a token that has another one is nobody's.
    private let areNamed: Bool

    private init(_ keys: [VerificationKey], passedOver: [String] = []) {
        (self.keys, self.passedOver) = (keys, passedOver)
        areNamed = keys.contains { $0.id != nil }
    }

    /// How many there are.
    public var count: Int { keys.count }

    /// Reads a file: a JSON Web Key Set (RFC 7517), one key of such a set, or a PEM text with one public key or certificate.
    ///
    /// A set may have keys that can't be used, of a kind that is not known, for encryption, or damaged; they are passed over, and
    /// named in one line of the log.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - logger: what is told of keys that are passed over.
    /// - Throws: `MessagingError.Code.invalidArgument` if it can't be read or has no key that could be used, if two of its keys
    ///   have the same identifier and a common algorithm, or if a PEM text has a private key.
    public init(path: String, logger: Logger = Logger(label: "martlet.server")) throws {
        try self.init(text: TextFile.read(path), name: path, logger: logger)
    }

    /// The keys of a file's text.
    ///
    /// - Parameters:
    ///   - text: a key set, a key of one, or PEM.
    ///   - name: what errors call it.
    ///   - logger: what is told of keys that are passed over.
    /// - Throws: as ``init(path:logger:)`` does.
    public init(text: String, name: String, logger: Logger = Logger(label: "martlet.server")) throws {
        guard let object = BoundedJSON.object(Array(text.utf8)) else {
            try self.init(pem: text, name)
            return
        }
        let members = object["keys"].map { $0.array ?? [] } ?? [.object(object)]
        var keys: [VerificationKey] = []
        var passedOver: [String] = []
        for (index, member) in members.enumerated() {
            do throws(UnusableKey) {
                guard let members = member.object else { throw UnusableKey(reason: "it is no object") }
                keys.append(try VerificationKey(members))
            } catch {
                let name = member.object?["kid"]?.string.map { quoted($0) } ?? "\(index + 1)"
                passedOver.append("key \(name): \(error.reason)")
            }
        }
        guard !keys.isEmpty else {
            let why = passedOver.isEmpty ? "" : ": " + passedOver.joined(separator: "; ")
            throw MessagingError(.invalidArgument, "\(name) has no key by which a token could be verified\(why)")
        }
        for (index, key) in keys.enumerated() {
            guard let id = key.id else { continue }
            for other in keys[..<index] where other.id?.isExactly(id) == true {
                guard other.algorithms.isDisjoint(with: key.algorithms) else {
                    throw MessagingError(
                        .invalidArgument,
                        "\(name) has two keys of the same kind that are called \(quoted(id))"
                    )
                }
            }
        }
        if !passedOver.isEmpty {
            logger.warning(
                "keys of a set can't be used, and are passed over",
                metadata: ["file": "\(name)", "keys": "\(passedOver.joined(separator: "; "))"]
            )
        }
        self.init(keys, passedOver: passedOver)
    }

    private init(pem text: String, _ name: String) throws {
        let count = text.split(separator: "-----BEGIN ", omittingEmptySubsequences: false).count - 1
        guard count > 0 else {
            throw MessagingError(.invalidArgument, "\(name) is neither a JSON Web Key Set nor a public key in PEM")
        }
        guard !text.contains("PRIVATE KEY-----") else {
            throw MessagingError(
                .invalidArgument,
                "\(name) has a private key: a broker needs the public one, and no more"
            )
        }
        guard count == 1 else {
            throw MessagingError(.invalidArgument, "\(name) has several keys: write a JSON Web Key Set of them")
        }
        guard let key = VerificationKey(pem: text) else {
            throw MessagingError(
                .invalidArgument,
                "\(name) is no public key of RSA with 2048 bits at least, P-256, P-384, P-521 or Ed25519"
            )
        }
        self.init([key])
    }

    /// Reads a secret that broker and issuer share, for HS256, and if it is long enough for HS384 (48 bytes) and HS512 (64).
    /// Whoever knows it can make tokens.
    ///
    /// - Parameter path: a file that has the secret as text, and nothing else but a line's end. One of bytes that are no text
    ///   stands in a key set (`"kty": "oct"`).
    /// - Throws: `MessagingError.Code.invalidArgument` if it can't be read, has fewer than 32 bytes (RFC 7518, section 3.2), or
    ///   looks like a public key, which is no secret.
    public init(secretFile path: String) throws {
        var secret = Array(try TextFile.read(path).utf8)
        if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
        if secret.last == UInt8(ascii: "\r") { secret.removeLast() }
        try self.init(secret: secret, name: path)
    }

    /// A secret that broker and issuer share.
    ///
    /// - Parameters:
    ///   - secret: its bytes.
    ///   - name: what errors call it.
    /// - Throws: `MessagingError.Code.invalidArgument` as ``init(secretFile:)`` does.
    public init(secret: [UInt8], name: String = "the secret") throws {
        let text = String(decoding: secret, as: UTF8.self)
        guard !text.contains("-----BEGIN "), BoundedJSON.object(secret) == nil, !text.hasPrefix("ssh-") else {
            throw MessagingError(.invalidArgument, "\(name) is a key that others may have, and no secret")
        }
        let key = VerificationKey(.secret(secret))
        guard !key.algorithms.isEmpty else {
            throw MessagingError(.invalidArgument, "\(name) has \(secret.count) bytes, and needs 32 at least")
        }
        self.init([key])
    }

    /// The one key that a token can have been signed with; `nil`: there is none, or more than one. One that names a key of a set
    /// was signed with that; one that names none, with the only one of its algorithm.
    func key(id: String?, _ algorithm: SignatureAlgorithm) -> VerificationKey? {
        let fitting = keys.filter { key in
            guard key.algorithms.contains(algorithm) else { return false }
            guard let id, areNamed else { return true }
            return key.id?.isExactly(id) ?? false
        }
        return fitting.count == 1 ? fitting.first : nil
    }
}
