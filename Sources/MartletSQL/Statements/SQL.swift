public import Martlet

/// A statement for a database: text, and values that are bound to it.
///
/// It is made by a literal. What is interpolated is a value: it travels beside the text and is never part of it, whatever
/// it holds.
///
/// ```swift
/// let query: SQL = "SELECT name FROM users WHERE id = \(id) ORDER BY \(identifier: column)"
/// ```
///
/// | interpolation | becomes |
/// |---|---|
/// | `\(value)` | a parameter. A structure or an array is one, too: its JSON |
/// | `\(identifier: name)` | a name in quotes |
/// | `\(list: values)` | parameters with commas between, for `IN (…)` |
/// | `\(row: value)` | the columns and parameters of an `INSERT`: `(id, name) VALUES ($1, $2)` |
/// | `\(other)`, where that is a statement | the text and the values of the other one |
///
/// A text that was put together elsewhere becomes a statement by ``init(verbatim:)`` alone. One statement is one statement
/// of the database: two with a semicolon between are an error.
public struct SQL: Sendable {
    enum Piece: Sendable {
        case text(String)
        case value(SQLValue)
        /// What could not be written; it is thrown when the statement is run.
        case failure(SQLError)
    }

    private(set) var pieces: [Piece]

    /// A statement of a text as it is. Whoever made the text answers for all that it holds.
    public init(verbatim text: String) {
        pieces = [.text(text)]
    }

    /// The text and the values. The parameters are numbered: `$1`, `$2`, …
    ///
    /// - Throws: ``SQLError/Code/encodingFailed`` for a value that no database keeps.
    package func statement() throws(SQLError) -> SQLStatement {
        var statement = SQLStatement()
        for piece in pieces {
            switch piece {
            case .text(let text): statement.text += text
            case .value(let value):
                statement.values.append(value)
                statement.text += "$\(statement.values.count)"
            case .failure(let error): throw error
            }
        }
        return statement
    }
}

/// A statement as a database gets it.
package struct SQLStatement: Sendable, Hashable {
    package var text: String
    package var values: [SQLValue]

    package init(text: String = "", values: [SQLValue] = []) {
        self.text = text
        self.values = values
    }
}

extension SQL: CustomStringConvertible, CustomReflectable {
    /// The text. Values are not shown: they may be secret.
    public var description: String { (try? statement().text) ?? "a statement with a value that can't be written" }

    /// What `dump` shows: the text.
    public var customMirror: Mirror { Mirror(self, children: ["text": description]) }
}

extension SQL: ExpressibleByStringInterpolation {
    /// A statement without values.
    public init(stringLiteral text: String) { self.init(verbatim: text) }

    /// A statement with its values.
    public init(stringInterpolation: StringInterpolation) { pieces = stringInterpolation.pieces }

    /// Takes a literal apart.
    public struct StringInterpolation: StringInterpolationProtocol {
        var pieces: [Piece] = []

        /// Begins with nothing.
        public init(literalCapacity: Int, interpolationCount: Int) {
            pieces.reserveCapacity(2 * interpolationCount + 1)
        }

        /// Adds text of the program.
        public mutating func appendLiteral(_ literal: String) {
            if !literal.isEmpty { pieces.append(.text(literal)) }
        }

        /// Binds a value.
        public mutating func appendInterpolation<Value: Encodable>(_ value: Value) {
            do throws(SQLError) {
                pieces.append(.value(try SQLValue(encoding: value)))
            } catch {
                pieces.append(.failure(error))
            }
        }

        /// Binds a value, or null where there is none.
        public mutating func appendInterpolation<Value: Encodable>(_ value: Value?) {
            if let value { appendInterpolation(value) } else { pieces.append(.value(.null)) }
        }

        /// Binds the text of a secret.
        public mutating func appendInterpolation(_ secret: Secret) {
            pieces.append(.value(.text(secret.value)))
        }

        /// Binds a value.
        public mutating func appendInterpolation(_ value: SQLValue) {
            pieces.append(.value(value))
        }

        /// Puts in another statement, with its values.
        public mutating func appendInterpolation(_ statement: SQL) {
            pieces += statement.pieces
        }

        /// Puts in the name of a table or column, in quotes. A dot is part of the name.
        public mutating func appendInterpolation(identifier name: String) {
            guard !name.isEmpty, !name.utf8.contains(0) else {
                return pieces.append(
                    .failure(SQLError(.invalidArgument, "\(quoted(name)) is no name of a table or column"))
                )
            }
            pieces.append(.text("\"\(name.replacing("\"", with: "\"\""))\""))
        }

        /// Binds several values, with commas between. An empty list is an error: no database has a notation for it.
        public mutating func appendInterpolation<Values: Sequence>(list values: Values)
        where Values.Element: Encodable {
            var isFirst = true
            for value in values {
                if !isFirst { pieces.append(.text(", ")) }
                isFirst = false
                appendInterpolation(value)
            }
            guard isFirst else { return }
            pieces.append(.failure(SQLError(.invalidArgument, "a list of a statement is empty, which SQL can't say")))
        }

        /// Puts in the columns and binds the values of an `INSERT`: the members of a value, under the names that they have
        /// when it is encoded.
        public mutating func appendInterpolation<Value: Encodable>(row value: Value) {
            do throws(SQLError) {
                let columns = try ValueEncoder.columns(of: value)
                appendLiteral("(")
                for (index, column) in columns.enumerated() {
                    if index > 0 { appendLiteral(", ") }
                    appendInterpolation(identifier: column.name)
                }
                appendLiteral(") VALUES (")
                for (index, column) in columns.enumerated() {
                    if index > 0 { appendLiteral(", ") }
                    appendInterpolation(column.value)
                }
                appendLiteral(")")
            } catch {
                pieces.append(.failure(error))
            }
        }
    }
}
