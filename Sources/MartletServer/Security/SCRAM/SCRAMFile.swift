import Martlet

/// The users of a file who may log in by SCRAM-SHA-256 (RFC 7677), by which clients of MQTT 5 show that they know a password without
/// sending it, and the server that it knows them (MQTT 5, 4.12). They may authenticate themselves anew on a connection that they have.
///
///     :0kGP…=
///     alice:SCRAM-SHA-256$15000:<salt>$<StoredKey>:<ServerKey>
///
/// A user's line has what PostgreSQL keeps of a password (after RFC 5803): 4,096 iterations at least, and no password. ``setPassword(_:of:in:iterations:)``
/// and `martlet broker scram` write it. The line without a name is a secret of which salts for unknown users are made, always the same
/// for a name: who asks can't tell them from users'. Without such a line they change when anything in the file does.
///
/// It is read once. Channel binding is not offered, and refused where a client insists on it. User name and password of a CONNECT that
/// names the method mean nothing.
public struct SCRAMFile: Authenticator {
    private let users: [[UInt8]: SCRAMCredential]
    /// What credentials of unknown users are made of.
    private let secret: [UInt8]
    /// How much the salt of an unknown user has, and its iterations: as those of most users.
    private let usual: (saltBytes: Int, iterations: Int)
    private let other: (any Authenticator)?

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - other: who decides about clients that do not name the method, those before MQTT 5 among them; `nil`: they are refused.
    /// - Throws: `MessagingError.Code.invalidArgument` with the line that is wrong, or if the file can't be read.
    public init(path: String, otherwise other: (any Authenticator)? = nil) throws {
        try self.init(text: TextFile.read(path), name: path, otherwise: other)
    }

    /// The users of a file's text.
    ///
    /// - Parameters:
    ///   - text: the file's lines.
    ///   - name: what errors call it.
    ///   - other: who decides about clients that do not name the method; `nil`: they are refused.
    /// - Throws: `MessagingError.Code.invalidArgument` with the line that is wrong.
    public init(text: String, name: String, otherwise other: (any Authenticator)? = nil) throws {
        var users: [[UInt8]: SCRAMCredential] = [:]
        var secret: [UInt8]?
        for (number, line) in TextFile.lines(of: text) {
            func fault(_ text: String) -> MessagingError {
                MessagingError(.invalidArgument, "line \(number) of \(name) \(text)")
            }
            switch SCRAMLine(line) {
            case .secret(let bytes):
                guard secret == nil else { throw fault("is a second line without a user") }
                secret = bytes
            case .user(let user, let credential):
                do {
                    try SCRAMText.validate(user, "the user")
                } catch {
                    throw fault("can't be used: \(error.message)")
                }
                guard users.updateValue(credential, forKey: Array(user.utf8)) == nil else {
                    throw fault("has a user that is there before")
                }
            case nil:
                throw fault(
                    "is not a user, ':' and SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, with 4096 iterations at least, as martlet broker scram writes it"
                )
            }
        }
        self.users = users
        self.other = other
        self.secret = secret ?? SCRAMCredential.digest.hash(Array(text.utf8))
        var counts: [[Int]: Int] = [:]
        for user in users.values { counts[[user.salt.count, user.iterations], default: 0] += 1 }
        let most = counts.max { ($0.value, $0.key[1], $0.key[0]) < ($1.value, $1.key[1], $1.key[0]) }?.key
        usual = most.map { ($0[0], $0[1]) } ?? (Self.saltBytes, Self.defaultIterations)
    }

