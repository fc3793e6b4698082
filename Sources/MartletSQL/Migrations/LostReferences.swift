/// What rows of an SQLite database say that refer to rows which are not there: there may be some since a time when nobody
/// checked.
///
/// They are known by what they say, and of which table, not by their numbers: those of a table that is replaced by another one
/// may get new ones.
struct LostReferences {
    private struct ForeignKey: Decodable, Sendable {
        var table: String
        var parent: String
    }

    private struct Found: Decodable, Sendable {
        var fkid: Int
        var parent: String
        var rowid: Int64?
    }

    /// How often each key is referred to in vain, by the name of the table that does, and of the one to which it refers.
    private var tables: [String: [String: [String: Int]]] = [:]
    /// The tables that foreign keys name, in small letters: to SQLite such names are one.
    private var parents: Set<String> = []
    /// Those of which that can't be told, since a foreign key of theirs names columns that are no key. A migration may be about
    /// to mend that.
    private var unknown: Set<String> = []

    /// Looks for them. On other databases there are none: they check by themselves.
    init(_ db: SQLTransaction, _ dialect: SQLDialect) async throws {
        guard dialect == .sqlite else { return }
        let query: SQL = """
            SELECT DISTINCT t.name AS "table", lower(f."table") AS parent
            FROM sqlite_master AS t, pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'
            """
        let foreignKeys = try await db.rows(query, as: ForeignKey.self)
        parents = Set(foreignKeys.map(\.parent))
        for table in Set(foreignKeys.map(\.table)) {
            do {
                tables[table] = try await Self.keys(of: table, db)
            } catch let error as SQLError where error.message.contains("foreign key mismatch") {
                unknown.insert(table)
            }
        }
    }

    private static func keys(of table: String, _ db: SQLTransaction) async throws -> [String: [String: Int]] {
        let query: SQL = "SELECT fkid, lower(parent) AS parent, rowid FROM pragma_foreign_key_check(\(table))"
        let found = try await db.rows(query, as: Found.self)
        var keys: [String: [String: Int]] = [:]
        // Rows without a number can't be found by it: they are counted.
        for row in found where row.rowid == nil { keys[row.parent, default: [:]]["", default: 0] += 1 }
        let parents = found.filter { $0.rowid != nil }.map { ($0.fkid, $0.parent) }
        for (foreignKey, parent) in Dictionary(parents, uniquingKeysWith: { first, _ in first }) {
            let columns = try await db.rows(
                "SELECT \"from\" FROM pragma_foreign_key_list(\(table)) WHERE id = \(foreignKey) ORDER BY seq",
                as: String.self
            )
            let key = columns.map { "hex(\(identifier: $0))" as SQL }.reduce("''" as SQL) { "\($0) || ',' || \($1)" }
            let rows: SQL = """
                SELECT \(key) FROM \(identifier: table) WHERE _rowid_ IN
                (SELECT rowid FROM pragma_foreign_key_check(\(table)) WHERE fkid = \(foreignKey))
                """
            for text in try await db.rows(rows, as: String.self) { keys[parent, default: [:]][text, default: 0] += 1 }
        }
        return keys
    }

    /// A table in which there is more of it than there was before; `nil` if there is none. What is found now, and could not be
    /// told before, is nothing new.
    func table(addedSince before: LostReferences) -> String? {
        // How much more of each key each table has, by the table to which it refers. Whichever table has it: one may have a new
        // name.
        var added: [String: [String: [String: Int]]] = [:]
        let parents = parents.intersection(before.parents)
        for (sign, lost) in [(-1, before), (1, self)] {
            for (table, keys) in lost.tables where !before.unknown.contains(table) {
                for (parent, counts) in keys {
                    // A name that was not referred to before may be the new one of a table whose old one no longer is.
                    let parent = parents.contains(parent) ? parent : ""
                    for (key, count) in counts {
                        added[parent, default: [:]][key, default: [:]][table, default: 0] += sign * count
                    }
                }
            }
        }
        for keys in added.values {
            var differences = Array(keys.values)
            // A table may have got row numbers, or lost them. What was counted can't be told from what has a key now.
            if keys["", default: [:]].values.reduce(0, +) != 0 {
                differences = [differences.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }]
            }
            for difference in differences where difference.values.reduce(0, +) > 0 {
                return difference.max { $0.value < $1.value }?.key
            }
        }
        return nil
    }
}
