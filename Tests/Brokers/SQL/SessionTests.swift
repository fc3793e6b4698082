import IntegrationSupport
import MartletSQL
import MartletSQLite
import Testing

@Suite(.timeLimit(.minutes(10)))
struct SessionTests {
    private func numbers(_ db: any SQLSession) async throws -> [Int] {
        try await db.rows("SELECT n FROM t ORDER BY n")
    }

    private func withTable(_ kind: DatabaseKind, _ body: (any Database) async throws -> Void) async throws {
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            try await body(database)
        }
    }

    @Test(arguments: DatabaseKind.allCases) func statementsCountTheRowsTheyChange(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            #expect(try await database.execute("INSERT INTO t VALUES (1), (2), (3)") == 3)
            #expect(try await database.execute("UPDATE t SET n = n + 1 WHERE n > 1") == 2)
            #expect(try await database.execute("SELECT n FROM t") == 0)
            #expect(try await database.execute("CREATE TABLE u (n INT)") == 0)
            #expect(try await database.rows("DELETE FROM t WHERE n = 4 RETURNING n", as: Int.self) == [4])
            #expect(try await database.rows("SELECT n FROM t ORDER BY n", as: Int.self) == [1, 3])
        }
    }

    @Test(arguments: DatabaseKind.allCases) func oneStatementIsOne(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            #expect(
                await sqlCode { try await database.execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)") }
                    == .invalidStatement
            )
            for empty: SQL in ["", "  ", "-- nothing"] {
                #expect(await sqlCode { try await database.execute(empty) } == .invalidStatement)
            }
            try await database.execute("/* before */ INSERT INTO t VALUES (3); -- behind")
            #expect(try await database.rows("SELECT n FROM t", as: Int.self) == [3])
            #expect(await sqlCode { try await database.execute("INSERT INTO t SELECT 1 WHERE 'x' = '\(1)'") } != nil)
        }
    }

    @Test(arguments: DatabaseKind.allCases) func errorsSayWhichKind(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE p (id INT PRIMARY KEY, m INT NOT NULL, CHECK (m > 0))")
            try await database.execute("CREATE TABLE c (id INT REFERENCES p (id))")
            try await database.execute("INSERT INTO p VALUES (1, 1)")
            #expect(await sqlCode { try await database.execute("INSERT INTO p VALUES (1, 1)") } == .uniqueViolation)
            #expect(await sqlCode { try await database.execute("INSERT INTO p VALUES (2, NULL)") } == .notNullViolation)
            #expect(await sqlCode { try await database.execute("INSERT INTO p VALUES (2, 0)") } == .checkViolation)
            #expect(await sqlCode { try await database.execute("INSERT INTO c VALUES (2)") } == .foreignKeyViolation)
            #expect(await sqlCode { try await database.execute("INSERT INTO missing VALUES (2)") } == .invalidStatement)
            #expect(await sqlCode { try await database.execute(#"SELECT "missing" FROM p"#) } == .invalidStatement)
            #expect(await sqlCode { try await database.execute("SELEC 1") } == .invalidStatement)
            if kind.isPostgreSQL {
                do {
                    try await database.execute("INSERT INTO p VALUES (\("hunter2"), 1)")
                } catch {
                    #expect((error as? SQLError)?.code == .invalidData)
                    #expect(!"\(error)".contains("hunter2"))
                }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aTransactionIsAllOrNothing(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            let result = try await database.transaction { db in
                try await db.execute("INSERT INTO t VALUES (1)")
                return try await numbers(db)
            }
            #expect(result == [1])
            await #expect(throws: Fault.self) {
                try await database.transaction { db in
                    try await db.execute("INSERT INTO t VALUES (2)")
                    throw Fault()
                }
            }
            #expect(try await database.withSession { try await numbers($0) } == [1])
        }
    }

    @Test(arguments: DatabaseKind.allCases) func partsOfATransactionAreUndoneAlone(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            try await database.transaction { db in
                try await db.execute("INSERT INTO t VALUES (1)")
                try await db.transaction { part in
                    try await part.execute("INSERT INTO t VALUES (2)")
                    await #expect(throws: Fault.self) {
                        try await part.transaction { inner in
                            try await inner.execute("INSERT INTO t VALUES (3)")
                            throw Fault()
                        }
                    }
                    try await part.execute("INSERT INTO t VALUES (4)")
                }
                // A statement that fails in a part leaves the rest.
                #expect(
                    await sqlCode {
                        try await db.transaction { _ = try await $0.execute("INSERT INTO missing VALUES (1)") }
                    } == .invalidStatement
                )
                await #expect(throws: Fault.self) {
                    try await db.transaction { part in
                        try await part.execute("DELETE FROM t")
                        throw Fault()
                    }
                }
            }
            #expect(try await database.withSession { try await numbers($0) } == [1, 2, 4])
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aSessionHasTransactions(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            try await database.withSession { db in
                try await db.execute("INSERT INTO t VALUES (1)")
                try await db.transaction { _ = try await $0.execute("INSERT INTO t VALUES (2)") }
                await #expect(throws: Fault.self) {
                    try await db.transaction { part in
                        try await part.execute("INSERT INTO t VALUES (3)")
                        throw Fault()
                    }
                }
                #expect(try await numbers(db) == [1, 2])
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aReadOnlyTransactionChangesNothing(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            do {
                try await database.transaction(TransactionOptions(isReadOnly: true)) { db in
                    #expect(try await numbers(db) == [])
                    try await db.execute("INSERT INTO t VALUES (1)")
                }
                #expect(kind == .memory)
            } catch {}
            if kind != .memory { #expect(try await database.withSession { try await numbers($0) } == []) }
        }
    }

    @Test func aTransactionWhoseErrorWasSwallowedIsNotTakenForCommitted() async throws {
        // On PostgreSQL COMMIT of a failed transaction is answered by ROLLBACK, which is no error.
        try await withTable(.postgreSQL) { (database) async throws in
            let code = await sqlCode {
                try await database.transaction { db in
                    try await db.execute("INSERT INTO t VALUES (1)")
                    _ = try? await db.execute("INSERT INTO missing VALUES (1)")
                }
            }
            #expect(code == .transactionAborted)
            #expect(try await database.withSession { try await numbers($0) } == [])
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aTransactionThatAStatementEndsIsAnError(_ kind: DatabaseKind)
        async throws
    {
        try await withTable(kind) { (database) async throws in
            for ending: SQL in ["COMMIT", "ROLLBACK"] {
                #expect(
                    await sqlCode {
                        try await database.transaction { db in
                            try await db.execute("INSERT INTO t VALUES (1)")
                            try await db.execute(ending)
                            try await db.execute("INSERT INTO t VALUES (2)")
                        }
                    } == .transactionAborted,
                    "\(ending)"
                )
            }
            #expect(try await database.withSession { try await numbers($0) }.contains(2) == false)
            #expect(try await database.withSession { try await numbers($0) } == [1])
        }
    }

    /// What came after it would be committed one by one, by the writer, and undone by no `ROLLBACK`.
    @Test(arguments: ["BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT a"])
    func whereSeveralLinksServeASessionNoStatementBeginsATransaction(_ statement: String) async throws {
        try await withTable(.sqlite) { (database) async throws in
            try await database.withSession { db in
                let begin = SQL(verbatim: statement)
                #expect(await sqlCode { try await db.execute(begin) } == .misuse)
                // The session goes on.
                try await db.execute("INSERT INTO t VALUES (1)")
                #expect(await sqlCode { try await db.execute("ROLLBACK") } == .invalidStatement)
                #expect(try await numbers(db) == [1])
            }
        }
    }

    /// The link that reads has written nothing.
    @Test(arguments: [DatabaseKind.sqlite, .memory])
    func whatWasWrittenIsNotAskedOfALinkThatReads(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            for function in ["last_insert_rowid()", "changes()", "total_changes()"] {
                let question: SQL = "SELECT \(SQL(verbatim: function)) AS n"
                try await database.withSession { db in
                    try await db.execute("INSERT INTO t VALUES (7)")
                    let told = try? await db.first(question, as: Int.self)
                    #expect(kind == .sqlite ? told == nil : told ?? 0 > 0, "\(function)")
                }
                try await database.transaction { db in
                    try await db.execute("INSERT INTO t VALUES (7)")
                    #expect(try await db.first(question, as: Int.self) ?? 0 > 0, "\(function)")
                }
            }
        }
    }

    @Test(arguments: [DatabaseKind.memory, .postgreSQL])
    func aTransactionThatASessionLeavesOpenIsUndone(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            for _ in 0..<3 {
                try await database.withSession { db in _ = try await db.execute("BEGIN") }
            }
            try await database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (1)") }
            #expect(try await database.withSession { try await numbers($0) } == [1])
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aSessionIsOverWithItsBody(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            let session = try await database.withSession { $0 }
            #expect(await sqlCode { try await session.execute("INSERT INTO t VALUES (1)") } == .misuse)
            let transaction = try await database.transaction { $0 }
            #expect(await sqlCode { try await transaction.execute("INSERT INTO t VALUES (1)") } == .misuse)
            let rows = try await database.withSession { db in
                try await db.withRows("SELECT 1 AS n", as: Int.self) { $0 }
            }
            #expect(await sqlCode { for try await _ in rows {} } == .misuse)
            #expect(try await database.withSession { try await numbers($0) } == [])
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aSessionDoesOneThingAtATime(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            try await database.withSession { db in
                try await db.withRows("SELECT 1 AS n", as: Int.self) { rows in
                    #expect(await sqlCode { _ = try await numbers(db) } == .misuse)
                    for try await row in rows { #expect(row == 1) }
                }
                #expect(try await numbers(db) == [])
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func rowsAreReadOneByOne(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            let many: SQL =
                "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10000) SELECT n FROM c"
            try await database.withSession { db in
                let sum = try await db.withRows(many, as: Int.self) { rows in
                    var sum = 0
                    for try await row in rows { sum += row }
                    return sum
                }
                #expect(sum == 50_005_000)
                // What is not read to its end is left, and the session goes on.
                for count in [0, 1, 127, 128, 129, 500] {
                    let first = try await db.withRows(many, as: Int.self) { rows in
                        var first: [Int] = []
                        if count == 0 { return first }
                        for try await row in rows {
                            first.append(row)
                            if first.count == count { break }
                        }
                        return first
                    }
                    #expect(first == Array(1...10_000).prefix(count).map { $0 })
                    #expect(try await numbers(db) == [])
                }
                await #expect(throws: Fault.self) {
                    try await db.withRows(many, as: Int.self) { rows in for try await _ in rows { throw Fault() } }
                }
                #expect(
                    try await db.withRows("SELECT n FROM t", as: Int.self) { rows in
                        for try await _ in rows { return false }
                        return true
                    }
                )
                #expect(
                    await sqlCode { try await db.withRows("SELECT missing", as: Int.self) { _ in } }
                        == .invalidStatement
                )
                #expect(try await numbers(db) == [])
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func anErrorAmongTheRowsEndsThem(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            let query: SQL =
                kind.isPostgreSQL
                ? "SELECT 1000 / (500 - n) AS n FROM generate_series(1, 1000) AS n"
                : """
                WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000)
                SELECT CASE n WHEN 500 THEN json('x') ELSE 1 END AS n FROM c
                """
            try await database.withSession { (db) async throws in
                let count = Locked(0)
                #expect(
                    await sqlCode {
                        try await db.withRows(query, as: Int.self) { rows in
                            for try await _ in rows { count.withLock { $0 += 1 } }
                        }
                    } != nil
                )
                #expect(count.withLock { $0 } > 300)
                #expect(try await numbers(db) == [])
            }
        }
    }

    @Test(arguments: DatabaseKind.shared) func readersSeeWhatWasCommitted(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            try await database.transaction { db in
                try await db.execute("INSERT INTO t VALUES (1)")
                // Beside the writer, and without waiting for it.
                #expect(try await database.rows("SELECT n FROM t", as: Int.self) == [])
            }
            #expect(try await database.rows("SELECT n FROM t", as: Int.self) == [1])
        }
    }

    @Test(arguments: DatabaseKind.shared) func transactionsOfManyTasksAddUp(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            try await database.execute("INSERT INTO t VALUES (0)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        try await database.transaction(TransactionOptions(isolation: .serializable, attempts: 100)) {
                            db in
                            let n = try await db.first("SELECT n FROM t", as: Int.self) ?? -1
                            try await db.execute("UPDATE t SET n = \(n + 1)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.rows("SELECT n FROM t", as: Int.self) == [50])
        }
    }

    @Test func aDeadlockIsRunAgain() async throws {
        try await withDatabase(.postgreSQL) { (database) async throws in
            try await database.execute("CREATE TABLE a (id INT PRIMARY KEY, n INT NOT NULL)")
            try await database.execute("INSERT INTO a VALUES (1, 0), (2, 0)")
            let runs = Locked(0)
            let bothHaveOne = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in [[1, 2], [2, 1]] {
                    group.addTask {
                        try await database.transaction { db in
                            runs.withLock { $0 += 1 }
                            try await db.execute("UPDATE a SET n = n + 1 WHERE id = \(order[0])")
                            bothHaveOne.withLock { $0 += 1 }
                            try await until { bothHaveOne.withLock { $0 } >= 2 }
                            try await db.execute("UPDATE a SET n = n + 1 WHERE id = \(order[1])")
                        }
                    }
                }
                try await group.waitForAll()
            }
            // The one that is run again may be ahead of the other at the row that both want, and they are at odds once more.
            #expect(runs.withLock { $0 } >= 3)
            #expect(try await database.rows("SELECT n FROM a", as: Int.self) == [2, 2])
        }
    }

    @Test func oneProcessHasTheFile() async throws {
        try await withDatabase(.sqlite) { (database) async throws in
            let first = try #require(database as? SQLite)
            #expect(await sqlCode { _ = try SQLite(first.path) } == .notConnected)
            await first.close()
            let second = try SQLite(first.path)
            #expect(try await second.rows("SELECT 1 AS n", as: Int.self) == [1])
            await second.close()
        }
        #expect(await sqlCode { _ = try SQLite("/nowhere/at/all.db") } == .notConnected)
        #expect(await sqlCode { _ = try SQLite("") } == .invalidArgument)
        #expect(await sqlCode { _ = try SQLite("x", options: .init(readers: 0)) } == .invalidArgument)
    }

    @Test(arguments: DatabaseKind.allCases) func aClosedDatabaseLendsNothing(_ kind: DatabaseKind) async throws {
        try await withTable(kind) { (database) async throws in
            await database.close()
            await database.close()
            #expect(await sqlCode { try await database.execute("SELECT 1") } == .closed)
        }
    }
}
