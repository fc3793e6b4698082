import MartletPostgreSQL
import MartletSQL
import Testing

@Suite(.timeLimit(.minutes(10)))
struct MigrationTests {
    private func failure(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "none"
        } catch {
            #expect((error as? SQLError)?.code == .migrationFailed)
            return (error as? SQLError)?.message ?? "\(error)"
        }
    }

    @Test(arguments: DatabaseKind.allCases) func eachRunsOnce(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            let runs = Locked(0)
            for _ in 0..<3 {
                try await database.migrate {
                    Migration("tables") {
                        "CREATE TABLE a (n INT)"
                        "CREATE TABLE b (n INT)"
                    }
                    Migration("rows") { db in
                        runs.withLock { $0 += 1 }
                        try await db.execute("INSERT INTO a VALUES (\(1))")
                    }
                }
            }
            #expect(runs.withLock { $0 } == 1)
            #expect(try await database.rows("SELECT n FROM a", as: Int.self) == [1])
            #expect(
                try await database.rows("SELECT name FROM martlet_migrations ORDER BY name", as: String.self) == [
                    "rows", "tables",
                ]
            )
        }
    }

    @Test(arguments: DatabaseKind.allCases) func oneThatChangedAfterItRanIsNamed(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            try await database.migrate { Migration("stock") { "CREATE TABLE stock (n INT)" } }
            // White space is no change.
            try await database.migrate { Migration("stock") { "CREATE  TABLE\nstock (n INT)" } }
            let message = await failure {
                try await database.migrate { Migration("stock") { "CREATE TABLE stock (n BIGINT)" } }
            }
            #expect(message.contains("'stock'") && message.contains("not what it was"))
        }
    }

    @Test(arguments: DatabaseKind.allCases) func newOnesComeAtTheEnd(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            let first = Migration("first") { "CREATE TABLE a (n INT)" }
            let second = Migration("second") { "CREATE TABLE b (n INT)" }
            try await database.migrate { second }
            let message = await failure {
                try await database.migrate {
                    first
                    second
                }
            }
            #expect(message.contains("'first'") && message.contains("'second'"))
            let twice = await failure {
                try await database.migrate {
                    second
                    second
                }
            }
            #expect(twice.contains("two of that name"))
            try await database.migrate {
                second
                first
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func oneThatFailsIsUndoneAndNamed(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            func migrate(_ last: SQL) async throws {
                try await database.migrate {
                    Migration("before") { "CREATE TABLE a (n INT)" }
                    Migration("broken") {
                        "CREATE TABLE b (n INT)"
                        last
                    }
                }
            }
            let message = await failure { try await migrate("INSERT INTO missing VALUES (1)") }
            #expect(message.contains("'broken'") && message.contains("missing"))
            // What went before it is there, and nothing of it.
            #expect(try await database.rows("SELECT n FROM a", as: Int.self) == [])
            #expect(await sqlCode { try await database.execute("SELECT n FROM b") } == .invalidStatement)
            try await migrate("INSERT INTO b VALUES (1)")
            #expect(try await database.rows("SELECT n FROM b", as: Int.self) == [1])
        }
    }

    @Test(arguments: DatabaseKind.shared) func programsThatMigrateAtOnceWaitForEachOther(_ kind: DatabaseKind)
        async throws
    {
        try await withDatabase(kind) { (database) async throws in
            let runs = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await database.migrate {
                            for number in 0..<5 {
                                Migration("number \(number)") { db in
                                    runs.withLock { $0 += 1 }
                                    try await db.execute("CREATE TABLE \(identifier: "t\(number)") (n INT)")
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(runs.withLock { $0 } == 5)
        }
    }

    /// Unicode has two ways to write an é, and to Swift they are one text.
    @Test(arguments: DatabaseKind.allCases) func namesThatLookTheSameAreTwo(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            for _ in 0..<2 {
                try await database.migrate {
                    Migration("caf\u{E9}") { "CREATE TABLE a (n INT)" }
                    Migration("cafe\u{301}") { "CREATE TABLE b (n INT)" }
                }
            }
            #expect(try await database.first("SELECT count(*) FROM a, b", as: Int.self) == 0)
        }
    }

    @Test func programsOfTwoSchemasDoNotWaitForEachOther() async throws {
        let url = try await newPostgreSQLDatabase()
        let databases = try ["a", "b"]
            .map { try PostgreSQL("\(url)?options=-c%20search_path%3D\($0)%20-c%20lock_timeout%3D5s") }
        for schema in ["a", "b"] { try await databases[0].execute("CREATE SCHEMA \(identifier: schema)") }
        try await databases[0].migrate {
            Migration("long") { _ in
                try await databases[1].migrate { Migration("short") { "CREATE TABLE t (n INT)" } }
            }
        }
        #expect(try await databases[0].first("SELECT count(*) FROM b.t", as: Int.self) == 0)
        for database in databases { await database.close() }
    }

    // MARK: Foreign keys on SQLite

    private static let sqlite: [DatabaseKind] = [.sqlite, .memory]

    private func withFamily(_ kind: DatabaseKind, _ body: (any Database) async throws -> Void) async throws {
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
            try await database.execute("CREATE TABLE child (id INTEGER REFERENCES parent (id) ON DELETE CASCADE)")
            try await database.execute("INSERT INTO parent VALUES (1)")
            try await database.execute("INSERT INTO child VALUES (1)")
            try await body(database)
            // They are checked and acted on again.
            let code = await sqlCode { try await database.execute("INSERT INTO child VALUES (7)") }
            #expect(code == .foreignKeyViolation)
            try await database.execute("DELETE FROM parent")
            #expect(try await database.rows("SELECT id FROM child WHERE id < 9", as: Int.self) == [])
        }
    }

    @Test(arguments: sqlite) func aTableMayBeReplacedByAnother(_ kind: DatabaseKind) async throws {
        try await withFamily(kind) { (database) async throws in
            try await database.migrate {
                Migration("names") {
                    "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT)"
                    "INSERT INTO new (id) SELECT id FROM parent"
                    "DROP TABLE parent"
                    "ALTER TABLE new RENAME TO parent"
                }
            }
            #expect(try await database.rows("SELECT id FROM child", as: Int.self) == [1])
            #expect(try await database.rows("SELECT name FROM parent", as: String?.self) == [nil])
        }
    }

    @Test(arguments: sqlite) func oneThatLeavesReferencesToNothingIsUndone(_ kind: DatabaseKind) async throws {
        try await withFamily(kind) { (database) async throws in
            let message = await failure {
                try await database.migrate { Migration("empty") { "DELETE FROM parent" } }
            }
            #expect(message.contains("'empty'") && message.contains("refer to"))
            #expect(try await database.rows("SELECT id FROM parent", as: Int.self) == [1])
            #expect(try await database.rows("SELECT id FROM child", as: Int.self) == [1])
        }
    }

    private func withLostChild(_ body: (any Database) async throws -> Void) async throws {
        try await withFamily(.memory) { (database) async throws in
            try await database.execute("PRAGMA foreign_keys = OFF")
            try await database.execute("INSERT INTO child VALUES (9)")
            try await database.execute("PRAGMA foreign_keys = ON")
            try await body(database)
        }
    }

    /// There are as many as before, and not the same.
    @Test func oneThatLosesAReferenceAndMendsAnotherIsUndone() async throws {
        try await withLostChild { (database) async throws in
            let message = await failure {
                try await database.migrate {
                    Migration("other parents") {
                        "DELETE FROM parent"
                        "INSERT INTO parent VALUES (9)"
                    }
                }
            }
            #expect(message.contains("rows of 'child' that refer to"))
            #expect(try await database.rows("SELECT id FROM parent", as: Int.self) == [1])
        }
    }

    /// Its rows have other numbers then, and it may have another name.
    @Test(arguments: ["child", "kid"]) func aTableWithLostReferencesMayBeReplaced(_ name: String) async throws {
        try await withLostChild { (database) async throws in
            try await database.migrate {
                Migration("new child") {
                    "CREATE TABLE new (id TEXT REFERENCES parent (id) ON DELETE CASCADE)"
                    "INSERT INTO new SELECT id FROM child ORDER BY id DESC"
                    "DROP TABLE child"
                    "ALTER TABLE new RENAME TO \(identifier: name)"
                }
                Migration("old name") { if name != "child" { "ALTER TABLE kid RENAME TO child" } }
            }
            #expect(try await database.rows("SELECT id FROM child ORDER BY id", as: String.self) == ["1", "9"])
        }
    }

    /// References to two tables may say the same.
    @Test func oneThatLosesAReferenceToAnotherTableIsUndone() async throws {
        try await withLostChild { (database) async throws in
            try await database.execute("CREATE TABLE product (id INTEGER PRIMARY KEY)")
            try await database.execute("CREATE TABLE item (product INTEGER REFERENCES product)")
            try await database.execute("INSERT INTO product VALUES (9)")
            try await database.execute("INSERT INTO item VALUES (9)")
            let message = await failure {
                try await database.migrate {
                    Migration("no nines") {
                        "DELETE FROM child WHERE id = 9"
                        "DELETE FROM product"
                    }
                }
            }
            #expect(message.contains("rows of 'item' that refer to"))
            #expect(try await database.rows("SELECT id FROM product", as: Int.self) == [9])
        }
    }

    /// What refers to it in vain does so by its new name.
    @Test func aTableWithLostReferencesToItMayBeRenamed() async throws {
        try await withLostChild { (database) async throws in
            try await database.migrate {
                Migration("new name") { "ALTER TABLE parent RENAME TO elder" }
                Migration("old name") { "ALTER TABLE elder RENAME TO PARENT" }
                Migration("written otherwise") {
                    "CREATE TABLE new (id INTEGER REFERENCES Parent ON DELETE CASCADE)"
                    "INSERT INTO new SELECT id FROM child"
                    "DROP TABLE child"
                    "ALTER TABLE new RENAME TO child"
                }
            }
            #expect(try await database.rows("SELECT id FROM child ORDER BY id", as: Int.self) == [1, 9])
        }
    }

    /// SQLite counts the lost rows of a table whose rows have no numbers, and does not say which they are.
    @Test func aTableWithLostReferencesMayGetAndLoseRowNumbers() async throws {
        try await withLostChild { (database) async throws in
            func replacing(_ kind: String) -> Migration {
                Migration("child\(kind)") {
                    """
                    CREATE TABLE new (id INTEGER PRIMARY KEY REFERENCES parent ON DELETE CASCADE)\(SQL(verbatim: kind))
                    """
                    "INSERT INTO new SELECT id FROM child"
                    "DROP TABLE child"
                    "ALTER TABLE new RENAME TO child"
                }
            }
            try await database.migrate { replacing(" WITHOUT ROWID") }
            let message = await failure {
                try await database.migrate {
                    replacing(" WITHOUT ROWID")
                    Migration("fewer parents") {
                        "CREATE TABLE new (id INTEGER PRIMARY KEY REFERENCES parent)"
                        "INSERT INTO new SELECT id FROM child"
                        "DROP TABLE child"
                        "ALTER TABLE new RENAME TO child"
                        "DELETE FROM parent"
                    }
                }
            }
            #expect(message.contains("rows of 'child' that refer to"))
            try await database.migrate {
                replacing(" WITHOUT ROWID")
                replacing("")
            }
            #expect(try await database.rows("SELECT id FROM child ORDER BY id", as: Int.self) == [1, 9])
        }
    }

    @Test(arguments: ["", " WITHOUT ROWID"]) func aForeignKeyNeedsNotNameItsKey(_ kind: String) async throws {
        try await withFamily(.memory) { (database) async throws in
            try await database.migrate {
                Migration("pairs") {
                    "CREATE TABLE pair (a INTEGER, b TEXT, PRIMARY KEY (a, b))"
                    """
                    CREATE TABLE half (id INTEGER PRIMARY KEY, x INTEGER, y TEXT,
                    FOREIGN KEY (x, y) REFERENCES pair)\(SQL(verbatim: kind))
                    """
                    "INSERT INTO pair VALUES (1, 'a,b'), (2, 'c')"
                    "INSERT INTO half VALUES (1, 1, 'a,b'), (2, 2, 'c'), (3, NULL, 'none')"
                }
            }
            let message = await failure {
                try await database.migrate { Migration("fewer") { "DELETE FROM pair WHERE a = 1" } }
            }
            #expect(message.contains("rows of 'half' that refer to"))
            #expect(try await database.first("SELECT count(*) FROM pair", as: Int.self) == 2)
            try await database.migrate {
                Migration("fewer halves") {
                    "DELETE FROM half WHERE x = 1"
                    "DELETE FROM pair WHERE a = 1"
                }
            }
        }
    }

    /// SQLite can't tell of such a table which of its rows are lost. Of others it can.
    @Test func aForeignKeyWhoseTableHasNoSuchKeyHidesNothingElse() async throws {
        try await withFamily(.memory) { (database) async throws in
            try await database.migrate {
                Migration("no key") {
                    "CREATE TABLE plain (a INT, b INT)"
                    "CREATE TABLE guess (id INTEGER REFERENCES plain)"
                }
            }
            let message = await failure {
                try await database.migrate { Migration("empty") { "DELETE FROM parent" } }
            }
            #expect(message.contains("rows of 'child' that refer to"))
            // What is lost already when a table gets its key is nothing new.
            try await database.execute("PRAGMA foreign_keys = OFF")
            try await database.execute("INSERT INTO guess VALUES (5)")
            try await database.execute("PRAGMA foreign_keys = ON")
            try await database.migrate {
                Migration("a key") {
                    "DROP TABLE plain"
                    "CREATE TABLE plain (a INTEGER PRIMARY KEY, b INT)"
                }
            }
            let code = await sqlCode { try await database.execute("INSERT INTO guess VALUES (6)") }
            #expect(code == .foreignKeyViolation)
        }
    }

    /// Other programs write without checking.
    @Test func referencesThatLedToNothingBeforeAreLeft() async throws {
        try await withLostChild { (database) async throws in
            try await database.migrate { Migration("more") { "CREATE TABLE more (n INT)" } }
            #expect(try await database.rows("SELECT id FROM child ORDER BY id", as: Int.self) == [1, 9])
        }
    }
}
