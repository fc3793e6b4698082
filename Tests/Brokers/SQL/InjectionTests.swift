import MartletSQL
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct InjectionTests {
    /// Pieces of what attackers write.
    private static let pieces = [
        "'", "''", "\"", "`", "\\", "\\'", ";", "--", "/*", "*/", "#", "\n", "\r", "\t", "%", "_", "$1", "$2", "?",
        "?1", ":a",
        "@a", "$$", "$tag$", "E'\\x27'", " OR 1=1", " UNION SELECT ", "DROP TABLE victims",
        "); DELETE FROM victims; --",
        "\u{2019}", "\u{FF07}", "\u{02BC}", "é", "𝄞", "\u{202E}", "\u{FEFF}", "\u{1}", "\u{7F}",
        "COPY victims TO PROGRAM 'x'",
        "NULL", "\\copy", "\u{0}", "{}", "[]", "true", "0x27", "%27", "&#39;", "pg_sleep(10)", "sqlite_master", "~",
        "a", " ",
    ]

    @Test(arguments: DatabaseKind.allCases) func tenThousandHostileTextsChangeNothingButTheValue(_ kind: DatabaseKind)
        async throws
    {
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE victims (id INT PRIMARY KEY, name TEXT NOT NULL)")
            try await database.execute("INSERT INTO victims VALUES (0, 'bystander')")
            try await database.transaction { db in
                for id in 1...10_000 {
                    let count = Int.random(in: 1...8)
                    var text = (0..<count).map { _ in Self.pieces.randomElement() ?? "" }.joined()
                    if kind.isPostgreSQL, text.utf8.contains(0) {
                        // It can't keep it, and cuts nothing off.
                        #expect(await sqlCode { try await db.execute("SELECT \(text)") } == .encodingFailed)
                        text = text.replacing("\u{0}", with: "0")
                    }
                    try await db.execute("INSERT INTO victims VALUES (\(id), \(text))")
                    let back = try await db.rows(
                        "SELECT name FROM victims WHERE id = \(id) AND name = \(text)",
                        as: String.self
                    )
                    guard back == [text], back.first?.utf8.elementsEqual(text.utf8) == true else {
                        Issue.record("\(text.debugDescription) came back as \(back.debugDescription)")
                        return
                    }
                }
            }
            #expect(try await database.rows("SELECT name FROM victims WHERE id = 0", as: String.self) == ["bystander"])
            #expect(try await database.first("SELECT count(*) AS c FROM victims", as: Int.self) == 10_001)
        }
    }

    @Test(arguments: DatabaseKind.allCases) func hostileNamesAreNames(_ kind: DatabaseKind) async throws {
        try await withDatabase(kind) { (database) async throws in
            for piece in Self.pieces where !piece.utf8.contains(0) && piece.utf8.count < 60 {
                let name = "t" + piece
                try await database.execute("CREATE TABLE \(identifier: name) (\(identifier: piece) INT)")
                try await database.execute("INSERT INTO \(identifier: name) (\(identifier: piece)) VALUES (1)")
                #expect(
                    try await database.rows("SELECT \(identifier: piece) AS n FROM \(identifier: name)", as: Int.self)
                        == [1]
                )
                try await database.execute("DROP TABLE \(identifier: name)")
            }
        }
    }
}
