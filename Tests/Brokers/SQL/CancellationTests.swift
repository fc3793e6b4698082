import Foundation
import IntegrationSupport
import MartletPostgreSQL
import MartletSQL
import Testing

@Suite(.timeLimit(.minutes(10)))
struct CancellationTests {
    /// A query that takes far longer than any test.
    private func endless(_ kind: DatabaseKind) -> SQL {
        kind.isPostgreSQL
            ? "SELECT count(*) AS n FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b"
            : "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10000000000) SELECT count(*) AS n FROM c"
    }

    /// Runs a body, cancels it once it has said that it is far enough, and returns the error; that of one which never is so
    /// far, too.
    private func cancelled(_ body: @escaping @Sendable (_ begin: @Sendable () -> Void) async throws -> Void)
        async throws -> (any Error)?
    {
        let begun = Locked(false)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { begun.withLock { $0 = true } }
                try await body { begun.withLock { $0 = true } }
            }
            try await until { begun.withLock { $0 } }
            try await Task.sleep(for: .milliseconds(50))
            group.cancelAll()
            do { try await group.waitForAll() } catch { return error }
            return nil
        }
    }

    /// Whoever has it next would find that its link is lost.
    @Test func aSessionWhoseOpeningIsCancelledIsNotLent() async throws {
        let url = try await newPostgreSQLDatabase()
        var opening = Duration.milliseconds(20)
        for round in 0..<100 {
            let database = try PostgreSQL(url, options: .init(sessions: 6, minimumSessions: 6))
            let start = ContinuousClock.now
            let first = Task { try await database.first("SELECT 1", as: Int.self) }
            // About when the sessions are open.
            try await Task.sleep(for: opening * Double.random(in: 0.5...1.1))
            first.cancel()
            if (try? await first.value) != nil, round < 10 { opening = .now - start }
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<6 { group.addTask { try await database.first("SELECT 1", as: Int.self) } }
                for try await one in group { #expect(one == 1) }
            }
            await database.close()
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aStatementIsStopped(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            let query = endless(kind)
            let start = ContinuousClock.now
            for _ in 0..<3 {
                let error = try await cancelled { begin in
                    try await database.withSession { db in
                        begin()
                        _ = try await db.rows(query, as: Int.self)
                    }
                }
                #expect(error is CancellationError)
            }
            #expect(ContinuousClock.now - start < .seconds(60))
            // The session can be used again, and nothing goes on at the server.
            #expect(try await database.rows("SELECT 1 AS n", as: Int.self) == [1])
            if kind.isPostgreSQL {
                let running: SQL = """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()
                    """
                try await until { try await database.first(running, as: Int.self) == 0 }
            }
        }
    }

    /// A server that is asked to stop a statement which it has not seen yet forgets that it was asked.
    @Test func aStatementThatTheServerHasNotSeenYetIsStopped() async throws {
        try await withDatabase(.postgreSQL, sessions: 1) { (database) async throws in
            let own = "SELECT pg_backend_pid()" as SQL
            let process = try #require(try await database.first(own, as: Int32.self))
            let query = endless(.postgreSQL)
            kill(process, SIGSTOP)
            defer { kill(process, SIGCONT) }
            // It is told that it was asked before it reads what it is to do.
            async let goesOn: Void = {
                try await Task.sleep(for: .milliseconds(300))
                kill(process, SIGCONT)
            }()
            let error = try await cancelled { begin in
                try await database.withSession { db in
                    begin()
                    _ = try await db.rows(query, as: Int.self)
                }
            }
            try await goesOn
            #expect(error is CancellationError)
            // It was not given up for that.
            #expect(try await database.first(own, as: Int32.self) == process)
        }
    }

    /// To ask a server to stop something blocks, for as long as it does not answer.
    @Test func aServerThatDoesNotAnswerKeepsNoOtherFromBeingStopped() async throws {
        let server = try await PostgreSQLServer.shared()
        let query = endless(.postgreSQL)
        try await TCPProxy.withProxy(to: server.port) { (proxy) async throws in
            let hung = try PostgreSQL(server.url(port: proxy.port))
            let waiting = Task {
                try await hung.withSession { db in
                    proxy.set(.stall)
                    _ = try await db.rows(query, as: Int.self)
                }
            }
            try await Task.sleep(for: .milliseconds(100))
            waiting.cancel()
            try await Task.sleep(for: .milliseconds(100))
            try await withDatabase(.postgreSQL, sessions: 1) { (database) async throws in
                let own = "SELECT pg_backend_pid()" as SQL
                let process = try #require(try await database.first(own, as: Int32.self))
                let error = try await cancelled { begin in
                    try await database.withSession { db in
                        begin()
                        _ = try await db.rows(query, as: Int.self)
                    }
                }
                #expect(error is CancellationError)
                // It was not given up for that.
                #expect(try await database.first(own, as: Int32.self) == process)
            }
            proxy.set(.forward)
            await #expect(throws: CancellationError.self) { try await waiting.value }
            await hung.close()
        }
    }

    @Test(arguments: DatabaseKind.shared) func statementsThatTakeLongLeaveOtherTasksAlone(_ kind: DatabaseKind)
        async throws
    {
        // More of them than the pool of all tasks has threads.
        let statements = 8
        try await withDatabase(kind, sessions: statements) { (database) async throws in
            let query = endless(kind)
            let (begun, ended) = (Locked(0), Locked(0))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<statements {
                    group.addTask {
                        defer { ended.withLock { $0 += 1 } }
                        try await database.withSession { db in
                            begun.withLock { $0 += 1 }
                            _ = try await db.rows(query, as: Int.self)
                        }
                    }
                }
                // One that ends has failed, and the rest would not be waited for in vain.
                try await until { begun.withLock { $0 } == statements || ended.withLock { $0 } > 0 }
                for _ in 0..<100 { try await Task.sleep(for: .milliseconds(1)) }
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result { #expect(error is CancellationError) }
                }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aStreamIsStopped(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            let query: SQL =
                kind.isPostgreSQL
                ? "SELECT generate_series(1, 1000000000) AS n"
                : "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000) SELECT n FROM c"
            let error = try await cancelled { begin in
                try await database.withSession { db in
                    try await db.withRows(query, as: Int.self) { rows in
                        for try await row in rows where row == 1_000 { begin() }
                    }
                }
            }
            #expect(error is CancellationError)
            #expect(try await database.rows("SELECT 1 AS n", as: Int.self) == [1])
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aTransactionIsUndone(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            let query = endless(kind)
            let error = try await cancelled { begin in
                try await database.transaction { db in
                    try await db.execute("INSERT INTO t VALUES (1)")
                    begin()
                    // A body that minds no cancellation: nothing of what it does now may last.
                    _ = try? await db.rows(query, as: Int.self)
                    _ = try? await db.execute("INSERT INTO t VALUES (2)")
                }
            }
            #expect(error is CancellationError)
            #expect(try await database.rows("SELECT n FROM t", as: Int.self) == [])
            try await database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (3)") }
            #expect(try await database.rows("SELECT n FROM t", as: Int.self) == [3])
        }
    }

    @Test func aWriterThatIsStoppedDoesNotGoOnOutsideItsTransaction() async throws {
        // SQLite undoes the whole transaction when a statement that writes is interrupted.
        try await withDatabase(.sqlite) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            let error = try await cancelled { begin in
                try await database.transaction { db in
                    begin()
                    _ = try? await db.execute(
                        """
                        INSERT INTO t WITH RECURSIVE c (n) AS
                        (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10000000000) SELECT n FROM c
                        """
                    )
                    let code = await sqlCode {
                        try await unshielded { _ = try await db.execute("INSERT INTO t VALUES (2)") }
                    }
                    #expect(code == .transactionAborted)
                }
            }
            #expect(error is CancellationError)
            #expect(try await database.rows("SELECT n FROM t", as: Int.self) == [])
        }
    }

    /// Runs something as a task that is not cancelled.
    private func unshielded(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await Task { try await body() }.value
    }

    @Test(arguments: DatabaseKind.shared) func whoeverWaitsForASessionIsLetGo(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            try await database.transaction { db in
                let error = try await cancelled { begin in
                    begin()
                    try await database.transaction { _ = try await $0.execute("SELECT 1") }
                }
                #expect(error is CancellationError)
            }
            try await database.transaction { _ = try await $0.execute("SELECT 1") }
        }
    }

    @Test(arguments: DatabaseKind.allCases, [true, false])
    func aHandlerThatEndsAtAnyOfItsStepsGivesItsSessionBack(_ kind: DatabaseKind, isCancelled: Bool) async throws {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            // As many steps as the handler has, and one more, at which it is not stopped.
            for end in 0...9 {
                let steps = Locked(0)
                @Sendable func step() throws {
                    let isLast = steps.withLock { number in
                        defer { number += 1 }
                        return number == end
                    }
                    guard isLast else { return }
                    if !isCancelled { throw Fault() }
                    withUnsafeCurrentTask { $0?.cancel() }
                }
                let handler = Task {
                    try step()
                    try await database.withSession { db in
                        try step()
                        try await db.execute("INSERT INTO t VALUES (\(end))")
                        try await db.transaction { db in
                            try step()
                            try await db.execute("INSERT INTO t VALUES (\(end))")
                            try step()
                            try await db.transaction { part in
                                try step()
                                try await part.execute("INSERT INTO t VALUES (\(end))")
                                try step()
                            }
                            try step()
                        }
                        try await db.withRows("SELECT n FROM t", as: Int.self) { rows in
                            try step()
                            for try await _ in rows { try step() }
                        }
                    }
                }
                let result = await handler.result
                // The rows of the rounds before are steps, too.
                if end < 7 { #expect(throws: (any Error).self) { try result.get() } }
                let count = try await database.first("SELECT count(*) FROM t WHERE n = \(end)", as: Int.self) ?? 0
                #expect([0, 1, 3].contains(count))
                if let postgres = database as? PostgreSQL { #expect(postgres.sessions.lent == 0) }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func nothingLeaksWhateverIsCancelledWhen(_ kind: DatabaseKind) async throws
    {
        try await withDatabase(kind, sessions: 2) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            for round in 0..<60 {
                let task = Task {
                    try await database.transaction { db in
                        try await db.execute("INSERT INTO t VALUES (\(round))")
                        try await db.transaction { part in _ = try await part.execute("INSERT INTO t VALUES (\(round))")
                        }
                        try await db.withRows("SELECT n FROM t", as: Int.self) { rows in for try await _ in rows {} }
                    }
                }
                // At another await each time.
                for _ in 0..<round * 5 { await Task.yield() }
                if round % 2 == 0 { try await Task.sleep(for: .microseconds(round * 20)) }
                task.cancel()
                _ = try? await task.value
            }
            // Each round is there as a whole or not at all, and no session is missing.
            #expect(
                try await database.rows("SELECT count(*) AS c FROM t GROUP BY n HAVING count(*) <> 2", as: Int.self)
                    == []
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try await database.rows("SELECT n FROM t", as: Int.self) } }
                try await group.waitForAll()
            }
        }
    }
}