    /// Refuses, or asks whoever decides about those who do not name the method.
    public func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
        try await other?.authenticate(credentials) ?? .refused
    }

    /// Begins an authentication, if the method is `SCRAM-SHA-256`.
    public func exchange(by method: String, _ credentials: ClientCredentials) -> (any AuthenticationExchange)? {
        guard method == SCRAMCredential.method else { return other?.exchange(by: method, credentials) }
        return SCRAMExchange(nonce: Base64.text(.random(count: 18))) { user($0) }
    }

    /// What is known of a user, or made up in the same time.
    func user(_ name: String) -> SCRAMExchange.User {
        let name = Array(name.utf8)
        let key = SCRAMCredential.digest.code(name, key: secret)
        let stranger = SCRAMCredential(
            salt: SCRAMCredential.digest.pbkdf2(secret, salt: name, rounds: 1, count: usual.saltBytes),
            iterations: usual.iterations,
            storedKey: key,
            serverKey: key
        )
        let credential = users[name]
        return SCRAMExchange.User(credential: credential ?? stranger, isKnown: credential != nil)
    }

    // MARK: Writing

    private static let saltBytes = 16
    /// As MongoDB has it for this method; a small device takes a few seconds for them.
    public static let defaultIterations = 15_000

    /// Writes what is kept of a user's password into a file, in place of what is there of the user. A file that is not there is made,
    /// with a secret, for its owner's eyes alone. It is exchanged as a whole, and blocks meanwhile.
    ///
    /// - Parameters:
    ///   - password: the password. As the user's name, of printable ASCII and the letters from U+00C0 to U+00FF, which mean the same in all their
    ///     spellings (SASLprep, RFC 4013).
    ///   - user: the user, who need not be there.
    ///   - path: the file.
    ///   - iterations: how dear it is to guess, and to log in, 4,096 at least (RFC 7677).
    /// - Throws: `MessagingError.Code.invalidArgument` if that can't be, or if the file is no such file or can't be written.
    public static func setPassword(
        _ password: String,
        of user: String,
        in path: String,
        iterations: Int = defaultIterations
    ) throws {
        try SCRAMText.validate(user, "the user")
        try SCRAMText.validate(password, "the password")
        guard SCRAMCredential.iterations.contains(iterations) else {
            let range = SCRAMCredential.iterations
            throw MessagingError(
                .invalidArgument,
                "the iterations have to be from \(range.lowerBound) to \(range.upperBound), and are \(iterations)"
            )
        }
        let credential = SCRAMCredential(
            password: Array(password.utf8),
            salt: .random(count: saltBytes),
            iterations: iterations
        )
        let line = "\(user):\(credential.text)"
        guard SCRAMLine.user(in: line).map({ $0.utf8.elementsEqual(user.utf8) }) ?? false else {
            throw MessagingError(
                .invalidArgument,
                "the user can't begin with a space, '#' or ':', or have ':\(SCRAMCredential.method)$' in it"
            )
        }
        guard TextFile.exists(path) else {
            return try TextFile.write(":\(Base64.text(.random(count: 32)))\n\(line)\n", to: path)
        }
        let text = try TextFile.read(path)
        _ = try SCRAMFile(text: text, name: path)
        var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
        if lines.last == "" { lines.removeLast() }
        let place = lines.firstIndex { SCRAMLine.user(in: $0).map { $0.utf8.elementsEqual(user.utf8) } ?? false }
        if let place { lines[place] = line } else { lines.append(line) }
        try TextFile.write(lines.joined(separator: "\n") + "\n", to: path)
    }
}

/// A line of a file.
private enum SCRAMLine {
    case secret([UInt8])
    case user(String, SCRAMCredential)

    /// The user of a line of a file, if it is a user's.
    static func user(in line: String) -> String? {
        guard case .user(let user, _) = TextFile.lines(of: line).first.flatMap({ SCRAMLine($0.1) }) else { return nil }
        return user
    }

    /// `nil`: it is none.
    init?(_ line: Substring) {
        if line.hasPrefix(":") {
            guard let secret = Base64.bytes(String(line.dropFirst())), secret.count >= 16 else { return nil }
            self = .secret(secret)
        } else {
            // A name may have a colon; what follows it has its own.
            guard let mark = line.firstRange(of: ":\(SCRAMCredential.method)$"),
                let credential = SCRAMCredential(line[line.index(after: mark.lowerBound)...])
            else { return nil }
            self = .user(String(line[..<mark.lowerBound]), credential)
        }
    }
}

extension [UInt8] {
    /// So many that nobody can guess.
    fileprivate static func random(count: Int) -> [UInt8] {
        (0..<count).map { _ in .random(in: .min ... .max) }
    }
}

extension Authenticator where Self == SCRAMFile {
    /// The users of a file who log in by SCRAM-SHA-256.
    ///
    /// - Throws: what ``SCRAMFile/init(path:otherwise:)`` throws.
    public static func scram(_ path: String, otherwise other: (any Authenticator)? = nil) throws -> SCRAMFile {
        try SCRAMFile(path: path, otherwise: other)
    }
}
