/// One open link to a database: what a driver implements. One task uses it at a time.
package protocol SQLLink: AnyObject, Sendable {
    /// Whether it may be used again once it is given back: it is open, and no transaction of it is.
    var isReusable: Bool { get async }

    /// Whether the other side has not left since it was used last. Asks nothing of the database.
    var isAlive: Bool { get async }

    /// Runs a statement to its end and takes all of its rows.
    ///
    /// - Throws: `SQLError`; `CancellationError` when the task is cancelled, after the database has stopped the statement.
    func run(_ statement: SQLStatement) async throws -> SQLResult

    /// Begins a statement whose rows are taken bit by bit.
    func openStream(_ statement: SQLStatement) async throws -> SQLColumns

    /// The next rows; none when there are no more, and then the stream is closed.
    func nextRows() async throws -> [[SQLValue]]

    /// Ends a stream that was not read to its end; does nothing otherwise. Cancellation does not shorten it. What a statement
    /// has written stays, however little of its rows was read.
    ///
    /// - Throws: if it was undone instead, as by a constraint that was deferred.
    func closeStream() async throws

    func begin(_ options: TransactionOptions) async throws

    /// Cancellation does not shorten it.
    ///
    /// - Throws: if the transaction was not committed; ``LostCommit`` if that is not known.
    func commit() async throws

    /// Undoes the transaction, or back to a savepoint and takes that away. Cancellation does not shorten it. If that is not
    /// possible the link is not reusable.
    func rollback(to savepoint: String?) async

    /// Closes it.
    func close() async
}

/// What a statement brought.
package struct SQLResult: Sendable {
    package var rows: [SQLRow] = []
    /// How many rows it inserted, changed or deleted.
    package var changes = 0

    package init(rows: [SQLRow] = [], changes: Int = 0) {
        self.rows = rows
        self.changes = changes
    }
}

/// The link was lost while a transaction was committed.
package struct LostCommit: Error {
    /// How the database knows the transaction.
    package let transaction: String
    /// What is thrown if it was not committed.
    package let error: SQLError

    package init(transaction: String, error: SQLError) {
        self.transaction = transaction
        self.error = error
    }
}

extension SQLLink {
    /// Runs a body in a transaction of this link.
    ///
    /// - Parameter settle: finds out what has become of a transaction whose commit was not answered; throws if it was not
    ///   committed.
    package func transaction<Result: Sendable>(
        _ options: TransactionOptions,
        settle: (LostCommit) async throws -> Void = { throw $0.error },
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result {
        do {
            try await begin(options)
        } catch {
            // It may have begun although its answer did not come.
            await rollback(to: nil)
            throw error
        }
        let transaction = SQLTransaction(LinkSession(self))
        let result: Result
        do {
            result = try await body(transaction)
            try Task.checkCancellation()
            try transaction.end()
        } catch {
            transaction.abandon()
            try? await closeStream()
            await rollback(to: nil)
            throw error
        }
        do { try await commit() } catch let lost as LostCommit { try await settle(lost) }
        return result
    }
}
