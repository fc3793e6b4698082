import IntegrationSupport
import MartletPostgreSQL
import MartletSQL
import Testing

@Suite(.timeLimit(.minutes(10)))
struct PoolTests {
    @Test(arguments: DatabaseKind.shared) func twoHundredHandlersShareTenSessions(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind, sessions: 10, timeout: .seconds(120)) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            let finished = Locked([Int: Int]())
            await withTaskGroup(of: Void.self) { group in
                for handler in 0..<200 {
                    group.addTask {
                        for round in 0..<10 {
                            let fails = (handler + round) % 7 == 0
                            do {
                                try await database.transaction { db in
                                    try await db.execute("INSERT INTO t VALUES (\(handler))")
                                    if fails { throw Fault() }
                                }
                            } catch is Fault {
                            } catch {
                                Issue.record("\(error)")
                            }
                            finished.withLock { $0[handler, default: 0] += 1 }
                        }
                    }
                }
            }
            #expect(finished.withLock { $0 }.values.allSatisfy { $0 == 10 })
            let expected = (0..<200).map { handler in (0..<10).count { (handler + $0) % 7 != 0 } }.reduce(0, +)
            #expect(try await database.first("SELECT count(*) AS c FROM t", as: Int.self) == expected)
            if let postgres = database as? PostgreSQL {
                #expect(postgres.sessions.open <= 10)
                #expect(postgres.sessions.lent == 0)
            }
        }
    }

    @Test(arguments: DatabaseKind.shared) func waitingEndsWithAnErrorThatSaysWhoHasThem(_ kind: DatabaseKind)
        async throws
    {
        try await withDatabase(kind, sessions: 1, timeout: .milliseconds(200)) { (database) async throws in
            try await database.transaction { db in
                _ = try await db.rows("SELECT 1 AS n", as: Int.self)
                let start = ContinuousClock.now
                do {
                    try await database.transaction { _ = try await $0.execute("SELECT 1") }
                    Issue.record("two had one session")
                } catch {
                    let message = (error as? SQLError)?.message ?? ""
                    #expect((error as? SQLError)?.code == .timeout)
                    #expect(message.contains("1 of 1 are in use, the first one for 0."), "\(message)")
                }
                #expect(ContinuousClock.now - start < .seconds(20))
            }
            try await database.transaction { _ = try await $0.execute("SELECT 1") }
        }
    }

    @Test func whoeverWaitsIsServedInOrder() async throws {
        try await withDatabase(.sqlite) { (database) async throws in
            try await database.execute("CREATE TABLE t (n INT)")
            let order = Locked([Int]())
            let mayBegin = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await until { mayBegin.withLock { $0 } > number }
                        try await database.transaction { _ in order.withLock { $0.append(number) } }
                    }
                }
                try await database.transaction { _ in
                    for number in 1...20 {
                        mayBegin.withLock { $0 = number }
                        try await Task.sleep(for: .milliseconds(30))
                    }
                }
                try await group.waitForAll()
            }
            #expect(order.withLock { $0 } == Array(0..<20))
        }
    }

    @Test(arguments: DatabaseKind.shared) func closingWaitsForWhatIsLentAndLendsNoMore(_ kind: DatabaseKind)
        async throws
    {
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            let isInside = Locked(false)
            let mayEnd = Locked(false)
            let isClosed = Locked(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await database.transaction { db in
                        isInside.withLock { $0 = true }
                        try await until { mayEnd.withLock { $0 } }
                        try await db.execute("CREATE TABLE t (n INT)")
                        #expect(isClosed.withLock { $0 } == false)
                    }
                }
                try await until { isInside.withLock { $0 } }
                let waiter = Task {
                    await sqlCode { try await database.transaction { _ = try await $0.execute("SELECT 1") } }
                }
                try await Task.sleep(for: .milliseconds(50))
                group.addTask {
                    await database.close()
                    isClosed.withLock { $0 = true }
                }
                #expect(await waiter.value == .closed)
                mayEnd.withLock { $0 = true }
                try await group.waitForAll()
            }
        }
    }
}
