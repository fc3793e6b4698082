extension Database {
    /// Makes the changes of a list that were not made yet, in its order, each in a transaction of its own. The database
    /// keeps, in the table `martlet_migrations`, which ones were.
    ///
    /// Programs that migrate at once wait for each other, and each change is made once. New ones come at the end of the list.
    ///
    /// - Throws: ``SQLError/Code/migrationFailed``, which names the migration: its statements are not what they were when they
    ///   ran, it stands before one that has run, two have its name, or it failed, and then nothing of it is done;
    ///   `CancellationError`.
    public func migrate(@MigrationBuilder _ migrations: () -> [Migration]) async throws {
        let migrations = migrations()
        var names: Set<String> = []
        for migration in migrations where !names.insert(migration.name).inserted {
            throw failure(migration, "there are two of that name")
        }
        try await transaction { db in
            try await lockMigrations(db)
            try await db.execute(
                """
                CREATE TABLE IF NOT EXISTS martlet_migrations
                (name TEXT PRIMARY KEY, checksum TEXT NOT NULL, at TEXT NOT NULL DEFAULT (CAST(CURRENT_TIMESTAMP AS TEXT)))
                """
            )
            let applied = Set(try await db.rows("SELECT name FROM martlet_migrations", as: String.self))
            let last = migrations.lastIndex { applied.contains($0.name) } ?? 0
            if let late = migrations[..<last].first(where: { !applied.contains($0.name) }) {
                throw failure(
                    late,
                    "it stands before '\(migrations[last].name)', which has run: new ones come at the end"
                )
            }
        }
        for migration in migrations { try await transaction { db in try await apply(migration, db) } }
    }

    private func apply(_ migration: Migration, _ db: SQLTransaction) async throws {
        try await lockMigrations(db)
        let known = try await db.first(
            "SELECT checksum FROM martlet_migrations WHERE name = \(migration.name)",
            as: String.self
        )
        guard let known else {
            do {
                try await migration.body(db)
            } catch let error as SQLError where !error.isRetriable {
                throw failure(migration, error.message, beneath: error)
            }
            try await db.execute(
                "INSERT INTO martlet_migrations (name, checksum) VALUES (\(migration.name), \(migration.checksum))"
            )
            return
        }
        guard known == migration.checksum else {
            throw failure(migration, "it is not what it was when it ran: leave it as it was, and add another one")
        }
    }

    /// Has others that migrate wait. On SQLite whoever writes does so anyway.
    private func lockMigrations(_ db: SQLTransaction) async throws {
        guard dialect == .postgreSQL else { return }
        _ = try await db.rows("SELECT pg_advisory_xact_lock(\(SQLLockKeys.migrations)) IS NULL", as: Bool.self)
    }

    private func failure(_ migration: Migration, _ reason: String, beneath error: SQLError? = nil) -> SQLError {
        SQLError(
            .migrationFailed,
            "the migration '\(migration.name)' failed: \(reason)",
            state: error?.state,
            statement: error?.statement
        )
    }
}

/// The numbers of the advisory locks that are taken on PostgreSQL. They begin with "martlet" as bytes, so that no other
/// program has one of them by chance.
package enum SQLLockKeys {
    package static let migrations: Int64 = 0x6d61_7274_6c65_7401
    package static let outbox: Int64 = 0x6d61_7274_6c65_7402
}
