import CSQLite
import MartletSQL

/// A prepared statement with its values, whose rows are taken one by one. It lives on its link's thread.
final class SQLiteCursor {
    private let statement: OpaquePointer
    private let connection: OpaquePointer
    private var names: SQLColumns?
    /// The first row, until it is taken.
    private var first: [SQLValue]?
    private var isAtEnd = false

    init(_ query: SQLStatement, on connection: OpaquePointer) throws {
        self.connection = connection
        var text = query.text
        statement = try text.withUTF8 { bytes in try Self.prepare(bytes, on: connection) }
        // If it throws, `deinit` finalizes the statement.
        try bind(query.values)
    }

    deinit { sqlite3_finalize(statement) }

    private static func prepare(
        _ text: UnsafeBufferPointer<UInt8>,
        on connection: OpaquePointer
    ) throws -> OpaquePointer {
        guard text.count <= Int(CInt.max) else {
            throw SQLError(.invalidStatement, "the statement is longer than 2 GiB")
        }
        return try text.withMemoryRebound(to: CChar.self) { text in
            var rest = text.baseAddress
            var statement: OpaquePointer?
            func next() throws -> OpaquePointer? {
                guard let start = rest, let base = text.baseAddress, start < base + text.count else { return nil }
                var found: OpaquePointer?
                let code = sqlite3_prepare_v3(connection, start, CInt(base + text.count - start), 0, &found, &rest)
                guard code == SQLITE_OK else { throw SQLiteFailure.error(connection, code) }
                return found
            }
            // White space and comments are no statement, before it as behind it.
            while statement == nil, let start = rest, let base = text.baseAddress, start < base + text.count {
                statement = try next()
            }
            guard let statement else { throw SQLError(.invalidStatement, "the statement is empty") }
            do {
                while let start = rest, let base = text.baseAddress, start < base + text.count {
                    guard let second = try next() else { continue }
                    sqlite3_finalize(second)
                    throw SQLError(.invalidStatement, "there are several statements where one is expected")
                }
            } catch {
                sqlite3_finalize(statement)
                throw error
            }
            return statement
        }
    }

    private func bind(_ values: [SQLValue]) throws {
        let places = Int(sqlite3_bind_parameter_count(statement))
        guard places == values.count else {
            throw SQLError(
                .invalidStatement,
                "the statement has \(places) places for \(values.count) values: a value that is interpolated stands in no quotes"
            )
        }
        for (index, value) in zip(CInt(1)..., values) {
            let code: CInt =
                switch value {
                case .null: sqlite3_bind_null(statement, index)
                case .bool(let truth): sqlite3_bind_int64(statement, index, truth ? 1 : 0)
                case .integer(let number): sqlite3_bind_int64(statement, index, number)
                case .double(let number) where number.isNaN:
                    throw SQLError(.encodingFailed, "SQLite keeps no number that is none (NaN)")
                case .double(let number): sqlite3_bind_double(statement, index, number)
                case .text(var text):
                    text.withUTF8 { bytes in
                        bytes.withMemoryRebound(to: CChar.self) {
                            martlet_sqlite3_bind_text(statement, index, $0.baseAddress, UInt64($0.count))
                        }
                    }
                case .bytes(let bytes) where bytes.isEmpty: sqlite3_bind_zeroblob(statement, index, 0)
                case .bytes(let bytes): martlet_sqlite3_bind_blob(statement, index, bytes, UInt64(bytes.count))
                }
            guard code == SQLITE_OK else { throw SQLiteFailure.error(connection, code) }
        }
    }

    /// Whether it changes nothing.
    var isReadOnly: Bool { sqlite3_stmt_readonly(statement) != 0 }

    /// They are known once the first row was fetched: until then the tables may become others.
    var columns: SQLColumns {
        if let names { return names }
        let columns = SQLColumns(
            (0..<sqlite3_column_count(statement)).map {
                sqlite3_column_name(statement, $0).map { String(cString: $0) } ?? ""
            }
        )
        names = columns
        return columns
    }

    /// Fetches the first row. A statement that writes does so here, whatever is read of its rows.
    func start() throws { first = try step() }

    /// The next row; `nil` at the end.
    func next() throws -> [SQLValue]? {
        if let row = first {
            first = nil
            return row
        }
        return isAtEnd ? nil : try step()
    }

    /// Ends it, wherever it is. What it wrote outside a transaction is committed here, unless it was read to its end.
    func finish() throws {
        let code = sqlite3_reset(statement)
        guard code == SQLITE_OK else { throw SQLiteFailure.error(connection, code) }
    }

    private func step() throws -> [SQLValue]? {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return try (0..<sqlite3_column_count(statement)).map(value)
        case SQLITE_DONE:
            isAtEnd = true
            return nil
        case let code:
            isAtEnd = true
            throw SQLiteFailure.error(connection, code)
        }
    }

    private func value(_ column: CInt) throws -> SQLValue {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: return .double(sqlite3_column_double(statement, column))
        case SQLITE_TEXT:
            guard let text = sqlite3_column_text(statement, column) else { return .text("") }
            let count = Int(sqlite3_column_bytes(statement, column))
            let bytes = UnsafeBufferPointer(start: text, count: count)
            if let text = String(validating: bytes, as: UTF8.self) { return .text(text) }
            throw SQLError(
                .decodingFailed,
                "the column '\(columns.names[Int(column)])' is text that is no UTF-8; CAST(… AS BLOB) gives its bytes"
            )
        case SQLITE_BLOB:
            guard let bytes = sqlite3_column_blob(statement, column) else { return .bytes([]) }
            return .bytes(
                Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
            )
        default: return .null
        }
    }
}
