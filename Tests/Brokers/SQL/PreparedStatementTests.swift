import IntegrationSupport
import Martlet
import MartletPostgreSQL
import MartletSQL
import Testing

/// What the server keeps prepared must not be noticed.
@Suite(.timeLimit(.minutes(10)))
struct PreparedStatementTests {
    private func prepared(_ db: any SQLSession) async throws -> Int {
        try await db.first("SELECT count(*) FROM pg_prepared_statements", as: Int.self) ?? -1
    }

    private func withOneSession(
        prepared: Int = 100,
        _ body: @escaping @Sendable (any Database) async throws -> Void
    ) async throws {
        let database = try PostgreSQL(
            try await newPostgreSQLDatabase(),
            options: .init(sessions: 1, preparedStatements: prepared)
        )
        try await body(database)
        await database.close()
    }

    @Test func whatIsRepeatedIsPrepared() async throws {
        try await withOneSession { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            for number in 0..<10 { try await database.execute("INSERT INTO t VALUES (\(number))") }
            try await database.withSession { (db) async throws in
                #expect(try await prepared(db) == 1)
                #expect(try await db.rows("SELECT n FROM t ORDER BY n", as: Int.self) == Array(0..<10))
            }
        }
    }

    @Test(arguments: [0, 1, 3]) func thereAreNoMoreThanIsSaid(_ limit: Int) async throws {
        try await withOneSession(prepared: limit) { (database) async throws in
            try await database.withSession { (db) async throws in
                for round in 0..<8 {
                    for number in 1...6 {
                        let query: SQL = "SELECT \(SQL(verbatim: "\(number)")) + \(round)"
                        #expect(try await db.first(query, as: Int.self) == number + round)
                    }
                    #expect(try await prepared(db) <= limit)
                }
            }
        }
    }

