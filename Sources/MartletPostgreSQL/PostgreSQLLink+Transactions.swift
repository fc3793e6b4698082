import CPostgreSQL
import MartletSQL

extension PostgreSQLLink {
    func begin(_ options: TransactionOptions) async throws {
        try Task.checkCancellation()
        var text = "BEGIN"
        switch options.isolation {
        case .readCommitted: text += " ISOLATION LEVEL READ COMMITTED"
        case .repeatableRead: text += " ISOLATION LEVEL REPEATABLE READ"
        case .serializable: text += " ISOLATION LEVEL SERIALIZABLE"
        case nil: break
        }
        if options.isReadOnly { text += " READ ONLY" }
        isReadOnly = options.isReadOnly
        isAskedFor = options.asksAfterLostCommit
        try await perform(text)
        isInTransaction = true
    }

    func commit() async throws {
        defer { isInTransaction = false }
        try await checkTransaction(free())
        // Afterwards it is too late to ask, if the link is lost.
        let isIntact = socket.map { PQtransactionStatus($0.pointer) == PQTRANS_INTRANS } ?? false
        let transaction = isReadOnly || !isIntact ? nil : try await transactionID()
        let answer: Answer
        do {
            answer = try await perform("COMMIT")
        } catch let error as SQLError where error.code == .connectionLost {
            if let transaction { throw LostCommit(transaction: transaction, error: error) }
            // A transaction that wrote nothing has nothing to lose; one that has failed was not committed.
            guard isIntact else { throw error }
            return
        }
        // To the server it is no error to commit a transaction that has failed.
        guard answer.tag == "COMMIT" else {
            throw SQLError(.transactionAborted, "the transaction was undone by an error of one of its statements")
        }
    }

    /// How the server knows the transaction, and since when it runs; `nil` if the transaction wrote nothing.
    ///
    /// A server that has crashed gives numbers of which it had written nothing down to other transactions.
    private func transactionID() async throws -> String? {
        // Nobody will want to know.
        guard isAskedFor else { return "" }
        let number = try await perform("SELECT pg_current_xact_id_if_assigned()::text").result.rows.first
        guard let number = try number?.decode(String?.self) else { return nil }
        if serverStart == nil || isPooled {
            serverStart = try await perform("SELECT \(Self.serverStart)").result.rows.first?.decode()
        }
        return "\(number) \(serverStart ?? "")"
    }

    /// When the server was started, in SQL, and when it last began anew because one of its processes had crashed: then it
    /// forgets its statistics.
    static let serverStart = """
        concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
        (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter))
        """

    func rollback(to savepoint: String?) async {
        if savepoint == nil { isInTransaction = false }
        do {
            guard let socket else { return }
            if PQtransactionStatus(socket.pointer) == PQTRANS_IDLE { return }
            try await perform(savepoint.map { "ROLLBACK TO \($0); RELEASE \($0)" } ?? "ROLLBACK")
        } catch {
            // Its state is unknown. The server undoes what is left of it.
            socket?.giveUp()
        }
    }
}
