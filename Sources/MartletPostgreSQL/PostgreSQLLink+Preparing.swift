import CPostgreSQL
import Martlet
import MartletSQL

extension PostgreSQLLink {
    /// Runs a statement, by its name where the server keeps it prepared.
    func answer(
        to text: String,
        _ parameters: PostgreSQLParameters,
        _ socket: PostgreSQLSocket
    ) async throws -> Answer {
        let key = PreparedStatements.Key(text: text, types: parameters.types)
        // In a transaction that has failed the server does nothing any more, and says so.
        let step = PQtransactionStatus(socket.pointer) == PQTRANS_INERROR ? .once : statements.step(key)
        let name: String
        do {
            switch step {
            case .once: return try await answer(once: text, parameters, socket)
            case .named(let known): name = known
            case .prepared(let new, let forgotten):
                try await prepare(key, as: new, forgetting: forgotten, socket)
                name = new
            }
            guard parameters.send(text, preparedAs: name, on: socket.pointer) else { throw broken(socket) }
            return try await collect(socket)
        } catch let error as SQLError where step.isPrepared && error.mayBeOfPreparing {
            try await checkStopped()
            let isInTransaction = PQtransactionStatus(socket.pointer) != PQTRANS_IDLE
            // What the statement did was undone, but not what a procedure had committed or a function done elsewhere.
            if !isInTransaction, try await isUpToDate(step, key, socket) { throw error }
            if error.state == "26000" { statements.giveUp() } else { statements.distrust(key) }
            if isInTransaction { throw error.isOfPreparing ? error.retriable : error }
            return try await answer(once: text, parameters, socket)
        }
    }

    /// Whether a statement is still what it was prepared as, so that an error is its own: the server would prepare it the same
    /// way today. One that is not was refused before it did anything.
    private func isUpToDate(
        _ step: PreparedStatements.Step,
        _ key: PreparedStatements.Key,
        _ socket: PostgreSQLSocket
    ) async throws -> Bool {
        guard let name = step.name else { return true }
        do {
            let types = try await parameterTypes(of: name, socket)
            // Without a name, it is gone with the next statement.
            try await parse(key, as: "", socket)
            return try await parameterTypes(of: "", socket) == types
        } catch let error as SQLError where !socket.isGivenUp {
            // It is refused, as it was prepared or as it is written.
            _ = error
            try await checkStopped()
            return false
        }
    }

    /// The types that the server has found for the values of a statement.
    private func parameterTypes(of name: String, _ socket: PostgreSQLSocket) async throws -> [Oid] {
        guard PQsendDescribePrepared(socket.pointer, name) == 1 else { throw broken(socket) }
        try await socket.flush()
        var types: [Oid] = []
        var failure: SQLError?
        while let result = try await socket.nextResult() {
            guard result.status == PGRES_COMMAND_OK else {
                failure = try self.failure(of: result, socket)
                continue
            }
            types = (0..<PQnparams(result.pointer)).map { PQparamtype(result.pointer, $0) }
        }
        if let failure { throw failure }
        try await checkStopped()
        return types
    }

    private func answer(
        once text: String,
        _ parameters: PostgreSQLParameters,
        _ socket: PostgreSQLSocket
    ) async throws -> Answer {
        guard parameters.send(text, on: socket.pointer) else { throw broken(socket) }
        return try await collect(socket)
    }

    private func prepare(
        _ key: PreparedStatements.Key,
        as name: String,
        forgetting forgotten: String?,
        _ socket: PostgreSQLSocket
    ) async throws {
        do {
            if let forgotten {
                guard PQsendQuery(socket.pointer, "DEALLOCATE \(forgotten)") == 1 else { throw broken(socket) }
                _ = try await collect(socket)
                try await checkStopped()
            }
            try await parse(key, as: name, socket)
        } catch {
            statements.wasRefused(key)
            throw error
        }
        try await checkStopped()
    }

    private func parse(_ key: PreparedStatements.Key, as name: String, _ socket: PostgreSQLSocket) async throws {
        guard PQsendPrepare(socket.pointer, name, key.text.text, CInt(key.types.count), key.types) == 1 else {
            throw broken(socket)
        }
        _ = try await collect(socket)
    }

    /// What was to be stopped is not gone on with.
    private func checkStopped() async throws {
        guard job?.isStopped == true else { return }
        await untilStopped()
        throw CancellationError()
    }
}

extension PreparedStatements.Step {
    fileprivate var isPrepared: Bool { name != nil }

    /// What the server calls the statement; `nil`: it is not prepared.
    fileprivate var name: String? {
        switch self {
        case .once: nil
        case .named(let name), .prepared(let name, _): name
        }
    }
}

extension SQLError {
    /// Whether the statement may be in order, but not as it was prepared: a table has changed, or the server has forgotten it.
    fileprivate var mayBeOfPreparing: Bool { isOfPreparing || state?.hasPrefix("22") == true }

    /// Whether it is so for all that is known: "cached plan must not change result type", "prepared statement does not exist",
    /// and what the server would have said of a wrong statement when it was prepared.
    fileprivate var isOfPreparing: Bool {
        guard let state else { return false }
        return state == "0A000" || state == "26000" || state.hasPrefix("42") && code != .permissionDenied
    }

    /// The same for whoever runs the transaction again: then it is run with its text.
    fileprivate var retriable: SQLError {
        var error = self
        error.code = .serializationFailure
        return error
    }
}
