import Martlet
import MartletSQL
import Testing

@Suite(.timeLimit(.minutes(10)))
struct StatementTests {
    private func check(_ sql: SQL, _ text: String, _ values: [SQLValue] = []) throws {
        let statement = try sql.statement()
        #expect(statement.text == text)
        #expect(statement.values == values)
    }

    @Test func valuesAreBoundAndNeverPasted() throws {
        let name = "Robert'); DROP TABLE students; --"
        try check("SELECT 1", "SELECT 1")
        try check("WHERE name = \(name) AND age > \(7)", "WHERE name = $1 AND age > $2", [.text(name), .integer(7)])
        try check(
            "VALUES (\(nil as Int?), \(true), \(0.5))",
            "VALUES ($1, $2, $3)",
            [.null, .bool(true), .double(0.5)]
        )
    }

    @Test func identifiersAreQuoted() throws {
        try check("SELECT \(identifier: "name")", #"SELECT "name""#)
        try check("SELECT \(identifier: #"a"; DROP TABLE b; --"#)", #"SELECT "a""; DROP TABLE b; --""#)
        for name in ["", "a\u{0}b"] {
            #expect(throws: SQLError.self) { try SQL("SELECT \(identifier: name)").statement() }
        }
    }

    @Test func listsAndRowsAreParameters() throws {
        struct User: Encodable {
            var id: Int
            var userName: String
            var nick: String?
        }
        try check("IN (\(list: [1, 2]))", "IN ($1, $2)", [.integer(1), .integer(2)])
        #expect(throws: SQLError.self) { try SQL("IN (\(list: [Int]()))").statement() }
        try check(
            "INSERT INTO users \(row: User(id: 1, userName: "x"))",
            #"INSERT INTO users ("id", "userName", "nick") VALUES ($1, $2, $3)"#,
            [.integer(1), .text("x"), .null]
        )
        #expect(throws: SQLError.self) { try SQL("INSERT INTO users \(row: 5)").statement() }
    }

    @Test func statementsArePutTogether() throws {
        let condition: SQL = "a = \(1)"
        try check(
            "SELECT \(2) WHERE \(condition) AND b = \(3)",
            "SELECT $1 WHERE a = $2 AND b = $3",
            [2, 1, 3].map(SQLValue.integer)
        )
        try check("\(SQL(verbatim: "SELECT 1"))", "SELECT 1")
    }

    @Test func neitherDescriptionNorErrorHoldsAValue() throws {
        let secret: Secret = "hunter2"
        let statement: SQL = "UPDATE users SET password = \(secret) WHERE name = \("hunter2")"
        #expect(try statement.statement().values == [.text("hunter2"), .text("hunter2")])
        #expect(statement.description == "UPDATE users SET password = $1 WHERE name = $2")
        var dumped = ""
        dump(statement, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    @Test func whatNoDatabaseKeepsIsAnErrorWhenItRuns() throws {
        #expect(throws: SQLError.self) { try SQL("\(UInt64.max)").statement() }
        struct Failing: Encodable {
            func encode(to encoder: any Encoder) throws { throw Fault() }
        }
        #expect(throws: SQLError.self) { try SQL("\(Failing())").statement() }
    }
}
