import Synchronization

/// A session on a link. It sees to it that one statement runs at a time, and that none does when the session's time is over.
package final class LinkSession: SQLSession {
    private enum Use {
        case free, busy, over
    }

    package let link: any SQLLink
    private let settle: @Sendable (LostCommit) async throws -> Void
    private let use = Mutex(Use.free)

    /// - Parameter settle: finds out what has become of a transaction whose commit was not answered; throws if it was not
    ///   committed.
    package init(
        _ link: any SQLLink,
        settle: @escaping @Sendable (LostCommit) async throws -> Void = { throw $0.error }
    ) {
        self.link = link
        self.settle = settle
    }

    /// Ends the session: the link belongs to others from now on.
    ///
    /// - Throws: if a statement still runs, which some other task has begun.
    package func end() throws(SQLError) {
        let wasBusy = use.withLock { use in
            defer { use = .over }
            return use == .busy
        }
        if wasBusy {
            throw SQLError(.misuse, "a session's body has returned while a statement of the session was running")
        }
    }

    /// Ends the session, whatever it does.
    func abandon() { use.withLock { $0 = .over } }

    /// Does something while nothing else of the session runs.
    package func alone<Result>(_ body: () async throws -> Result) async throws -> Result {
        try use.withLock { use throws(SQLError) in
            switch use {
            case .free: use = .busy
            case .busy: throw SQLError(.misuse, "a session does one thing at a time: take a session for each task")
            case .over: throw SQLError(.misuse, "a session was used after the body that it was given to")
            }
        }
        defer { use.withLock { if $0 == .busy { $0 = .free } } }
        return try await body()
    }

    package func run(_ statement: SQL) async throws -> SQLResult {
        let statement = try statement.statement()
        return try await alone {
            do { return try await link.run(statement) } catch let error as SQLError { throw error.of(statement) }
        }
    }

    package func execute(_ statement: SQL) async throws -> Int { try await run(statement).changes }

    package func rows<Row: Decodable & Sendable>(_ query: SQL, as type: Row.Type) async throws -> [Row] {
        try await run(query).rows.map { try $0.decode() }
    }

    package func withRows<Row: Decodable & Sendable, Result: Sendable>(
        _ query: SQL,
        as type: Row.Type,
        _ body: @Sendable (SQLRows<Row>) async throws -> Result
    ) async throws -> Result {
        let statement = try query.statement()
        return try await alone {
            do {
                let feed = RowFeed(link, try await link.openStream(statement))
                let result: Result
                do {
                    result = try await body(SQLRows(feed: feed))
                } catch {
                    feed.close()
                    try? await link.closeStream()
                    throw error
                }
                feed.close()
                try await link.closeStream()
                return result
            } catch let error as SQLError {
                throw error.of(statement)
            }
        }
    }

    package func transaction<Result: Sendable>(
        _ options: TransactionOptions,
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result {
        try await alone { try await link.transaction(options, settle: settle, body) }
    }
}

/// Runs a body with a session that ends with it.
package func withEndedSession<Result>(
    _ session: LinkSession,
    _ body: (LinkSession) async throws -> Result
) async throws -> Result {
    do {
        let result = try await body(session)
        try session.end()
        return result
    } catch {
        session.abandon()
        throw error
    }
}
