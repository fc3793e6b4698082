/// The table `martlet_outbox`.
enum OutboxTable {
    /// What PostgreSQL notifies when a transaction that has put something into the table is committed.
    static let channel = "martlet_outbox"

    /// How it comes to be.
    @MigrationBuilder static func migrations(_ dialect: SQLDialect) -> [Migration] {
        switch dialect {
        case .sqlite:
            Migration("martlet outbox 1") {
                """
                CREATE TABLE martlet_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL,
                message BLOB NOT NULL, failed TEXT)
                """
            }
        case .postgreSQL:
            Migration("martlet outbox 1") {
                """
                CREATE TABLE martlet_outbox (id BIGSERIAL PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
                kind TEXT NOT NULL, name TEXT NOT NULL, message BYTEA NOT NULL, failed TEXT)
                """
                "CREATE INDEX martlet_outbox_order ON martlet_outbox (xid, id)"
            }
            // Whatever puts something in: these components, or a program that knows the table.
            Migration("martlet outbox 2") {
                """
                CREATE FUNCTION martlet_outbox_notify() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_notify('martlet_outbox', ''); RETURN NULL; END $$
                """
                """
                CREATE TRIGGER martlet_outbox_notify AFTER INSERT ON martlet_outbox
                FOR EACH STATEMENT EXECUTE FUNCTION martlet_outbox_notify()
                """
            }
        }
    }
}

extension Database {
    /// Makes the table `martlet_outbox`, once. An ``Outbox`` does so when it begins to run; a program whose transactions may
    /// come before calls it at its start.
    public func prepareOutbox() async throws {
        try await migrate { OutboxTable.migrations(dialect) }
    }
}
