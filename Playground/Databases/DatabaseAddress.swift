import MartletPostgreSQL
import MartletSQL
import MartletSQLite

/// Which database to run on, as the command line says it.
enum DatabaseAddress: Hashable, Sendable {
    /// `memory:`, a database of SQLite's that is gone in the end.
    case memory
    /// `sqlite:` and the path of a file.
    case sqlite(String)
    /// `postgres:` or `postgresql:`, a server.
    case postgreSQL(String)

    /// The forms there are, for a message that asks for one of them.
    static let known = "memory:, sqlite:path, postgres://user@host/database"

    /// `nil` if there is no such kind of database.
    init?(_ text: String) {
        let rest = text.drop { $0 != ":" }.dropFirst()
        switch text.prefix(while: { $0 != ":" }) {
        case "memory" where text == "memory:": self = .memory
        case "sqlite" where !rest.isEmpty: self = .sqlite(String(rest))
        case "postgres" where text.contains(":"), "postgresql" where text.contains(":"): self = .postgreSQL(text)
        default: return nil
        }
    }

    func open() throws -> any Database {
        switch self {
        case .memory: try SQLite(":memory:")
        case .sqlite(let path): try SQLite(path)
        case .postgreSQL(let url): try PostgreSQL(url)
        }
    }
}
