import MartletSQL

/// A session that reads on a link of its own, and has the writer for each statement that writes.
final class SQLiteSession: SQLSession {
    private let reader: LinkSession
    private let writers: LinkPool<SQLiteLink>

    init(_ reader: LinkSession, writers: LinkPool<SQLiteLink>) {
        self.reader = reader
        self.writers = writers
    }

    /// Runs something by the reader and, if it turns out to write, by the writer.
    private func run<Result>(_ body: (LinkSession) async throws -> Result) async throws -> Result {
        do {
            return try await body(reader)
        } catch is WriterNeeded {
            // Meanwhile the session does nothing else.
            return try await reader.alone {
                try await writers.withLink { link in try await withEndedSession(LinkSession(link), body) }
            }
        }
    }

    func execute(_ statement: SQL) async throws -> Int { try await run { try await $0.execute(statement) } }

    func rows<Row: Decodable & Sendable>(_ query: SQL, as type: Row.Type) async throws -> [Row] {
        try await run { try await $0.rows(query, as: type) }
    }

    func withRows<Row: Decodable & Sendable, Result: Sendable>(
        _ query: SQL,
        as type: Row.Type,
        _ body: @Sendable (SQLRows<Row>) async throws -> Result
    ) async throws -> Result {
        try await run { try await $0.withRows(query, as: type, body) }
    }

    func transaction<Result: Sendable>(
        _ options: TransactionOptions,
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result {
        if options.isReadOnly { return try await reader.transaction(options, body) }
        return try await reader.alone {
            try await writers.withLink { link in try await link.transaction(options, body) }
        }
    }
}

/// A statement writes, and the link is a reader's. Nothing was done.
struct WriterNeeded: Error {}
