import Logging
import Martlet
import MartletJWT
import MartletServer
import Synchronization

/// Who may connect to `martlet broker`: the users of files, which can be read anew.
final class BrokerUsers: Authenticator {
    private let files: Mutex<any Authenticator>

    init(_ files: any Authenticator) {
        self.files = Mutex(files)
    }

    /// Has the users of other files be let in from now on.
    func set(_ files: any Authenticator) { self.files.withLock { $0 = files } }

    func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
        try await files.withLock { $0 }.authenticate(credentials)
    }

    func exchange(by method: String, _ credentials: ClientCredentials) -> (any AuthenticationExchange)? {
        files.withLock { $0 }.exchange(by: method, credentials)
    }
}

extension BrokerSettings {
    /// Reads the files of users, and of the keys of tokens.
    ///
    /// - Parameter logger: what is told of keys that can't be used.
    /// - Returns: `nil`: there are none.
    /// - Throws: `MessagingError.Code.invalidArgument` if one can't be read or is wrong.
    func readUsers(_ logger: Logger) throws -> (any Authenticator)? {
        let passwords = try users.map { try PasswordFile(path: $0) }
        var authenticator: (any Authenticator)? = passwords
        if let scram { authenticator = try SCRAMFile(path: scram, otherwise: passwords) }
        guard let tokens else { return authenticator }
        return TokenAuthenticator(try tokens.keys(logger), tokens.rules, otherwise: authenticator)
    }
}
