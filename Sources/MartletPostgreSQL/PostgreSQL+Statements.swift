package import MartletSQL

extension PostgreSQL: StatementRunning {
    /// Runs a statement in a session of its own. All of it is done on the thread that serves the sessions: to wait for one, to
    /// run the statement and to give the session back would otherwise each wake another thread.
    @concurrent
    package func run(_ statement: SQL) async throws -> SQLResult {
        let statement = try statement.statement()
        return try await withTaskExecutorPreference(taskExecutor) {
            try await pool.withLink { link in
                do { return try await link.run(statement) } catch let error as SQLError { throw error.of(statement) }
            }
        }
    }
}
