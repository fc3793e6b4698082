import CPostgreSQL
import Martlet
import MartletSQL

extension PostgreSQLLink {
    func openStream(_ statement: SQLStatement) async throws -> SQLColumns {
        let socket = try await send(statement)
        guard PQsetSingleRowMode(socket.pointer) == 1 else { throw broken(socket) }
        return try await stoppable { socket in
            try await socket.flush()
            guard let result = try await socket.nextResult() else {
                throw SQLError(.failed, "the server gave no answer")
            }
            let rows = PostgreSQLRows(result.pointer)
            let mayWrite = Self.mayWrite(statement.text)
            switch result.status {
            case PGRES_SINGLE_TUPLE:
                stream = Stream(rows: rows, first: rows.values(result.pointer), isAtEnd: false, mayWrite: mayWrite)
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                try await drain(socket)
                stream = Stream(rows: rows, first: [], isAtEnd: true, mayWrite: mayWrite)
            default:
                let failure = try failure(of: result, socket)
                try await drain(socket)
                throw failure
            }
            return rows.columns
        }
    }

    func nextRows() async throws -> [[SQLValue]] {
        guard let stream else { return [] }
        // Rows that are there already would go on for ever without a wait in which the task could be stopped.
        try Task.checkCancellation()
        if stream.isAtEnd {
            self.stream = nil
            return []
        }
        do {
            return try await stoppable { socket in
                var batch = stream.first
                self.stream?.first = []
                while batch.count < Self.batchSize, batch.isEmpty || socket.hasResult {
                    guard let result = try await socket.nextResult() else {
                        self.stream?.isAtEnd = true
                        break
                    }
                    switch result.status {
                    case PGRES_SINGLE_TUPLE: batch += stream.rows.values(result.pointer)
                    case PGRES_TUPLES_OK: break
                    default:
                        let failure = try failure(of: result, socket)
                        try await drain(socket)
                        throw failure
                    }
                }
                if batch.isEmpty { self.stream = nil }
                return batch
            }
        } catch {
            self.stream = nil
            throw error
        }
    }

    /// Whether a statement may write. Of one that only has such a word no more is lost than time.
    private static func mayWrite(_ statement: String) -> Bool {
        let words = Set(statement.uppercased().split { !$0.isLetter && !$0.isNumber && $0 != "_" })
        return ["INSERT", "UPDATE", "DELETE", "MERGE", "CALL", "EXECUTE"].contains { words.contains($0) }
    }

    /// Takes what is left of an answer.
    ///
    /// - Throws: the error that stands in it: a constraint that was deferred is checked behind the rows.
    private func drain(_ socket: PostgreSQLSocket) async throws {
        var failure: SQLError?
        while let result = try await socket.nextResult() {
            switch result.status {
            case PGRES_SINGLE_TUPLE, PGRES_TUPLES_OK, PGRES_COMMAND_OK: break
            default: failure = try failure ?? self.failure(of: result, socket)
            }
        }
        if let failure { throw failure }
    }

    func closeStream() async throws {
        guard let stream else { return }
        self.stream = nil
        guard !stream.isAtEnd, let socket, !socket.isGivenUp else { return }
        // Stopped, it would undo what it has written, and the transaction that it is a part of: that is for who cancels.
        if stream.mayWrite || isInTransaction, !Task.isCancelled { return try await stoppable { try await drain($0) } }
        // The rest may be long.
        let number = beginJob()
        defer { job = nil }
        stop(number)
        try? await drain(socket)
    }
}
