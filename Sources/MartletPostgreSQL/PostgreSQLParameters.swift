import CPostgreSQL
import MartletSQL

/// The values of a statement, as libpq takes them.
///
/// They are sent as text without a type: the server gives each the type of the place where it stands. Bytes are sent as bytes.
struct PostgreSQLParameters {
    /// The type `bytea`.
    static var bytesType: Oid { 17 }

    /// All values, with a zero behind each.
    private var storage: [UInt8] = []
    /// Where each begins; `nil`: null.
    private var offsets: [Int?] = []
    private var lengths: [CInt] = []
    private var types: [Oid] = []
    private var formats: [CInt] = []

    init(_ values: [SQLValue]) throws(SQLError) {
        guard values.count <= 65_535 else {
            throw SQLError(.invalidStatement, "the statement has \(values.count) values; PostgreSQL takes 65535")
        }
        for value in values {
            switch value {
            case .null: addNull()
            case .bool(let truth): add((truth ? "true" : "false").utf8)
            case .integer(let number): add(String(number).utf8)
            case .double(let number): add("\(number)".utf8)
            case .text(let text):
                // The rest would be cut off.
                guard !text.utf8.contains(0) else {
                    throw SQLError(.encodingFailed, "PostgreSQL keeps no text with a zero in it")
                }
                add(text.utf8)
            case .bytes(let bytes): add(bytes, type: Self.bytesType, format: 1)
            }
        }
    }

    private mutating func addNull() {
        offsets.append(nil)
        lengths.append(0)
        types.append(0)
        formats.append(0)
    }

    private mutating func add(_ bytes: some Collection<UInt8>, type: Oid = 0, format: CInt = 0) {
        offsets.append(storage.count)
        lengths.append(CInt(bytes.count))
        types.append(type)
        formats.append(format)
        storage.append(contentsOf: bytes)
        storage.append(0)
    }

    /// Sends a statement with them.
    ///
    /// - Returns: whether it could be.
    func send(_ statement: String, on connection: OpaquePointer) -> Bool {
        storage.withUnsafeBytes { storage in
            let base = storage.bindMemory(to: CChar.self).baseAddress
            let values = offsets.map { offset in offset.flatMap { start in base.map { $0 + start } } }
            return PQsendQueryParams(connection, statement, CInt(values.count), types, values, lengths, formats, 0) == 1
        }
    }
}
