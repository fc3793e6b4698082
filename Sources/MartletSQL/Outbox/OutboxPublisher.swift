import Martlet
import Synchronization

/// Sends what lies in an outbox.
final class OutboxPublisher: Sendable {
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

    /// What there is to do next.
    enum Progress: Sendable {
        /// More may have come while a full batch was sent.
        case more
        /// Messages wait for a transaction that still runs.
        case heldBack
        case done
        /// Another program sends for this outbox.
        case elsewhere
    }

    private let database: any Database
    private let connection: any Connection
    private let limit: Int
    /// The rows whose messages the broker has and that may not be deleted yet. Where the database has no room to delete them,
    /// they would otherwise be sent each time it is tried.
    private let sent = Mutex<Set<Int64>>([])

    init(_ database: any Database, on connection: any Connection, limit: Int) {
        self.database = database
        self.connection = connection
        self.limit = limit
    }

    /// Sends the messages that come next and deletes them.
    ///
    /// - Throws: what kept it from sending one of them; those before it are sent and deleted.
    func publishBatch() async throws -> Progress {
        let (count, failure) = database.dialect == .sqlite ? try await publishAlone() : try await publishLocked()
        // It was committed that they are deleted.
        if count != nil { sent.withLock { $0 = [] } }
        if let failure { throw failure }
        guard let count else { return .elsewhere }
        if count == limit { return .more }
        guard database.dialect == .postgreSQL else { return .done }
        let isHeldBack: SQL = "SELECT EXISTS (SELECT FROM martlet_outbox WHERE failed IS NULL)"
        return try await database.first(isHeldBack, as: Bool.self) == true ? .heldBack : .done
    }

    /// One process has the file, and its writer is not to wait for the broker.
    private func publishAlone() async throws -> (count: Int?, failure: (any Error)?) {
        let rows = try await database.rows(
            "SELECT id, kind, name, message FROM martlet_outbox WHERE failed IS NULL ORDER BY id LIMIT \(limit)",
            as: Row.self
        )
        let outcome = try await send(rows)
        if !rows.isEmpty { try await database.transaction { db in try await forget(outcome, db) } }
        return (rows.count, outcome.failure)
    }

    /// The lock goes with the transaction, whatever ends it. A transaction below the oldest one that still runs can't get
    /// company any more: what it has sent is all there, and before all that comes.
    ///
    /// What is there of a transaction that is yet to come is older than all: it was read from a backup of another server, which
    /// had counted further.
    private func publishLocked() async throws -> (count: Int?, failure: (any Error)?) {
        let options = TransactionOptions(isolation: .readCommitted, attempts: 1)
        return try await database.transaction(options) { db in
            let lock: SQL = """
                SELECT pg_try_advisory_xact_lock(\(SQLLockKeys.outbox), 'martlet_outbox'::regclass::oid::int4)
                """
            let isFirst = try await db.first(lock, as: Bool.self)
            guard isFirst == true else { return (nil, nil) }
            let rows = try await db.rows(
                """
                SELECT id, kind, name, message FROM (
                    (SELECT 1 AS turn, * FROM martlet_outbox
                    WHERE failed IS NULL AND xid >= pg_snapshot_xmax(pg_current_snapshot())
                    ORDER BY xid, id LIMIT \(limit))
                    UNION ALL
                    (SELECT 2 AS turn, * FROM martlet_outbox
                    WHERE failed IS NULL AND xid < pg_snapshot_xmin(pg_current_snapshot())
                    ORDER BY xid, id LIMIT \(limit))
                ) AS waiting
                ORDER BY turn, xid, id LIMIT \(limit)
                """,
                as: Row.self
            )
            let outcome = try await send(rows)
            if !rows.isEmpty { try await forget(outcome, db) }
            return (rows.count, outcome.failure)
        }
    }

    /// Sends messages in their order, and waits until the broker has them.
    private func send(_ rows: [Row]) async throws -> Outcome {
        var outcome = Outcome()
        var pending: [(id: Int64, confirmation: Confirmation)] = []
        for row in rows {
            if sent.withLock({ $0.contains(row.id) }) {
                outcome.sent.append(row.id)
                continue
            }
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
                sent.withLock { _ = $0.insert(id) }
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
