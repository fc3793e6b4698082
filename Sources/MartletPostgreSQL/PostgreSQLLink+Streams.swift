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
            switch result.status {
            case PGRES_SINGLE_TUPLE:
                stream = Stream(rows: rows, first: rows.values(result.pointer), isAtEnd: false)
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                stream = Stream(rows: rows, first: [], isAtEnd: true)
                try await drain(socket)
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

    /// Takes what is left of an answer.
    func drain(_ socket: PostgreSQLSocket) async throws {
        while try await socket.nextResult() != nil {}
    }

    func closeStream() async {
        guard let stream else { return }
        self.stream = nil
        guard !stream.isAtEnd, let socket, !socket.isGivenUp else { return }
        // The rest may be long.
        stop(beginJob())
        do { try await drain(socket) } catch { socket.giveUp() }
        job = nil
    }
}
