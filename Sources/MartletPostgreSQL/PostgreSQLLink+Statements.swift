import CPostgreSQL
import Martlet
import MartletSQL

extension PostgreSQLLink {
    func run(_ statement: SQLStatement) async throws -> SQLResult {
        defer { noteState() }
        let parameters = try parameters(of: statement)
        let socket = try await free()
        try checkTransaction(socket)
        return try await stoppable { socket in try await answer(to: statement.text, parameters, socket).result }
    }

    /// Runs statements without values, which are not stopped.
    @discardableResult
    func perform(_ text: String) async throws -> Answer {
        defer { noteState() }
        let socket = try await free()
        guard PQsendQuery(socket.pointer, text) == 1 else { throw broken(socket) }
        return try await collect(socket)
    }

    /// Sends a statement with its text.
    func send(_ statement: SQLStatement) async throws -> PostgreSQLSocket {
        let parameters = try parameters(of: statement)
        let socket = try await free()
        try checkTransaction(socket)
        guard parameters.send(statement.text, on: socket.pointer) else { throw broken(socket) }
        return socket
    }

    private func parameters(of statement: SQLStatement) throws -> PostgreSQLParameters {
        let parameters = try PostgreSQLParameters(statement.values)
        guard !statement.text.utf8.contains(0) else { throw SQLError(.invalidStatement, "the statement holds a zero") }
        guard statement.text.utf8.count <= PostgreSQLParameters.maximumSize else {
            throw SQLError(.invalidStatement, "the statement is longer than 1 GiB")
        }
        try Task.checkCancellation()
        return parameters
    }

    /// What comes after a statement that has ended the transaction must not be done as if it were a part of it.
    func checkTransaction(_ socket: PostgreSQLSocket) throws {
        guard isInTransaction, PQtransactionStatus(socket.pointer) == PQTRANS_IDLE else { return }
        throw SQLError(.transactionAborted, "the transaction was ended by a statement before")
    }

    /// Takes all of an answer.
    func collect(_ socket: PostgreSQLSocket) async throws -> Answer {
        try await socket.flush()
        var answer = Answer()
        var failure: SQLError?
        while let result = try await socket.nextResult() {
            switch result.status {
            case PGRES_TUPLES_OK:
                let rows = PostgreSQLRows(result.pointer)
                answer.result.rows = rows.rows(result.pointer)
            case PGRES_COMMAND_OK: break
            default: failure = try failure ?? self.failure(of: result, socket)
            }
            answer.result.changes = result.changes
            answer.tag = result.tag
        }
        if let failure { throw failure }
        return answer
    }

    /// The socket, once nothing else is under way on it.
    func free() async throws -> PostgreSQLSocket {
        await untilStopped()
        guard let socket else { throw SQLError(.closed, "the session was closed") }
        guard !socket.isGivenUp else { throw SQLError(.connectionLost, "the link to the server was lost") }
        guard stream == nil, job == nil else { throw SQLError(.misuse, "a statement of the session is running") }
        noteUse()
        return socket
    }

    func broken(_ socket: PostgreSQLSocket) -> SQLError {
        let error = PostgreSQLFailure.error(of: socket.pointer, .connectionLost)
        socket.giveUp()
        return error
    }

    /// Where a server that is to write does not, its place may have been taken by another, which a new link finds.
    private func replaced(_ error: SQLError) -> SQLError {
        guard error.state == PostgreSQLFailure.readOnly, !(isInTransaction && isReadOnly) else { return error }
        isUnwanted = true
        var error = error
        error.code = .connectionLost
        return error
    }

    /// - Throws: if the link is of no use any more.
    func failure(of result: PostgreSQLResult, _ socket: PostgreSQLSocket) throws -> SQLError {
        switch result.status {
        case PGRES_FATAL_ERROR: return replaced(PostgreSQLFailure.error(of: result.pointer))
        case PGRES_EMPTY_QUERY: return SQLError(.invalidStatement, "the statement is empty")
        default:
            // COPY, which waits for data that never come.
            socket.giveUp()
            throw SQLError(.invalidStatement, "COPY is no statement for a session: its data would have nowhere to go")
        }
    }
}
