import Martlet

/// The users of a file as `mosquitto_passwd` writes it: a line each, `name:$7$rounds$salt$hash` (PBKDF2 with SHA-512) or the older
/// `name:$6$salt$hash` (SHA-512). From version 2.1 on it writes these only if told, `mosquitto_passwd -H sha512-pbkdf2`; what it
/// writes otherwise (`$argon2id$`) is refused.
///
/// It is read once. A client without a user, or with one that is not in the file, is refused in the same time as one with a
/// wrong password. Nobody is let in without a password, or by an empty one, whatever the file says; nor does mosquitto.
public struct PasswordFile: Authenticator {
    /// How a password is kept.
    fileprivate enum Hash: Sendable {
        case pbkdf2(rounds: Int, salt: [UInt8], key: [UInt8])
        case sha512(salt: [UInt8], digest: [UInt8])

        func matches(_ password: [UInt8]) -> Bool {
            switch self {
            case .pbkdf2(let rounds, let salt, let key):
                Digest.areEqual(Digest.sha512.pbkdf2(password, salt: salt, rounds: rounds, count: key.count), key)
            case .sha512(let salt, let digest):
                Digest.areEqual(Digest.sha512.hash(password + salt), digest)
            }
        }
    }

    /// More rounds than that would let a file hold up the server.
    fileprivate static let maximumRounds = 10_000_000
    private let users: [[UInt8]: Hash]
    /// What an unknown user's password is compared with.
    private let stranger: Hash

    /// Reads a file.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` with the line that is wrong, or if the file can't be read.
    public init(path: String) throws {
        try self.init(text: TextFile.read(path), name: path)
    }

    /// The users of a file's text.
    ///
    /// - Parameters:
    ///   - text: the file's lines.
    ///   - name: what errors call it.
    /// - Throws: `MessagingError.Code.invalidArgument` with the line that is wrong.
    public init(text: String, name: String) throws {
        var users: [[UInt8]: Hash] = [:]
        var rounds = 101
        for (number, line) in TextFile.lines(of: text) {
            guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), colon > line.utf8.startIndex,
                let hash = Hash(line[line.utf8.index(after: colon)...])
            else {
                throw MessagingError(
                    .invalidArgument,
                    "line \(number) of \(name) is not a user, ':' and a hash that begins with $7$ or $6$, as mosquitto_passwd writes it "
                        + "(from version 2.1 on with -H sha512-pbkdf2)"
                )
            }
            if case .pbkdf2(let own, _, _) = hash { rounds = max(rounds, own) }
            users[Array(line[..<colon].utf8)] = hash
        }
        self.users = users
        stranger = .pbkdf2(rounds: rounds, salt: Array(repeating: 0, count: 12), key: Array(repeating: 0, count: 64))
    }

    /// Looks the user up and compares the password.
    public func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
        guard let user = credentials.user else { return .refused }
        let hash = users[Array(user.utf8)]
        let password = credentials.password ?? []
        let isRight = (hash ?? stranger).matches(password)
        return hash != nil && isRight && !password.isEmpty ? .accepted(user: user) : .refused
    }
}

extension PasswordFile.Hash {
    fileprivate init?(_ text: Substring) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false).map(String.init)
        switch (parts.count, parts.dropFirst().first) {
        case (5, "7"):
            guard let rounds = Int(parts[2]), (1...PasswordFile.maximumRounds).contains(rounds),
                let salt = Base64.bytes(parts[3]), let key = Base64.bytes(parts[4]), key.count == 64
            else { return nil }
            self = .pbkdf2(rounds: rounds, salt: salt, key: key)
        case (4, "6"):
            guard let salt = Base64.bytes(parts[2]), let digest = Base64.bytes(parts[3]), digest.count == 64 else {
                return nil
            }
            self = .sha512(salt: salt, digest: digest)
        default: return nil
        }
    }
}
