import Foundation
import IntegrationSupport
import Martlet
import MartletPostgreSQL
import MartletSQL
import MartletTesting
import Testing

/// What other clients of databases have failed at.
@Suite(.timeLimit(.minutes(10)))
struct RobustnessTests {
    /// The error's code, or `nil` with the value noted as an issue.
    private func code<Value: Decodable & Sendable>(
        _ type: Value.Type,
        _ query: SQL,
        _ database: any Database
    ) async -> SQLError.Code? {
        do {
            let value = try await database.rows(query, as: type)
            Issue.record("\(query) as \(type) is \(value)")
            return nil
        } catch {
            return (error as? SQLError)?.code
        }
    }

    @Test func valuesThatATypeCantHoldAreErrorsAtPostgreSQL() async throws {
        try await withDatabase(.postgreSQL) { (database) async throws in
            let dates: [SQL] = [
                "SELECT 'infinity'::timestamptz AS v", "SELECT '-infinity'::timestamp AS v",
                "SELECT 'infinity'::date AS v", "SELECT '0044-03-15 BC'::date AS v",
                "SELECT '0044-03-15 12:00:00+00 BC'::timestamptz AS v",
            ]
            for query in dates { #expect(await code(Date.self, query, database) == .decodingFailed) }
            // Finer or longer than a decimal of 38 digits, or none at all.
            let numbers: [SQL] = [
                "SELECT 'NaN'::numeric AS v", "SELECT 'Infinity'::numeric AS v",
                "SELECT 123456789012345678901234567890123456789012345.5 AS v",
                "SELECT 0.1234567890123456789012345678901234567890123456789 AS v",
                "SELECT 10::numeric ^ 200 AS v",
            ]
            for query in numbers { #expect(await code(Decimal.self, query, database) == .decodingFailed) }
            let large: SQL = "SELECT 10::numeric ^ 30 AS v"
            #expect(try await database.first(large, as: Decimal.self) == Decimal(string: "1e30"))
            let exact: SQL = "SELECT 1234567890123456789012345678.1234567891 AS v"
            #expect(
                try await database.first(exact, as: Decimal.self)
                    == Decimal(string: "1234567890123456789012345678.1234567891")
            )
            #expect(await code(Float.self, "SELECT 1e300::float8 AS v", database) == .decodingFailed)
            #expect(try await database.first("SELECT 'Infinity'::float8 AS v", as: Float.self) == .infinity)
            #expect(await code(Int.self, "SELECT 9223372036854775808 AS v", database) == .decodingFailed)
            #expect(await code(Int.self, "SELECT 1.5 AS v", database) == .decodingFailed)
        }
    }

    /// Whatever the server, the database, the user or the session has been told.
    @Test func valuesAreReadAsTheyWereWritten() async throws {
        let server = try await PostgreSQLServer.shared()
        let url = try await newPostgreSQLDatabase()
        let name = url.split(separator: "/").last.map(String.init) ?? ""
        let settings = [
            "datestyle = 'SQL, DMY'", "timezone = 'Asia/Kathmandu'", "bytea_output = 'escape'",
            "extra_float_digits = -15",
        ]
        for setting in settings { try await server.psql("ALTER DATABASE \(name) SET \(setting)") }
        let database = try PostgreSQL(url)
        let bytes = [UInt8](0...255) + Array(#"\x6d\000"#.utf8)
        let date = Date(timeIntervalSince1970: 1_772_325_000.25)
        let numbers: [Double] = [0.1 + 0.2, 1 / 3, 1e-300, 123_456_789.123_456_78]
        for number in numbers {
            #expect(try await database.first("SELECT \(number)::float8", as: Double.self) == number)
        }
        #expect(try await database.first("SELECT \(Float(0.1))::float4", as: Float.self) == 0.1)
        #expect(try await database.first("SELECT \(date)::timestamptz", as: Date.self) == date)
        for start in [0, 1, 92, 256, 257] {
            let part = Array(bytes[start...])
            #expect(try await database.first("SELECT \(part)::bytea", as: [UInt8].self) == part)
            try await database.withSession { (db) async throws in
                for output in ["escape", "hex"] {
                    try await db.execute("SET bytea_output = \(identifier: output)")
                    #expect(try await db.first("SELECT \(part)::bytea", as: [UInt8].self) == part)
                }
            }
        }
        await database.close()
    }

    @Test(arguments: DatabaseKind.allCases) func aTextThatIsNoNumberIsNone(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            for text in ["12abc", "0x10", "", " 1", "1 2", "1,5", "--1", "1e", "nan(7)"] {
                let query: SQL = "SELECT CAST(\(text) AS TEXT) AS v"
                #expect(await code(Decimal.self, query, database) == .decodingFailed, "\(text)")
                #expect(await code(Double.self, query, database) == .decodingFailed, "\(text)")
                #expect(await code(Int.self, query, database) == .decodingFailed, "\(text)")
            }
            for text in ["12.50", "-3", "1e3"] {
                let query: SQL = "SELECT CAST(\(text) AS TEXT) AS v"
                #expect(try await database.first(query, as: Decimal.self) == Decimal(string: text))
                #expect(try await database.first(query, as: Double.self) == Double(text))
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aTableMayChangeUnderASession(_ kind: DatabaseKind) async throws {
        struct Row: Codable, Sendable, Equatable {
            var a: Int
            var b: String?
        }
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            try await database.execute("CREATE TABLE t (a INT)")
            try await database.execute("INSERT INTO t VALUES (1)")
            try await database.withSession { db in
                for _ in 0..<7 { #expect(try await db.rows("SELECT * FROM t", as: Row.self) == [Row(a: 1)]) }
                try await db.execute("ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'new'")
                #expect(try await db.rows("SELECT * FROM t", as: Row.self) == [Row(a: 1, b: "new")])
            }
        }
    }

    @Test func aStatementThatTheServerStopsLeavesTheSessionUsable() async throws {
        try await withDatabase(.postgreSQL, sessions: 1) { (database) async throws in
            try await database.withSession { db in
                try await db.execute("SET statement_timeout = 50")
                let long: SQL = "SELECT pg_sleep(60)::text"
                for _ in 0..<5 {
                    #expect(await sqlCode { _ = try await db.rows(long, as: String.self) } == .failed)
                    #expect(
                        await sqlCode {
                            try await db.withRows(long, as: String.self) { rows in
                                for try await _ in rows {}
                            }
                        } == .failed
                    )
                    #expect(try await db.first("SELECT 1", as: Int.self) == 1)
                }
            }
        }
    }

    /// Rows that do not come are no end of the rows.
    @Test(arguments: [ProxyCut.close, .reset])
    func aStreamWhoseLinkIsLostDoesNotJustEnd(_ cut: ProxyCut) async throws {
        let server = try await PostgreSQLServer.shared()
        let url = try await newPostgreSQLDatabase()
        try await TCPProxy.withProxy(to: server.port) { (proxy) async throws in
            let database = try PostgreSQL(url.replacing(":\(server.port)/", with: ":\(proxy.port)/"))
            for bytes in [1, 100, 5_000, 70_000] {
                try await until { (try? await database.first("SELECT 1", as: Int.self)) == 1 }
                let count = Locked(0)
                let code = await sqlCode {
                    try await database.withSession { db in
                        // More than there is room for between here and the server.
                        try await db.withRows("SELECT generate_series(1, 10000000) AS n", as: Int.self) { rows in
                            proxy.cut(cut, after: bytes, .toClient)
                            for try await _ in rows { count.withLock { $0 += 1 } }
                        }
                    }
                }
                #expect(code == .connectionLost)
                #expect(count.withLock { $0 } < 10_000_000)
            }
            await database.close()
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aCommitThatFailsIsUndone(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            try await database.execute("CREATE TABLE parent (id INT PRIMARY KEY)")
            try await database.execute(
                "CREATE TABLE child (id INT REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"
            )
            for _ in 0..<3 {
                let code = await sqlCode {
                    try await database.transaction { _ = try await $0.execute("INSERT INTO child VALUES (1)") }
                }
                #expect(code == .foreignKeyViolation)
                #expect(try await database.first("SELECT count(*) FROM child", as: Int.self) == 0)
            }
            try await database.transaction { db in
                try await db.execute("INSERT INTO child VALUES (1)")
                try await db.execute("INSERT INTO parent VALUES (1)")
            }
            #expect(try await database.first("SELECT count(*) FROM child", as: Int.self) == 1)
        }
    }

    @Test func linksThatAreMadeForNobodyAreGone() async throws {
        let url = try await newPostgreSQLDatabase()
        let direct = try PostgreSQL(url, options: .init(sessions: 1))
        for round in 0..<40 {
            let database = try PostgreSQL(url, options: .init(sessions: 4, minimumSessions: 3))
            let task = Task { try await database.first("SELECT 1", as: Int.self) }
            try await Task.sleep(for: .microseconds(round * 400))
            task.cancel()
            _ = try? await task.value
            if round % 2 == 0 { await database.close() }
        }
        let others: SQL = """
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        try await until { try await direct.first(others, as: Int.self) == 0 }
        await direct.close()
    }

    /// Two programs that consume one queue get copies of one message at once.
    @Test func copiesThatAreHandledAtOnceHaveTheirEffectsOnce() async throws {
        let url = try await newPostgreSQLDatabase()
        let databases = try (0..<4).map { _ in try PostgreSQL(url) }
        try await databases[0].execute("CREATE TABLE t (n INT)")
        let jobs = Queue<Int>("jobs")
        let broker = MemoryBroker()
        let runs = Locked(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for database in databases {
                let connection = try await broker.connect(options: ConnectionOptions(name: "worker"))
                group.addTask {
                    try await Node("worker", on: connection) {
                        Consume(from: jobs, in: database, deduplicating: .by(\.self)) { job, db in
                            runs.withLock { $0 += 1 }
                            try await db.execute("INSERT INTO t VALUES (\(job.value))")
                            try await Task.sleep(for: .milliseconds(5))
                        }
                    }
                    .run()
                }
            }
            let sender = try await broker.connect(options: ConnectionOptions(name: "sender"))
            for job in 0..<25 { for _ in 0..<4 { try await sender.send(job, to: jobs) } }
            try await until { try await databases[0].first("SELECT count(DISTINCT n) FROM t", as: Int.self) == 25 }
            group.cancelAll()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
        #expect(try await databases[0].rows("SELECT n FROM t ORDER BY n", as: Int.self) == Array(0..<25))
        for database in databases { await database.close() }
    }
}
