public import Martlet

/// A database as settings name it, by the keys that farine has: `db_connector`, `db_name` and so on.
///
/// `SettingsDecoder` of `MartletSettings` reads it from a file and the environment:
///
/// ```ini
/// [DEFAULT]
/// db_connector = postgres
/// db_name = shop
/// db_user = shop
/// db_host = db.home
/// db_password = secret
/// db_max_conn = 20
/// db_timeout = 5
/// ```
public struct DatabaseSettings: Sendable, Decodable {
    /// `postgres` or `sqlite`.
    public var connector: String
    /// The database's name; on SQLite the path of its file.
    public var name: String
    /// Who connects; not for SQLite.
    public var user: String?
    /// The password; not for SQLite.
    public var password: Secret?
    /// The server; not for SQLite.
    public var host: String?
    /// The server's port; by default the database's own.
    public var port: Int?
    /// How many sessions there are at most.
    public var maximumConnections: Int?
    /// How many sessions are opened at once when there are fewer; not for SQLite. This key is not one of farine's.
    public var minimumConnections: Int?
    /// How long a session may be idle and still be used.
    public var staleTimeout: Duration?
    /// How long a task waits for a session.
    public var timeout: Duration?

    private enum CodingKeys: String, CodingKey {
        case connector = "db_connector"
        case name = "db_name"
        case user = "db_user"
        case password = "db_password"
        case host = "db_host"
        case port = "db_port"
        case maximumConnections = "db_max_conn"
        case minimumConnections = "db_min_conn"
        case staleTimeout = "db_stale_timeout"
        case timeout = "db_timeout"
    }

    /// - Parameters:
    ///   - connector: `postgres` or `sqlite`.
    ///   - name: the database's name, or the path of its file.
    public init(connector: String, name: String) {
        self.connector = connector
        self.name = name
    }

    /// Checks that the settings are of a kind of database.
    package func check(_ connectors: [String]) throws(SQLError) {
        guard !connectors.contains(connector.lowercased()) else { return }
        throw SQLError(
            .invalidArgument,
            "db_connector is \(quoted(connector)), where \(connectors.map(quoted).joined(separator: " or ")) is expected"
        )
    }
}
