import CSQLite
import MartletSQL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What SQLite's result codes mean.
enum SQLiteFailure {
    /// The error that a connection met last.
    static func error(_ connection: OpaquePointer?, _ code: CInt) -> SQLError {
        // In a commit SQLite does not note it down.
        let reasons = [errno, sqlite3_system_errno(connection)]
        let message = connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        let extended = connection.map { sqlite3_extended_errcode($0) } ?? code
        // SQLite knows of a full disk, not of a quota or a limit to the size of files, nor of one that is full for its index.
        let isFull = code & 0xFF == SQLITE_IOERR && reasons.contains { [ENOSPC, EDQUOT, EFBIG].contains($0) }
        var error = SQLError(isFull ? .outOfSpace : kind(extended), message, state: "\(extended)")
        if extended & 0xFF == SQLITE_CONSTRAINT,
            let name = message.split(separator: ": ", maxSplits: 1).dropFirst().first
        {
            error.constraint = String(name)
        }
        return error
    }

    private static func kind(_ code: CInt) -> SQLError.Code {
        switch code {
        // SQLITE_CONSTRAINT_UNIQUE, _PRIMARYKEY, _ROWID, _FOREIGNKEY, _NOTNULL, _CHECK, _DATATYPE; SQLITE_BUSY_SNAPSHOT:
        // macros that Swift does not see.
        case 2067, 1555, 2579: return .uniqueViolation
        case 787: return .foreignKeyViolation
        case 1299: return .notNullViolation
        case 275: return .checkViolation
        case 3091: return .invalidData
        case 517: return .serializationFailure
        default: break
        }
        return switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: .timeout
        case SQLITE_FULL, SQLITE_NOMEM: .outOfSpace
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .permissionDenied
        case SQLITE_ERROR, SQLITE_RANGE: .invalidStatement
        case SQLITE_MISMATCH, SQLITE_TOOBIG: .invalidData
        case SQLITE_CANTOPEN: .notConnected
        default: .failed
        }
    }
}
