import Martlet

/// Sends what lies in an outbox.
struct OutboxPublisher: Sendable {
    private struct Row: Decodable, Sendable {
        let id: Int64
        let kind: OutboxEntry.Kind
        let name: String
        let message: [UInt8]
    }

    /// What became of the messages of a batch.
    private struct Outcome {
        var sent: [Int64] = []
        /// Those that no broker would ever take, with the reason.
        var impossible: [(id: Int64, reason: String)] = []
        var failure: (any Error)?
    }

    private let database: any Database
    private let connection: any Connection
    private let limit: Int

    init(_ database: any Database, on connection: any Connection, limit: Int) {
        self.database = database
        self.connection = connection
        self.limit = limit
    }

    /// Sends the messages that come next and deletes them.
    ///
    /// - Returns: whether there may be more.
    /// - Throws: what kept it from sending one of them; those before it are sent and deleted.
    func publishBatch() async throws -> Bool {
        let (count, failure): (Int, (any Error)?)
        switch database.dialect {
        case .sqlite:
            // One process has the file, and its writer is not to wait for the broker.
            let rows = try await database.rows(
                "SELECT id, kind, name, message FROM martlet_outbox WHERE failed IS NULL ORDER BY id LIMIT \(limit)",
                as: Row.self
            )
            let outcome = try await send(rows)
            if !rows.isEmpty { try await database.transaction { db in try await forget(outcome, db) } }
            (count, failure) = (rows.count, outcome.failure)
        case .postgreSQL:
            // The lock goes with the transaction, whatever ends it. A transaction below the oldest one that still runs can't
            // get company any more: what it has sent is all there, and before all that comes.
            let options = TransactionOptions(isolation: .readCommitted, attempts: 1)
            (count, failure) = try await database.transaction(options) { db in
                let isFirst = try await db.first(
                    "SELECT pg_try_advisory_xact_lock(\(SQLLockKeys.outbox))",
                    as: Bool.self
                )
                guard isFirst == true else { return (0, nil) }
                let rows = try await db.rows(
                    """
                    SELECT id, kind, name, message FROM martlet_outbox
                    WHERE failed IS NULL AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT \(limit)
                    """,
                    as: Row.self
                )
                let outcome = try await send(rows)
                if !rows.isEmpty { try await forget(outcome, db) }
                return (rows.count, outcome.failure)
            }
        }
        if let failure { throw failure }
        return count == limit
    }

    /// Sends messages in their order, and waits until the broker has them.
    private func send(_ rows: [Row]) async throws -> Outcome {
        var outcome = Outcome()
        var pending: [(id: Int64, confirmation: Confirmation)] = []
        for row in rows {
            do {
                guard let message = Message(storedRecord: row.message) else {
                    throw MessagingError(.invalidArgument, "what lies in the outbox is no message")
                }
                let entry = OutboxEntry(kind: row.kind, name: row.name, message: message)
                pending.append((row.id, try await entry.begin(on: connection)))
            } catch let error as MessagingError where error.isForGood {
                outcome.impossible.append((row.id, error.description))
            } catch {
                outcome.failure = error
                break
            }
        }
        for (id, confirmation) in pending {
            do {
                try await confirmation.wait()
                outcome.sent.append(id)
            } catch let error as MessagingError where error.isForGood {
                outcome.impossible.append((id, error.description))
            } catch {
                // What comes behind it is sent again, after it.
                outcome.failure = error
                break
            }
        }
        return outcome
    }

    private func forget(_ outcome: Outcome, _ db: SQLTransaction) async throws {
        if !outcome.sent.isEmpty {
            try await db.execute("DELETE FROM martlet_outbox WHERE id IN (\(list: outcome.sent))")
        }
        for (id, reason) in outcome.impossible {
            try await db.execute("UPDATE martlet_outbox SET failed = \(reason) WHERE id = \(id)")
        }
    }
}

extension MessagingError {
    /// Whether no broker will ever take the message.
    fileprivate var isForGood: Bool {
        [.invalidTopic, .invalidQueue, .bodyTooLarge, .unsupported, .invalidArgument].contains(code)
    }
}

extension Database {
    /// Makes the table `martlet_outbox`, once. An ``Outbox`` does so when it begins to run; a program whose transactions may
    /// come before calls it at its start.
    public func prepareOutbox() async throws {
        try await migrate {
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
            }
        }
    }
}
