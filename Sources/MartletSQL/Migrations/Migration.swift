/// A change of a database that is made once: tables, columns, what they hold.
///
/// ```swift
/// Migration("stock") {
///     "CREATE TABLE stock (name TEXT PRIMARY KEY, number INT NOT NULL)"
///     "CREATE INDEX stock_number ON stock (number)"
/// }
/// Migration("first goods") { db in
///     for good in goods { try await db.execute("INSERT INTO stock \(row: good)") }
/// }
/// ```
public struct Migration: Sendable {
    /// By what it is known again. No two have the same.
    public let name: String
    /// What its statements are known by; those of code aren't known.
    let checksum: String
    let body: @Sendable (SQLTransaction) async throws -> Void

    /// A migration of statements. When they are others at a later start, that is an error.
    public init(_ name: String, @StatementBuilder _ statements: () -> [SQL]) {
        let statements = statements()
        self.name = name
        checksum = Self.checksum(of: statements)
        body = { db in
            for statement in statements { try await db.execute(statement) }
        }
    }

    /// A migration by code. It is known by its name alone.
    public init(_ name: String, _ body: @escaping @Sendable (SQLTransaction) async throws -> Void) {
        self.name = name
        checksum = "code"
        self.body = body
    }

    /// FNV-1a over the words of the statements: white space is not what they say.
    private static func checksum(of statements: [SQL]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for statement in statements {
            for byte in statement.description.split(whereSeparator: \.isWhitespace).joined(separator: " ").utf8 + [0] {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
        return String(hash, radix: 16)
    }
}

/// Makes a list of statements of what stands in a migration's braces, one a line.
@resultBuilder
public enum StatementBuilder {
    /// One statement.
    public static func buildExpression(_ statement: SQL) -> [SQL] { [statement] }
    /// One after the other.
    public static func buildBlock(_ parts: [SQL]...) -> [SQL] { parts.flatMap { $0 } }
    /// An `if` without `else`.
    public static func buildOptional(_ part: [SQL]?) -> [SQL] { part ?? [] }
    /// The first branch of an `if` or `switch`.
    public static func buildEither(first part: [SQL]) -> [SQL] { part }
    /// The other branch.
    public static func buildEither(second part: [SQL]) -> [SQL] { part }
    /// A `for` loop.
    public static func buildArray(_ parts: [[SQL]]) -> [SQL] { parts.flatMap { $0 } }
}

/// Makes a list of migrations of what stands in the braces of ``Database/migrate(_:)``.
@resultBuilder
public enum MigrationBuilder {
    /// One migration.
    public static func buildExpression(_ migration: Migration) -> [Migration] { [migration] }
    /// Migrations that were made elsewhere.
    public static func buildExpression(_ migrations: [Migration]) -> [Migration] { migrations }
    /// One after the other.
    public static func buildBlock(_ parts: [Migration]...) -> [Migration] { parts.flatMap { $0 } }
    /// An `if` without `else`.
    public static func buildOptional(_ part: [Migration]?) -> [Migration] { part ?? [] }
    /// The first branch of an `if` or `switch`.
    public static func buildEither(first part: [Migration]) -> [Migration] { part }
    /// The other branch.
    public static func buildEither(second part: [Migration]) -> [Migration] { part }
    /// A `for` loop.
    public static func buildArray(_ parts: [[Migration]]) -> [Migration] { parts.flatMap { $0 } }
}
