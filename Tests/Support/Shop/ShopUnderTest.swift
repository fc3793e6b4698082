import Martlet
import MartletPostgreSQL
import MartletSQL
import MartletSQLite

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the tests of databases run in a process of its own, by the first argument:
///
/// - `shop DATABASE BROKER-PORT`: a shop, until it is killed.
/// - `fill FILE`: a database of SQLite whose disk is full, and has room again.
/// - `ask URL`: whom a PostgreSQL server takes it for, with the settings of its environment.
@main enum ShopUnderTest {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "shop": try await Shop(database(arguments[1])).run(brokerPort: Int(arguments[2]) ?? 0)
        case "fill": try await FullDisk.fill(arguments[1])
        case "ask": try await ask(arguments[1])
        default: say("there is no such thing to do")
        }
    }

    private static func database(_ address: String) throws -> any Database {
        address.hasPrefix("postgres:") ? try PostgreSQL(address) : try SQLite(address)
    }

    private static func ask(_ url: String) async throws {
        do {
            let database = try PostgreSQL(url)
            say("user \(try await database.first("SELECT current_user::text", as: String.self) ?? "?")")
            await database.close()
        } catch {
            say("error \(error)")
        }
    }
}

/// Writes a line at once, whatever becomes of the process next.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}
