import MartletPostgreSQL
import MartletSQL
import Testing

/// What becomes of a statement whose rows are read one by one, or not at all.
@Suite(.timeLimit(.minutes(10)))
struct StreamTests {
    /// So many rows that no server sends them all unless they are read.
    private static let many = 30_000
    private static let numbers: SQL = """
        WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < \(SQL(verbatim: "\(many)")))
        """

    /// Reads so many rows of a query, and leaves the others.
    private func read(_ count: Int, of query: SQL, _ db: any SQLSession) async throws {
        try await db.withRows(query, as: SQLRow.self) { rows in
            var left = count
            if left == 0 { return }
            for try await _ in rows {
                left -= 1
                if left == 0 { break }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func whatIsWrittenStaysHoweverLittleIsRead(_ kind: DatabaseKind)
        async throws
    {
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT, s TEXT)")
            let text = String(repeating: "x", count: 400)
            let insertion: SQL = """
                INSERT INTO t \(Self.numbers) SELECT n, \(text) FROM c RETURNING n, s
                """
            for (round, count) in [0, 1, 500].enumerated() {
                try await database.withSession { db in
                    try await read(count, of: insertion, db)
                    // The session goes on.
                    let found = try await db.first("SELECT count(*) FROM t", as: Int.self)
                    #expect(found == (round + 1) * Self.many)
                }
            }
            try await database.transaction { db in try await read(1, of: insertion, db) }
            #expect(try await database.first("SELECT count(*) FROM t", as: Int.self) == 4 * Self.many)
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aConstraintThatWasDeferredIsCheckedHoweverLittleIsRead(
        _ kind: DatabaseKind
    ) async throws {
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE parent (id INT PRIMARY KEY)")
            try await database.execute(
                "CREATE TABLE child (id INT REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"
            )
            for insertion: SQL in [
                "INSERT INTO child VALUES (1)", "INSERT INTO child VALUES (1) RETURNING id",
                "INSERT INTO child \(Self.numbers) SELECT n FROM c RETURNING id",
            ] {
                for count in [0, 1, .max] {
                    let code = await sqlCode {
                        try await database.withSession { db in try await read(count, of: insertion, db) }
                    }
                    #expect(code == .foreignKeyViolation, "\(insertion), \(count) rows")
                    #expect(try await database.first("SELECT count(*) FROM child", as: Int.self) == 0)
                }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aTransactionGoesOnWhereRowsAreLeft(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            let text = String(repeating: "x", count: 400)
            try await database.transaction { db in
                try await db.execute("INSERT INTO t VALUES (1)")
                for count in [0, 1, 500] {
                    try await read(count, of: "\(Self.numbers) SELECT n, \(text) AS s FROM c", db)
                }
                try await db.execute("INSERT INTO t VALUES (2)")
            }
            #expect(try await database.rows("SELECT n FROM t ORDER BY n", as: Int.self) == [1, 2])
        }
    }

    /// Far more rows than any test waits for.
    private static let endless: SQL = """
        WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000) SELECT n FROM c
        """

    /// How a body ends that leaves rows.
    enum Leaving: CaseIterable, Sendable {
        case returning, throwing

        func end() throws { if self == .throwing { throw Fault() } }
    }

    /// Whether the only session is of use, and nothing goes on.
    private func expectRest(_ database: any Database) async throws {
        #expect(try await database.first("SELECT 1 AS n", as: Int.self) == 1)
        if let postgres = database as? PostgreSQL { #expect(postgres.sessions == (1, 0)) }
    }

    @Test(arguments: DatabaseKind.allCases, Leaving.allCases)
    func rowsMayBeLeftByATaskThatIsCancelledAtThatMoment(_ kind: DatabaseKind, _ leaving: Leaving) async throws {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT, s TEXT)")
            let text = String(repeating: "x", count: 400)
            let insertion: SQL = "INSERT INTO t \(Self.numbers) SELECT n, \(text) FROM c RETURNING n, s"
            for (query, writes) in [(Self.endless, false), (insertion, true)] {
                for count in [0, 1, 500] {
                    let readAndEnd: @Sendable (any SQLSession) async throws -> Void = { db in
                        try await db.withRows(query, as: SQLRow.self) { rows in
                            var left = count
                            if left > 0 {
                                for try await _ in rows {
                                    left -= 1
                                    if left == 0 { break }
                                }
                            }
                            withUnsafeCurrentTask { $0?.cancel() }
                            try leaving.end()
                        }
                    }
                    _ = await Task { try await database.withSession(readAndEnd) }.result
                    try await expectRest(database)
                    let before = try await database.first("SELECT count(*) FROM t", as: Int.self)
                    #expect((before ?? -1).isMultiple(of: Self.many))
                    // In a transaction nothing of it stays, and it is said.
                    let undone = Task { try await database.transaction { db in try await readAndEnd(db) } }
                    await #expect(throws: (any Error).self) { try await undone.value }
                    try await expectRest(database)
                    if writes { #expect(try await database.first("SELECT count(*) FROM t", as: Int.self) == before) }
                }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aTaskThatLeavesRowsMayBeCancelledAtAnyMoment(_ kind: DatabaseKind)
        async throws
    {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            for round in 0..<100 {
                let task = Task {
                    while true {
                        let count = Int.random(in: 0...300)
                        if round.isMultiple(of: 2) {
                            try await database.withSession { db in try await read(count, of: Self.endless, db) }
                        } else {
                            try await database.transaction { db in try await read(count, of: Self.numbersOnly, db) }
                        }
                    }
                }
                try await Task.sleep(for: .microseconds(Int.random(in: 0...20_000)))
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                try await expectRest(database)
            }
        }
    }

    private static var numbersOnly: SQL { "\(numbers) SELECT n FROM c" }

    @Test func aTableMayChangeBeforeItsFirstRowIsRead() async throws {
        struct Row: Decodable, Sendable, Equatable {
            var a: Int
            var c: Int
        }
        try await withDatabase(.sqlite) { (database) async throws in
            try await database.execute("CREATE TABLE t (a INT, b INT, c INT)")
            try await database.execute("INSERT INTO t VALUES (1, 2, 3)")
            try await database.withSession { db in
                try await db.withRows("SELECT * FROM t", as: Row.self) { rows in
                    try await database.execute("ALTER TABLE t DROP COLUMN b")
                    var found: [Row] = []
                    for try await row in rows { found.append(row) }
                    #expect(found == [Row(a: 1, c: 3)])
                }
            }
        }
    }

    @Test(arguments: [DatabaseKind.sqlite, .memory]) func textThatIsNoneIsNotMadeUp(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            let text: SQL = "SELECT CAST(x'636166e9' AS TEXT) AS word"
            do {
                Issue.record("\(try await database.rows(text, as: String.self))")
            } catch let error as SQLError {
                #expect(error.code == .decodingFailed && error.message.contains("'word'"))
            }
            try await database.withSession { db in
                #expect(await sqlCode { try await read(1, of: text, db) } == .decodingFailed)
                let bytes = try await db.first("SELECT CAST(x'636166e9' AS BLOB) AS word", as: [UInt8].self)
                #expect(bytes == Array("caf".utf8) + [0xE9])
            }
        }
    }
}
