import CPostgreSQL
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
            if error.state == "26000" { statements.giveUp() } else { statements.distrust(key) }
            try await checkStopped()
            switch PQtransactionStatus(socket.pointer) {
            // It has done nothing, and is what it would be without having been prepared.
            case PQTRANS_IDLE: return try await answer(once: text, parameters, socket)
            default: throw error.isOfPreparing ? error.retriable : error
            }
        }
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
            guard PQsendPrepare(socket.pointer, name, key.text, CInt(key.types.count), key.types) == 1 else {
                throw broken(socket)
            }
            _ = try await collect(socket)
        } catch {
            statements.wasRefused(key)
            throw error
        }
        try await checkStopped()
    }

    /// What was to be stopped is not gone on with.
    private func checkStopped() async throws {
        guard job?.isStopped == true else { return }
        await untilStopped()
        throw CancellationError()
    }
}

extension PreparedStatements.Step {
    fileprivate var isPrepared: Bool { if case .once = self { false } else { true } }
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
