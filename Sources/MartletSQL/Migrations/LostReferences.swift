/// What rows of an SQLite database say that refer to rows which are not there: there may be some since a time when nobody
/// checked.
///
/// They are known by what they say, not by their numbers: those of a table that is replaced by another one may get new ones.
struct LostReferences {
    private struct Found: Decodable, Sendable {
        var fkid: Int
        var rowid: Int64?
    }

    /// How often each key is referred to in vain, by the name of the table that does.
    private var tables: [String: [String: Int]] = [:]
    /// Those of which that can't be told, since a foreign key of theirs names columns that are no key. A migration may be about
    /// to mend that.
    private var unknown: Set<String> = []

    /// Looks for them. On other databases there are none: they check by themselves.
    init(_ db: SQLTransaction, _ dialect: SQLDialect) async throws {
        guard dialect == .sqlite else { return }
        let referring: SQL = """
            SELECT DISTINCT t.name FROM sqlite_master AS t, pragma_foreign_key_list(t.name) WHERE t.type = 'table'
            """
        for table in try await db.rows(referring, as: String.self) {
            do {
                tables[table] = try await Self.keys(of: table, db)
            } catch let error as SQLError where error.message.contains("foreign key mismatch") {
                unknown.insert(table)
            }
        }
    }

    private static func keys(of table: String, _ db: SQLTransaction) async throws -> [String: Int] {
        let found = try await db.rows("SELECT fkid, rowid FROM pragma_foreign_key_check(\(table))", as: Found.self)
        // Rows without a number can't be found by it: they are counted.
        var keys = ["": found.count { $0.rowid == nil }]
        for foreignKey in Set(found.filter { $0.rowid != nil }.map(\.fkid)) {
            let columns = try await db.rows(
                "SELECT \"from\" FROM pragma_foreign_key_list(\(table)) WHERE id = \(foreignKey) ORDER BY seq",
                as: String.self
            )
            let key = columns.map { "hex(\(identifier: $0))" as SQL }.reduce("''" as SQL) { "\($0) || ',' || \($1)" }
            let rows: SQL = """
                SELECT \(key) FROM \(identifier: table) WHERE _rowid_ IN
                (SELECT rowid FROM pragma_foreign_key_check(\(table)) WHERE fkid = \(foreignKey))
                """
            for text in try await db.rows(rows, as: String.self) { keys[text, default: 0] += 1 }
        }
        return keys
    }

    /// A table in which there is more of it than there was before; `nil` if there is none. What is found now, and could not be
    /// told before, is nothing new.
    func table(addedSince before: LostReferences) -> String? {
        // Whichever table says so: one may have a new name.
        var known: [String: Int] = [:]
        for keys in before.tables.values { known.merge(keys, uniquingKeysWith: +) }
        for (table, keys) in tables where !before.unknown.contains(table) {
            for (key, count) in keys {
                known[key, default: 0] -= count
                if known[key, default: 0] < 0 { return table }
            }
        }
        return nil
    }
}
