import Foundation
import MartletSQL
import Testing

@Suite(.timeLimit(.minutes(10)))
struct CodingTests {
    /// The type of a column that keeps a value of a kind.
    private func column(_ kind: DatabaseKind, _ postgres: String, _ sqlite: String) -> SQL {
        SQL(verbatim: kind.isPostgreSQL ? postgres : sqlite)
    }

    private struct Holder<Value: Decodable & Sendable>: Decodable, Sendable { var value: Value }

    /// Writes values into a column and reads them back.
    private func roundTrip<Value: Codable & Equatable & Sendable>(
        _ kind: DatabaseKind,
        _ column: SQL,
        _ values: [Value],
        hasMembers: Bool = false
    ) async throws {
        try await withDatabase(kind) { (database) async throws in
            try await database.withSession { db in
                try await db.execute("CREATE TABLE t (number INT, value \(column))")
                for (number, value) in values.enumerated() {
                    #expect(try await db.execute("INSERT INTO t VALUES (\(number), \(value))") == 1)
                    // A type with members is read from columns of their names, unless it is a member itself.
                    if !hasMembers {
                        let row: [Value] = try await db.rows("SELECT value FROM t WHERE number = \(number)")
                        #expect(row == [value])
                    }
                    let rows = try await db.rows("SELECT value FROM t WHERE number = \(number)", as: Holder<Value>.self)
                    #expect(rows.map(\.value) == [value])
                }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func integers(_ kind: DatabaseKind) async throws {
        let column = column(kind, "bigint", "INTEGER")
        try await roundTrip(kind, column, [Int.min, -1, 0, 1, Int.max])
        try await roundTrip(kind, column, [Int8.min, Int8.max])
        try await roundTrip(kind, column, [Int16.min, Int16.max])
        try await roundTrip(kind, column, [Int32.min, Int32.max])
        try await roundTrip(kind, column, [UInt8.max, 0])
        try await roundTrip(kind, column, [UInt16.max, 0])
        try await roundTrip(kind, column, [UInt32.max, 0])
        try await roundTrip(kind, column, [UInt64(Int64.max), 0])
    }

    @Test(arguments: DatabaseKind.allCases) func numbersAndTruth(_ kind: DatabaseKind) async throws {
        try await roundTrip(kind, column(kind, "bool", "INTEGER"), [true, false])
        let doubles = [
            0, -0.5, 1.0 / 3, .leastNonzeroMagnitude, 1.7976931348623157e308, .infinity, -.infinity, 1e15,
            123_456_789.125,
        ]
        try await roundTrip(kind, column(kind, "float8", "REAL"), doubles)
        try await roundTrip(kind, column(kind, "float4", "REAL"), [Float(0.1), 3.4e38, -1])
        let decimals = ["0", "12.50", "-0.000000001", "123456789012345678901234567890.12"]
        try await roundTrip(kind, column(kind, "numeric", "TEXT"), decimals.compactMap { Decimal(string: $0) })
    }

    @Test(arguments: DatabaseKind.allCases) func textAndBytes(_ kind: DatabaseKind) async throws {
        let texts = ["", "é", "e\u{301}", "𝄞'\"\\$1?", "\r\n\t", String(repeating: "x", count: 100_000)]
        try await roundTrip(kind, column(kind, "text", "TEXT"), texts)
        let bytes: [[UInt8]] = [[], [0], Array(0...255), Array(repeating: 92, count: 70_000)]
        try await roundTrip(kind, column(kind, "bytea", "BLOB"), bytes)
        try await roundTrip(kind, column(kind, "bytea", "BLOB"), bytes.map { Data($0) })
    }

    @Test(arguments: DatabaseKind.allCases) func uuids(_ kind: DatabaseKind) async throws {
        try await roundTrip(kind, column(kind, "uuid", "TEXT"), [UUID(), UUID()])
    }

    @Test(arguments: DatabaseKind.allCases, ["timestamptz", "timestamp"])
    func datesAreKeptToTheMicrosecond(_ kind: DatabaseKind, _ type: String) async throws {
        let seconds = [
            0, 0.000001, -0.5, 1_709_164_799.999999, 1_709_164_800, 951_782_400, -62_135_596_800, 253_402_300_799,
        ]
        try await roundTrip(kind, column(kind, type, "TEXT"), seconds.map(Date.init(timeIntervalSince1970:)))
        try await roundTrip(
            kind,
            column(kind, type, "TEXT"),
            (0..<200).map { _ in
                // Two hundred years around 2001 a double has room for each microsecond.
                Date(
                    timeIntervalSinceReferenceDate: Double(
                        Int.random(in: -6_000_000_000_000_000...6_000_000_000_000_000)
                    ) / 1e6
                )
            }
        )
        // Farther away it has none for all of them.
        for range in [-6.3e10 ... -1.8e10, 1.8e10...2.5e11] {
            try await roundTrip(
                kind,
                column(kind, type, "TEXT"),
                (0..<200).map { _ in
                    Date(timeIntervalSinceReferenceDate: Double.random(in: range))
                }
            )
        }
    }

    @Test(arguments: DatabaseKind.allCases) func datesAreReadInAnyZone(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            let texts = [
                "2026-03-01 12:30:00+02", "2026-03-01T10:30:00Z", "2026-03-01 05:00:00-05:30", "2026-03-01 10:30",
                "2026-03-01 10:30:00.0000004",
            ]
            for text in texts {
                let date = try await database.first("SELECT \(text) AS date", as: Date.self)
                #expect(date == Date(timeIntervalSince1970: 1_772_361_000), "\(text)")
            }
            for text in [
                "", "today", "2026-13-01", "2026-03-01 25:00", "2026-03-01 10:30 x", "infinity", "2026-03-01 10:30+2",
            ] {
                #expect(
                    await sqlCode { _ = try await database.first("SELECT \(text) AS date", as: Date.self) }
                        == .decodingFailed
                )
            }
        }
    }

    private enum Level: String, Codable { case low, high }
    private enum Rank: Int, Codable { case first = 1, second }

    private struct Tag<Value: Codable & Sendable & Equatable>: Codable, Equatable, Sendable {
        let value: Value

        init(_ value: Value) { self.value = value }
        init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Value.self) }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }

    private struct Size: Codable, Equatable, Sendable {
        var width = 1
        var names: [String: [Double]] = ["é": [0.5]]
    }

    @Test(arguments: DatabaseKind.allCases) func typesOfASingleValueAndOthers(_ kind: DatabaseKind) async throws {
        let text = column(kind, "text", "TEXT")
        try await roundTrip(kind, text, [Level.low, .high])
        try await roundTrip(kind, column(kind, "int", "INTEGER"), [Rank.first, .second])
        try await roundTrip(kind, column(kind, "uuid", "TEXT"), [Tag(UUID())])
        try await roundTrip(kind, column(kind, "timestamptz", "TEXT"), [Tag(Date(timeIntervalSince1970: 1.25))])
        try await roundTrip(kind, text, [Optional("a"), nil])
        try await roundTrip(
            kind,
            column(kind, "jsonb", "TEXT"),
            [Size(), Size(width: -1, names: [:])],
            hasMembers: true
        )
        try await roundTrip(kind, column(kind, "jsonb", "TEXT"), [["a", "b"], []])
        try await roundTrip(kind, column(kind, "jsonb", "TEXT"), [["a": 1]], hasMembers: true)
    }

    private struct User: Codable, Equatable, Sendable {
        var id: Int
        var userName: String
        var email: String?
        var size: Size
        var born: Date
        var level: Level
    }

    @Test(arguments: DatabaseKind.allCases) func rowsAreValues(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            try await database.execute(
                """
                CREATE TABLE users (id INT, "userName" TEXT, email TEXT, size \(column(kind, "jsonb", "TEXT")), born
                \(column(kind, "timestamptz", "TEXT")), level TEXT)
                """
            )
            let user = User(id: 1, userName: "ada", size: Size(), born: Date(timeIntervalSince1970: 5), level: .high)
            try await database.execute("INSERT INTO users \(row: user)")
            #expect(try await database.rows("SELECT * FROM users", as: User.self) == [user])
            let renamed: SQL = #"SELECT id, "userName" AS user_name, email, size, born, level FROM users"#
            #expect(try await database.first(renamed, as: User.self) == user)
            #expect(try await database.first("SELECT * FROM users WHERE id = 2", as: User.self) == nil)
            let row = try #require(try await database.first("SELECT id, email FROM users", as: SQLRow.self))
            #expect(row.columns == ["id", "email"])
            #expect(row["id"] == .integer(1))
            #expect(row["email"] == .null)
            #expect(row["name"] == nil)
            let dictionary = try await database.first(
                #"SELECT "userName" AS a, level AS b FROM users"#,
                as: [String: String].self
            )
            #expect(dictionary == ["a": "ada", "b": "high"])
        }
    }

    private func failure<Row: Decodable & Sendable>(
        _ database: any Database,
        _ query: SQL,
        as type: Row.Type
    ) async -> String {
        do {
            _ = try await database.rows(query, as: type)
            return "none"
        } catch {
            #expect((error as? SQLError)?.code == .decodingFailed)
            return "\(error)"
        }
    }

    @Test(arguments: DatabaseKind.allCases) func whatDoesNotFitIsAnErrorThatNamesTheColumnAndNoValue(
        _ kind: DatabaseKind
    ) async throws {
        struct Pair: Decodable { var a: Int }
        try await withDatabase(kind) { (database) async throws in
            let text = await failure(database, "SELECT 'secret' AS a", as: Pair.self)
            #expect(text.contains("'a'") && !text.hasPrefix("decoding-failed: the column 'a' is secret"))
            #expect(await failure(database, "SELECT 300 AS a", as: Int8.self).contains("Int8"))
            #expect(await failure(database, "SELECT NULL AS a", as: Int.self).contains("null"))
            #expect(await failure(database, "SELECT 1 AS b", as: Pair.self).contains("it has b"))
            #expect(await failure(database, "SELECT 1 AS a, 2 AS a", as: Pair.self).contains("several columns 'a'"))
            #expect(await failure(database, "SELECT 1 AS a, 2 AS b", as: Int.self).contains("2 columns"))
            #expect(await failure(database, "SELECT 'x' AS a", as: [Int].self).contains("no JSON"))
        }
    }

    /// Unicode has two ways to write an é, and to Swift they are one text.
    @Test(arguments: DatabaseKind.allCases) func columnsThatLookTheSameAreTwo(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            let names = ["caf\u{E9}", "cafe\u{301}"]
            let few: SQL = "SELECT 1 AS \(identifier: names[0]), 2 AS \(identifier: names[1])"
            for query: SQL in [few, "\(few), 3 AS c, 4 AS d, 5 AS e, 6 AS f, 7 AS g, 8 AS h, 9 AS i"] {
                let row = try #require(try await database.first(query, as: SQLRow.self))
                #expect(names.map { row[$0] } == [.integer(1), .integer(2)])
            }
        }
    }
}
