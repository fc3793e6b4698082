import Martlet
import Synchronization

/// A row as it came, for queries whose columns the program does not know beforehand:
/// `db.rows("SELECT * FROM users", as: SQLRow.self)`.
public struct SQLRow: Sendable {
    let table: SQLColumns
    /// The values, in the order of the columns.
    public let values: [SQLValue]

    package init(_ table: SQLColumns, _ values: [SQLValue]) {
        self.table = table
        self.values = values
    }

    /// The names of the columns.
    public var columns: [String] { table.names }

    /// The value of a column; `nil` if there is none of that name, or several.
    public subscript(name: String) -> SQLValue? {
        guard case .found(let index) = table.find(name) else { return nil }
        return values[index]
    }

    /// The row as a value of a type.
    ///
    /// A type with members takes each from the column of its name. `userName` finds `user_name` and `username` as well. A
    /// member that is made of others is read from JSON. A type of a single value (`Int`, `String`, `Date`, …) takes the only
    /// column.
    ///
    /// - Throws: ``SQLError/Code/decodingFailed``, which names the column and no value.
    public func decode<Row: Decodable>(_ type: Row.Type = Row.self) throws -> Row {
        do {
            return try RowDecoder(row: self).value(type)
        } catch {
            throw error as? SQLError ?? SQLError(.decodingFailed, "a row is no \(type): \(Swift.type(of: error))")
        }
    }
}

extension SQLRow: Decodable {
    /// Takes the row itself.
    public init(from decoder: any Decoder) throws {
        guard let row = (decoder as? RowDecoder)?.row else {
            throw SQLError(.decodingFailed, "a row of a database is read from a database alone")
        }
        self = row
    }
}

extension SQLRow: CustomStringConvertible, CustomReflectable {
    /// The names of the columns. Values are not shown: they may be secret.
    public var description: String { "SQLRow(\(columns.joined(separator: ", ")))" }

    /// What `dump` shows: only the description.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The columns of a result, which its rows share.
package final class SQLColumns: Sendable {
    enum Place: Sendable {
        case found(Int)
        case missing
        case ambiguous
    }

    package let names: [String]
    /// What was found: a result has many rows.
    private let found = Mutex<[ByteKey: Place]>([:])

    package init(_ names: [String]) { self.names = names }

    /// The column of a name. One that is called so as it stands counts more than others that are read like it.
    func find(_ name: String) -> Place {
        // A few names are looked through in less time than it takes to hash one.
        if names.count <= 8, let place = place({ $0.hasSameBytes(as: name) }) { return place }
        return found.withLock { found in
            if let place = found[ByteKey(name)] { return place }
            let folded = Self.folded(name)
            let spelled = place { $0.hasSameBytes(as: name) } ?? place { $0 == folded }
            let place = spelled ?? place { Self.folded($0) == folded } ?? .missing
            found[ByteKey(name)] = place
            return place
        }
    }

    private func place(_ isMeant: (String) -> Bool) -> Place? {
        guard let index = names.firstIndex(where: isMeant) else { return nil }
        return names[(index + 1)...].contains(where: isMeant) ? .ambiguous : .found(index)
    }

    /// What the spellings of a name have in common: `userName`, `user_name`, `username`.
    private static func folded(_ name: String) -> String { name.lowercased().filter { $0 != "_" } }
}
