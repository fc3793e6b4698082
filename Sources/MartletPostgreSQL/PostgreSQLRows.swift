import CPostgreSQL
import MartletSQL

/// The rows of one result of libpq's.
struct PostgreSQLRows {
    /// What is read as something else than text.
    private enum Kind {
        case text, bool, integer, double, bytes
    }

    let columns: SQLColumns
    private let kinds: [Kind]

    init(_ result: OpaquePointer) {
        let indices = 0..<PQnfields(result)
        columns = SQLColumns(indices.map { PQfname(result, $0).map { String(cString: $0) } ?? "" })
        kinds = indices.map { index in
            switch PQftype(result, index) {
            case 16: .bool
            // int8, int2, int4, oid
            case 20, 21, 23, 26: .integer
            // float4, float8
            case 700, 701: .double
            case PostgreSQLParameters.bytesType: .bytes
            default: .text
            }
        }
    }

    func rows(_ result: OpaquePointer) -> [SQLRow] {
        (0..<PQntuples(result)).map { SQLRow(columns, values(result, $0)) }
    }

    func values(_ result: OpaquePointer) -> [[SQLValue]] {
        (0..<PQntuples(result)).map { values(result, $0) }
    }

    private func values(_ result: OpaquePointer, _ row: CInt) -> [SQLValue] {
        kinds.indices.map { value(result, row, CInt($0), kinds[$0]) }
    }

    private func value(_ result: OpaquePointer, _ row: CInt, _ column: CInt, _ kind: Kind) -> SQLValue {
        guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else { return .null }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
        switch kind {
        case .bool: return .bool(bytes.first == UInt8(ascii: "t"))
        case .bytes: return Self.bytes(bytes)
        default: break
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return switch kind {
        case .integer: Int64(text).map(SQLValue.integer) ?? .text(text)
        case .double: Double(text).map(SQLValue.double) ?? .text(text)
        default: .text(text)
        }
    }

    /// Reads `\x6d61` and, where a session has asked for that, `ma\000`.
    private static func bytes(_ text: UnsafeRawBufferPointer) -> SQLValue {
        let backslash = UInt8(ascii: "\\")
        guard text.count >= 2, text[0] == backslash, text[1] == UInt8(ascii: "x") else {
            return .bytes(unescaped(text, backslash))
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var index = 2
        while index + 1 < text.count {
            bytes.append(digit(text[index]) << 4 | digit(text[index + 1]))
            index += 2
        }
        return .bytes(bytes)
    }

    /// A backslash stands before another one, and before the three octal digits of a byte.
    private static func unescaped(_ text: UnsafeRawBufferPointer, _ backslash: UInt8) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == backslash, let next = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            guard next != backslash else {
                bytes.append(backslash)
                continue
            }
            let digits = [next] + rest.prefix(2)
            rest = rest.dropFirst(2)
            bytes.append(digits.reduce(0) { $0 << 3 | $1 & 7 })
        }
        return bytes
    }

    private static func digit(_ character: UInt8) -> UInt8 {
        character < UInt8(ascii: "a") ? character & 0xF : character - UInt8(ascii: "a") + 10
    }
}
