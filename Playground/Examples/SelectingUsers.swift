import Martlet
import MartletSQL

/// A database: a handler is lent a session for each message. This is farine's example, a consumer that selects a user.
struct SelectingUsers: Example {
    let name = "sql"
    let summary = "a database at a handler's hand: a consumer that selects a user"

    struct User: Codable, Sendable {
        var id: Int
        var name: String
    }

    let selections = Queue<Int>("users.select")
    let find = RPC<String, [User]>("users.find")

    func run(on broker: Broker) async throws {
        let database = try broker.openDatabase()
        // Each migration is made once; the database keeps which ones were.
        try await database.migrate {
            Migration("playground users") {
                "CREATE TABLE playground_users (id INT PRIMARY KEY, name TEXT NOT NULL)"
                "INSERT INTO playground_users (id, name) VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Robert''); DROP TABLE')"
            }
        }

        let (selected, select) = AsyncStream.makeStream(of: User?.self, bufferingPolicy: .bufferingOldest(10))
        let service = Node("users", on: try await broker.connect(name: "users")) {
            Consume(from: selections, in: database) { id, db in
                // The number is bound to the statement, and a row is a value.
                let query: SQL = "SELECT id, name FROM playground_users WHERE id = \(id.value)"
                select.yield(try await db.first(query, as: User.self))
            }
            Respond(to: find, in: database) { name, db in
                try await db.rows("SELECT id, name FROM playground_users WHERE name LIKE \(name) ORDER BY id")
            }
        }
        let client = try await broker.connect(name: "client")
        try await service.whileRunning {
            for id in 1...4 { try await client.send(id, to: selections) }
            for await user in selected.prefix(4) {
                print(user.map { "user \($0.id) is \($0.name)" } ?? "there is none")
            }
            let users = try await client.call(find, "%r%")
            print("with an r: \(users.map(\.name).joined(separator: ", "))")
        }
    }
}
