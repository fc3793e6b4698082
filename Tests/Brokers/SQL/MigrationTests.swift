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
}
