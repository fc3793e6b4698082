import CPostgreSQL
import MartletSQL

/// The values of a statement, as libpq takes them.
///
/// They are sent as text without a type: the server gives each the type of the place where it stands. Bytes are sent as bytes.
struct PostgreSQLParameters {
    /// The type `bytea`.
    static var bytesType: Oid { 17 }

    private struct Place {
        /// Where it begins; `nil`: null.
        var start: Int?
        var length: CInt = 0
        /// 1: as bytes; 0: as text.
        var format: CInt = 0
    }

    /// How many bytes PostgreSQL takes with one statement: 1 GiB, with room for what stands beside the values.
    static let maximumSize = 1 << 30 - 1 << 20

    /// All values, with a zero behind each.
    private var storage: [UInt8] = []
    private var places: [Place] = []
    /// The types that are said; 0: the server finds out.
    private(set) var types: [Oid] = []

    init(_ values: [SQLValue]) throws(SQLError) {
        guard values.count <= 65_535 else {
            throw SQLError(.invalidStatement, "the statement has \(values.count) values; PostgreSQL takes 65535")
        }
        types.reserveCapacity(values.count)
        places.reserveCapacity(values.count)
        for value in values {
            switch value {
            case .null: addNull()
            case .bool(let truth): try add((truth ? "true" : "false").utf8)
            case .integer(let number): try add(String(number).utf8)
            case .double(let number): try add("\(number)".utf8)
            case .text(let text):
                // The rest would be cut off.
                guard !text.utf8.contains(0) else {
                    throw SQLError(.encodingFailed, "PostgreSQL keeps no text with a zero in it")
                }
                try add(text.utf8)
            case .bytes(let bytes): try add(bytes, type: Self.bytesType, format: 1)
            }
        }
    }

    private mutating func addNull() {
        places.append(Place())
        types.append(0)
    }

    private mutating func add(
        _ bytes: some Collection<UInt8>,
        type: Oid = 0,
        format: CInt = 0
    ) throws(SQLError) {
        let length = try Self.length(bytes.count, behind: storage.count)
        places.append(Place(start: storage.count, length: length, format: format))
        types.append(type)
        storage.append(contentsOf: bytes)
        storage.append(0)
    }

    /// The length of a value as libpq takes it.
    ///
    /// - Parameter others: how many bytes those before it have.
    static func length(_ count: Int, behind others: Int) throws(SQLError) -> CInt {
        guard count <= maximumSize - others else {
            throw SQLError(.encodingFailed, "PostgreSQL has no room for the values of the statement: more than 1 GiB")
        }
        return CInt(count)
    }

    /// Sends a statement with them.
    ///
    /// - Parameter name: what the server calls it, if it is prepared.
    /// - Returns: whether it could be.
    func send(_ statement: String, preparedAs name: String? = nil, on connection: OpaquePointer) -> Bool {
        let count = CInt(places.count)
        return withArrays { values, lengths, formats in
            if let name { return PQsendQueryPrepared(connection, name, count, values, lengths, formats, 0) == 1 }
            return PQsendQueryParams(connection, statement, count, types, values, lengths, formats, 0) == 1
        }
    }

    private func withArrays(
        _ body: (
            UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<CInt>?, _ formats: UnsafePointer<CInt>?
        ) -> Bool
    ) -> Bool {
        guard !places.isEmpty else { return body(nil, nil, nil) }
        return storage.withUnsafeBytes { storage in
            let base = storage.bindMemory(to: CChar.self).baseAddress
            return withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: places.count) { values in
                withUnsafeTemporaryAllocation(of: CInt.self, capacity: 2 * places.count) { numbers in
                    for (index, place) in places.enumerated() {
                        values.initializeElement(
                            at: index,
                            to: place.start.flatMap { start in base.map { $0 + start } }
                        )
                        numbers.initializeElement(at: index, to: place.length)
                        numbers.initializeElement(at: places.count + index, to: place.format)
                    }
                    return body(
                        values.baseAddress,
                        numbers.baseAddress,
                        numbers.baseAddress.map { $0 + places.count }
                    )
                }
            }
        }
    }
}
