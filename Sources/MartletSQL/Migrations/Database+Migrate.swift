import Martlet

extension Database {
    /// Makes the changes of a list that were not made yet, in its order, each in a transaction of its own. The database
    /// keeps, in the table `martlet_migrations`, which ones were.
    ///
    /// Programs that migrate at once wait for each other, and each change is made once. New ones come at the end of the list.
    ///
    /// On SQLite nothing acts on foreign keys (`ON DELETE CASCADE` and the like) while a change is made, so that a table may
    /// be replaced by another one. They are checked at its end.
    ///
    /// - Throws: ``SQLError/Code/migrationFailed``, which names the migration: its statements are not what they were when they
    ///   ran, it stands before one that has run, two have its name, or it failed, and then nothing of it is done;
    ///   `CancellationError`.
    public func migrate(@MigrationBuilder _ migrations: () -> [Migration]) async throws {
        let migrations = migrations()
        var names: Set<ByteKey> = []
        for migration in migrations where !names.insert(ByteKey(migration.name)).inserted {
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
            let known = try await db.rows("SELECT name FROM martlet_migrations", as: String.self)
            let applied = Set(known.map { ByteKey($0) })
            let last = migrations.lastIndex { applied.contains(ByteKey($0.name)) } ?? 0
            if let late = migrations[..<last].first(where: { !applied.contains(ByteKey($0.name)) }) {
                throw failure(
                    late,
                    "it stands before '\(migrations[last].name)', which has run: new ones come at the end"
                )
            }
        }
        var options = TransactionOptions()
        options.ignoresForeignKeys = true
        for migration in migrations { try await transaction(options) { db in try await apply(migration, db) } }
    }

    private func apply(_ migration: Migration, _ db: SQLTransaction) async throws {
        try await lockMigrations(db)
        let known = try await db.first(
            "SELECT checksum FROM martlet_migrations WHERE name = \(migration.name)",
            as: String.self
        )
        guard let known else {
            do {
                let before = try await LostReferences(db, dialect)
                try await migration.body(db)
                if let table = try await LostReferences(db, dialect).table(addedSince: before) {
                    throw SQLError(
                        .foreignKeyViolation,
                        "there would be rows of '\(table)' that refer to others that are not there"
                    )
                }
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

    /// Has others wait that migrate the same schema. On SQLite whoever writes does so anyway.
    private func lockMigrations(_ db: SQLTransaction) async throws {
        guard dialect == .postgreSQL else { return }
        let lock: SQL = """
            SELECT pg_advisory_xact_lock(\(SQLLockKeys.migrations), oid::int4) IS NULL
            FROM pg_namespace WHERE nspname = current_schema()
            """
        _ = try await db.rows(lock, as: Bool.self)
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

/// The numbers of the advisory locks that are taken on PostgreSQL, before that of what is locked: locks are the whole
/// database's, which several programs may share. They begin with "mrt" as bytes, so that no other program has one of them by
/// chance.
package enum SQLLockKeys {
    package static let migrations: Int32 = 0x6d72_7401
    package static let outbox: Int32 = 0x6d72_7402
}
