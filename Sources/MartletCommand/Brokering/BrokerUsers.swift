import Martlet
import MartletServer
import Synchronization

/// Who may connect to `martlet broker`: the users of a file, which can be read anew, or whoever is on this machine or any.
final class BrokerUsers: Authenticator {
    private let file: Mutex<PasswordFile>

    /// - Throws: what `PasswordFile.init(path:)` throws.
    init(path: String) throws {
        file = Mutex(try PasswordFile(path: path))
    }

    /// Has other users be let in from now on.
    func set(_ users: PasswordFile) { file.withLock { $0 = users } }

    func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
        try await file.withLock { $0 }.authenticate(credentials)
    }
}
