import Foundation
import IntegrationSupport
import Martlet
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

/// A file of SQLite's that another program has for itself for a while.
@Suite(.timeLimit(.minutes(10)))
struct BusyFileTests {
    /// Runs a body while the command `sqlite3` is in a transaction of the file, which ends when `release` is called.
    private func whileWritten(
        _ path: String,
        _ body: (_ release: () throws -> Void) async throws -> Void
    ) async throws {
        let program = try Program.find("sqlite3", package: "sqlite3")
        let folder = try TemporaryFolder("busy")
        defer { folder.remove() }
        let (begun, done) = (folder.path("begun"), folder.path("done"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let wait = ".shell touch \(begun); until [ -e \(done) ]; do sleep 0.02; done"
                try await Program.run(
                    program,
                    [path, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1000);", wait, "COMMIT;"]
                )
            }
            try await until { FileManager.default.fileExists(atPath: begun) }
            let release = { try Data().write(to: URL(fileURLWithPath: done)) }
            do { try await body(release) } catch {
                try release()
                throw error
            }
            try await group.waitForAll()
        }
    }

    private func withFile(
        timeout: Duration,
        _ body: (SQLite) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder("sqlite")
        defer { folder.remove() }
        let database = try SQLite(folder.path("busy.db"), options: .init(timeout: timeout))
        try await database.execute("CREATE TABLE t (n INT)")
        try await body(database)
        await database.close()
    }

    private func numbers(_ database: SQLite) async throws -> [Int] {
        try await database.rows("SELECT n FROM t ORDER BY n", as: Int.self)
    }

    @Test func whoeverWritesWaitsAndNotForEver() async throws {
        try await withFile(timeout: .milliseconds(300)) { (database) async throws in
            try await database.execute("INSERT INTO t VALUES (1)")
            try await whileWritten(database.path) { release in
                let start = ContinuousClock.now
                let code = await sqlCode {
                    try await database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (2)") }
                }
                #expect(code == .timeout)
                #expect(await sqlCode { try await database.execute("INSERT INTO t VALUES (2)") } == .timeout)
                #expect((.milliseconds(600)..<(.seconds(60))).contains(ContinuousClock.now - start))
                // Those who read do not wait.
                #expect(try await numbers(database) == [1])
                try release()
            }
            try await database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (2)") }
            #expect(try await numbers(database) == [1, 2, 1_000])
        }
    }

    @Test func whoeverWaitsGoesOnAfterwards() async throws {
        try await withFile(timeout: .seconds(60)) { (database) async throws in
            try await whileWritten(database.path) { release in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<5 {
                        group.addTask {
                            try await database.transaction {
                                _ = try await $0.execute("INSERT INTO t VALUES (\(number))")
                            }
                        }
                    }
                    #expect(try await numbers(database).isEmpty)
                    try release()
                    try await group.waitForAll()
                }
            }
            #expect(try await numbers(database) == [0, 1, 2, 3, 4, 1_000])
        }
    }

    @Test func whoeverWaitsCanBeCancelled() async throws {
        try await withFile(timeout: .seconds(3_600)) { (database) async throws in
            try await whileWritten(database.path) { release in
                let task = Task { try await database.execute("INSERT INTO t VALUES (1)") }
                try await Task.sleep(for: .milliseconds(50))
                task.cancel()
                await #expect(throws: CancellationError.self) { _ = try await task.value }
                try release()
            }
            try await database.execute("INSERT INTO t VALUES (2)")
            #expect(try await numbers(database) == [2, 1_000])
        }
    }

    /// Each of its connections asks for a write-ahead log, and SQLite refuses all but one of those that meet.
    @Test func manySessionsOpenANewFileAtOnce() async throws {
        let sessions = 8
        for _ in 0..<100 {
            try await withDatabase(.sqlite, sessions: sessions) { (database) async throws in
                let begun = Locked(0)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<sessions {
                        group.addTask {
                            try await database.withSession { db in
                                begun.withLock { $0 += 1 }
                                // None takes the session of one that is done.
                                try await until { begun.withLock { $0 } == sessions }
                                _ = try await db.rows("SELECT 1 AS n", as: Int.self)
                            }
                        }
                    }
                    // One that fails ends the others, who would wait for it.
                    for try await _ in group {}
                }
            }
        }
    }

    /// Its deliveries are not worn out by it.
    @Test func aMessageWaitsForTheFile() async throws {
        try await withFile(timeout: .milliseconds(50)) { (database) async throws in
            let connection = try await MemoryBroker().connect(options: ConnectionOptions(name: "worker"))
            let jobs = Queue<Int>("jobs")
            let node = Node("worker", on: connection) {
                Consume(from: jobs, in: database, deduplicating: .by(\.self), onHandlerError: .requeue(deliveries: 1)) {
                    job,
                    db in
                    try await db.execute("INSERT INTO t VALUES (\(job.value))")
                }
            }
            try await running(node) { () async throws in
                try await connection.send(0, to: jobs)
                try await until { try await numbers(database) == [0] }
                try await whileWritten(database.path) { release in
                    for job in 1...3 { try await connection.send(job, to: jobs) }
                    // Longer than it waits by itself.
                    try await Task.sleep(for: .milliseconds(400))
                    #expect(try await numbers(database) == [0])
                    try release()
                }
                try await until { try await numbers(database) == [0, 1, 2, 3, 1_000] }
            }
            await connection.close()
        }
    }
}
