import Martlet
import MartletPostgreSQL
import MartletSQL
import PeerJob
import Synchronization

/// Queries of one row each.
struct Selecting {
    private struct User: Decodable {
        var id: Int
        var name: String
    }

    private static let rows = 1_000

    private let job: Job
    private let prepared: Int

    /// - Parameter prepared: how many statements a session has the server keep prepared.
    init(_ job: Job, prepared: Int = 1) {
        self.job = job
        self.prepared = prepared
    }

    /// By one task on one session, or by as many tasks as the window on half as many sessions.
    func onPool() async throws {
        let database = try open()
        try await prepare(database)
        try await run(database)
        await database.close()
    }

    /// The same by tasks on the thread that serves the sessions.
    func onLoop() async throws {
        let database = try open()
        try await prepare(database)
        try await withTaskExecutorPreference(database.taskExecutor) { try await run(database) }
        await database.close()
    }

    private func open() throws -> PostgreSQL {
        try PostgreSQL(
            "host=127.0.0.1 port=\(job.port) user=martlet password='open sesame' dbname=postgres",
            options: .init(sessions: max(1, job.window / 2), preparedStatements: prepared)
        )
    }

    private func run(_ database: PostgreSQL) async throws {
        let start = ContinuousClock.now
        if job.window == 1 {
            try await database.withSession { db in
                for number in 0..<job.count { try check(await db.first(query(number)), number) }
            }
        } else {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<job.window {
                    group.addTask {
                        for number in stride(from: task, to: job.count, by: job.window) {
                            try check(await database.first(query(number)), number)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        Report.figures(job.count, in: .now - start)
    }

    private func query(_ number: Int) -> SQL {
        "SELECT id, name FROM bench_users WHERE id = \(number % Self.rows)"
    }

    private func check(_ user: User?, _ number: Int) throws {
        guard user?.id == number % Self.rows else { throw Job.UsageError() }
    }

    private func prepare(_ database: PostgreSQL) async throws {
        try await database.execute("CREATE TABLE IF NOT EXISTS bench_users (id INT PRIMARY KEY, name TEXT NOT NULL)")
        try await database.execute(
            "INSERT INTO bench_users SELECT n, 'user ' || n FROM generate_series(0, 999) AS n ON CONFLICT DO NOTHING"
        )
    }
}
