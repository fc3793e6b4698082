import IntegrationSupport
import Martlet
import MartletPostgreSQL
import MartletSQL
import MartletSQLite
import MartletSettings
import Testing

@Suite(.timeLimit(.minutes(10)))
struct SettingsTests {
    /// A service whose section has the database's keys among its own.
    private struct Consumer: Decodable {
        private enum CodingKeys: CodingKey { case enabled }

        let enabled: Bool?
        let database: DatabaseSettings

        init(from decoder: any Decoder) throws {
            enabled = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(Bool.self, forKey: .enabled)
            database = try DatabaseSettings(from: decoder)
        }
    }

    private func settings(_ ini: String) throws -> DatabaseSettings {
        let file = try SettingsFile(ini, name: "farine.ini", format: .ini)
        return try SettingsDecoder(environment: .none).decode(Consumer.self, from: file, section: "consume").database
    }

    @Test func farinesFileNamesADatabase() async throws {
        let server = try await PostgreSQLServer.shared()
        let ini = """
            [DEFAULT]
            amqp_uri = amqp://localhost/
            db_connector = postgres
            db_name = postgres
            db_user = \(PostgreSQLServer.user)
            db_host = 127.0.0.1
            db_password = \(PostgreSQLServer.password)
            db_port = \(server.port)
            db_max_conn = 3
            db_min_conn = 2
            db_stale_timeout = 300
            db_timeout = 2.5

            [consume]
            enabled = true
            """
        let settings = try settings(ini)
        #expect(settings.maximumConnections == 3)
        #expect(settings.staleTimeout == .seconds(300))
        #expect(settings.timeout == .milliseconds(2_500))
        #expect(!"\(settings)".contains(PostgreSQLServer.password))
        let database = try PostgreSQL(settings)
        #expect(try await database.rows("SELECT current_user::text", as: String.self) == [PostgreSQLServer.user])
        #expect(database.sessions.open == 2)
        await database.close()
        let nameless = ini.split(separator: "\n").filter { !$0.hasPrefix("db_name") }.joined(separator: "\n")
        #expect { try self.settings(nameless) } throws: { "\($0)".contains("db_name") }
        for (key, wrong) in [
            ("db_host", ""), ("db_user", ""), ("db_password", ""), ("db_connector", "db_connector = oracle"),
        ] {
            let lines = ini.split(separator: "\n").map { $0.hasPrefix("\(key) ") ? wrong : String($0) }
            do {
                _ = try PostgreSQL(try self.settings(lines.joined(separator: "\n")))
                Issue.record("\(key) was not missed")
            } catch {
                #expect((error as? SQLError)?.code == .invalidArgument)
                #expect("\(error)".contains(key))
            }
        }
    }

    @Test func anotherConnectorIsAFile() async throws {
        let folder = try TemporaryFolder("settings")
        defer { folder.remove() }
        let settings = try settings(
            "[consume]\ndb_connector = sqlite\ndb_name = \(folder.path("a.db"))\ndb_timeout = 1\n"
        )
        let database = try SQLite(settings)
        #expect(try await database.rows("SELECT 1 AS n", as: Int.self) == [1])
        await database.close()
        #expect(throws: SQLError.self) { try PostgreSQL(settings) }
    }
}
