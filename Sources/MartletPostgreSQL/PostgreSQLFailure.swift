import CPostgreSQL
import MartletSQL

/// What PostgreSQL's errors mean.
enum PostgreSQLFailure {
    /// The error of a statement. Its details are left out: they quote rows.
    static func error(of result: OpaquePointer?) -> SQLError {
        func field(_ code: CInt) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
        // PG_DIAG_SQLSTATE, _MESSAGE_PRIMARY and _CONSTRAINT_NAME are characters, which are no constants in Swift.
        let state = field(CInt(UInt8(ascii: "C"))) ?? ""
        let message = field(CInt(UInt8(ascii: "M"))) ?? String(cString: PQresultErrorMessage(result)).oneLine
        return SQLError(
            kind(state),
            state.hasPrefix("22") ? message.withoutQuoted : message,
            state: state,
            constraint: field(CInt(UInt8(ascii: "n")))
        )
    }

    /// Why a connection could not be made, or was lost.
    static func error(of connection: OpaquePointer?, _ code: SQLError.Code) -> SQLError {
        SQLError(code, String(cString: PQerrorMessage(connection)).oneLine)
    }

    /// What a server says that writes nothing, and in a transaction that was to write nothing.
    static let readOnly = "25006"

    private static func kind(_ state: String) -> SQLError.Code {
        switch state {
        case "23505", "23P01": return .uniqueViolation
        case "23503": return .foreignKeyViolation
        case "23502": return .notNullViolation
        case "23514": return .checkViolation
        case "40001", "40P01": return .serializationFailure
        case "42501", readOnly: return .permissionDenied
        case "25P02", "40000": return .transactionAborted
        case "57P01", "57P02", "57P03", "57P05", "25P03", "25P04": return .connectionLost
        case "55P03": return .timeout
        case "53300": return .notConnected
        default: break
        }
        return switch state.prefix(2) {
        case "08": .connectionLost
        case "22": .invalidData
        case "28": .permissionDenied
        case "42", "26", "34": .invalidStatement
        case "53": .outOfSpace
        default: .failed
        }
    }
}

extension String {
    /// Without the line's end that libpq's messages have, and on one line.
    fileprivate var oneLine: String {
        let text = split(whereSeparator: \.isNewline).joined(separator: "; ")
        return text.isEmpty ? "the server closed the connection" : text
    }

    /// What PostgreSQL quotes of a value that it can't read is not for logs.
    fileprivate var withoutQuoted: String {
        guard let first = firstIndex(of: "\""), let last = lastIndex(of: "\""), first < last else { return self }
        return self[...first] + "…" + self[last...]
    }
}