    /// Null and bytes are two types to the server, text and numbers one.
    @Test func valuesOfOtherTypesAreTaken() async throws {
        try await withOneSession { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT, b BYTEA, s TEXT)")
            try await database.withSession { (db) async throws in
                for number in 0..<12 {
                    let bytes: [UInt8]? = number % 2 == 0 ? [0, 1, UInt8(number)] : nil
                    let text: String? = number % 3 == 0 ? "\(number)" : nil
                    try await db.execute("INSERT INTO t VALUES (\(number), \(bytes), \(text))")
                    #expect(
                        try await db.first("SELECT b FROM t WHERE n = \(number)", as: [UInt8]?.self) == .some(bytes)
                    )
                    #expect(try await db.first("SELECT s FROM t WHERE n = \(number)", as: String?.self) == .some(text))
                }
            }
        }
    }

    @Test func aColumnMayBecomeOneOfAnotherType() async throws {
        try await withOneSession { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            @Sendable func insertAndFind(_ text: String, in db: any SQLSession) async throws {
                try await db.execute("INSERT INTO t VALUES (\(text))")
                #expect(try await db.rows("SELECT * FROM t WHERE n = \(text)", as: SQLRow.self).isEmpty == false)
            }
            for number in 0..<5 { try await database.withSession { try await insertAndFind("\(number)", in: $0) } }
            try await database.execute("ALTER TABLE t ALTER COLUMN n TYPE TEXT")
            for text in ["a", "b", "c", "d", "e"] {
                try await database.withSession { try await insertAndFind(text, in: $0) }
            }
            try await database.execute("DELETE FROM t")
            try await database.execute("ALTER TABLE t ALTER COLUMN n TYPE FLOAT8 USING n::float8")
            // In a transaction nothing can be done again but the transaction.
            for number in 0..<5 { try await database.transaction { try await insertAndFind("\(number)", in: $0) } }
        }
    }

    @Test func aTransactionMayFindItsTablesChanged() async throws {
        try await withOneSession { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            try await database.execute("INSERT INTO t VALUES (1)")
            for column in ["a", "b", "c"] {
                for _ in 0..<4 {
                    let names = try await database.transaction { db in
                        try await db.first("SELECT * FROM t", as: SQLRow.self)?.columns
                    }
                    #expect(names?.contains(column) == false)
                }
                try await database.execute("ALTER TABLE t ADD COLUMN \(identifier: column) INT")
                let names = try await database.transaction { db in
                    try await db.first("SELECT * FROM t", as: SQLRow.self)?.columns
                }
                #expect(names?.contains(column) == true)
            }
        }
    }

    @Test(arguments: ["DISCARD ALL", "DEALLOCATE ALL"]) func aSessionMayForgetThem(_ statement: String) async throws {
        try await withOneSession { (database) async throws in
            try await database.withSession { (db) async throws in
                for number in 0..<10 {
                    if number % 5 == 4 { try await db.execute(SQL(verbatim: statement)) }
                    #expect(try await db.first("SELECT \(number)::int", as: Int.self) == number)
                }
                for _ in 0..<2 {
                    try await db.transaction { (db) async throws in
                        for number in 0..<5 {
                            #expect(try await db.first("SELECT \(number)::int", as: Int.self) == number)
                        }
                    }
                }
            }
        }
    }

    @Test func errorsLeaveNothingBehind() async throws {
        try await withOneSession { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT UNIQUE)")
            try await database.withSession { (db) async throws in
                for number in 0..<20 {
                    // One succeeds, and one of three fails.
                    #expect(try await db.first("SELECT 6 / \(2)::int", as: Int.self) == 3)
                    #expect(
                        await sqlCode { _ = try await db.first("SELECT 6 / \(0)::int", as: Int.self) } == .invalidData
                    )
                    try await db.execute("INSERT INTO t VALUES (\(number)) ON CONFLICT DO NOTHING")
                    let isAgain = await sqlCode { try await db.execute("INSERT INTO t VALUES (\(number))") }
                    #expect(isAgain == .uniqueViolation)
                    #expect(
                        await sqlCode { _ = try await db.first("SELECT nothing", as: Int.self) } == .invalidStatement
                    )
                }
                #expect(try await prepared(db) <= 4)
            }
        }
    }

    /// What was committed or counted on the way to an error is not undone with it.
    @Test func aStatementThatFailsRunsOnce() async throws {
        try await withOneSession { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            try await database.execute(
                """
                CREATE PROCEDURE work(divisor INT) LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO t VALUES (1); COMMIT; PERFORM 1 / divisor; END $$
                """
            )
            try await database.execute("CREATE SEQUENCE numbers")
            try await database.withSession { (db) async throws in
                for _ in 0..<3 {
                    try await db.execute("CALL work(\(1))")
                    _ = try await db.first("SELECT nextval('numbers') / \(1)::int", as: Int.self)
                }
                for _ in 0..<3 {
                    #expect(await sqlCode { try await db.execute("CALL work(\(0))") } == .invalidData)
                    let division = await sqlCode {
                        _ = try await db.first("SELECT nextval('numbers') / \(0)::int", as: Int.self)
                    }
                    #expect(division == .invalidData)
                }
                #expect(try await db.first("SELECT count(*) FROM t", as: Int.self) == 6)
                #expect(try await db.first("SELECT last_value FROM numbers", as: Int.self) == 6)
            }
        }
    }

    /// Unicode has two ways to write an é, and to Swift they are one text.
    @Test func statementsThatLookTheSameAreTwo() async throws {
        try await withOneSession { (database) async throws in
            try await database.withSession { (db) async throws in
                let tables = ["caf\u{E9}", "cafe\u{301}"]
                for table in tables { try await db.execute("CREATE TABLE \(identifier: table) (n INT)") }
                for (number, table) in tables.enumerated() {
                    for _ in 0..<4 { try await db.execute("INSERT INTO \(identifier: table) VALUES (\(number))") }
                }
                for (number, table) in tables.enumerated() {
                    let query: SQL = "SELECT n FROM \(identifier: table) ORDER BY n -- \(SQL(verbatim: "\(number)"))"
                    #expect(try await db.rows(query, as: Int.self) == Array(repeating: number, count: 4))
                }
            }
        }
    }

    /// To prepare a statement the server waits for whoever changes the table.
    @Test func itIsStoppedWhileItIsPrepared() async throws {
        let url = try await newPostgreSQLDatabase()
        let database = try PostgreSQL(url, options: .init(sessions: 1))
        let other = try PostgreSQL(url)
        try await database.execute("CREATE TABLE t (n INT)")
        let query: SQL = "SELECT count(*) FROM t"
        for _ in 0..<2 { _ = try await database.first(query, as: Int.self) }
        try await other.transaction { db in
            try await db.execute("LOCK TABLE t")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) { _ = try await database.first(query, as: Int.self) }
                }
                let waits: SQL = """
                    SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
                    WHERE d.datname = current_database() AND NOT l.granted
                    """
                try await until { try await db.first(waits, as: Int.self) == 1 }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(database.sessions.open == 1)
        }
        #expect(try await database.first(query, as: Int.self) == 0)
        await database.close()
        await other.close()
    }

    // MARK: Behind a pooler

    @Test func aPoolerMayLendEachTransactionAnotherSession() async throws {
        let server = try await PostgreSQLServer.shared()
        let url = try await newPostgreSQLDatabase()
        let direct = try PostgreSQL(url)
        try await direct.execute("CREATE TABLE t (task INT, n INT)")
        try await PgBouncerServer.withServer(before: server, sessions: 3) { (pooler) async throws in
            let database = try PostgreSQL(
                url.replacing(":\(server.port)/", with: ":\(pooler.port)/"),
                options: .init(sessions: 8)
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        for number in 0..<40 {
                            try await database.execute("INSERT INTO t VALUES (\(task), \(number))")
                            let count = try await database.transaction { db in
                                try await db.execute("UPDATE t SET n = n WHERE task = \(task) AND n = \(number)")
                                return try await db.first("SELECT count(*) FROM t WHERE task = \(task)", as: Int.self)
                            }
                            #expect(count == number + 1)
                            let bytes: [UInt8] = [0, 255, UInt8(number)]
                            #expect(try await database.first("SELECT \(bytes)::bytea", as: [UInt8].self) == bytes)
                        }
                    }
                }
                try await group.waitForAll()
            }
            // None was lost to an error, and the server has nothing to keep.
            #expect(database.sessions.open <= 8)
            #expect(try await database.first("SELECT count(*) FROM pg_prepared_statements", as: Int.self) == 0)
            await database.close()
        }
        #expect(try await direct.first("SELECT count(*) FROM t", as: Int.self) == 8 * 40)
        await direct.close()
    }

    @Test func anOutboxBehindAPoolerSendsAll() async throws {
        let server = try await PostgreSQLServer.shared()
        let url = try await newPostgreSQLDatabase()
        try await PgBouncerServer.withServer(before: server, sessions: 3) { (pooler) async throws in
            let database = try PostgreSQL(url.replacing(":\(server.port)/", with: ":\(pooler.port)/"))
            try await database.prepareOutbox()
            let connection = try await MemoryBroker().connect(options: ConnectionOptions(name: "shop"))
            let received = Locked([Int]())
            let shipments = Queue<Int>("shipments")
            let node = Node("shop", on: connection) {
                Consume(from: shipments) { shipment in received.withLock { $0.append(shipment.value) } }
                Consume(from: Queue<Int>("orders"), in: database, deduplicating: .by(\.self)) { order, db in
                    try await db.send(order.value, to: shipments)
                }
                // Whoever believed that it hears of commits would look too rarely.
                Outbox(database, options: .init(interval: .milliseconds(20), idleInterval: .seconds(3_600)))
            }
            try await running(node) { () async throws in
                for number in 0..<50 { try await connection.send(number, to: Queue<Int>("orders")) }
                try await until { received.withLock { $0.count } >= 50 }
                #expect(received.withLock { $0 }.sorted() == Array(0..<50))
            }
            await connection.close()
            await database.close()
        }
    }
}
