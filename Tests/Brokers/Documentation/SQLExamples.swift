import IntegrationSupport
import Martlet
import MartletAMQP
import MartletPostgreSQL
import MartletRelay
import MartletSQL
import MartletSQLite
import Testing

/// The programs of the documentation of databases.
@Suite(.timeLimit(.minutes(10))) struct SQLExamples {
    struct User: Codable, Sendable {
        var id: Int
        var name: String
    }

    struct Order: Codable, Sendable {
        var name: String
        var amount: Int
    }

    private static let find = RPC<Int, User?>("users.find")
    private static let saves = Queue<User>("users.save")

    /// As the article has them.
    private enum Service {
        static func serve(on broker: any Connection, with database: any Database) async throws {
            let find = RPC<Int, User?>("users.find")
            let saves = Queue<User>("users.save")

            func serve(on broker: any Connection, with database: any Database) async throws {
                try await Node("users", on: broker) {
                    Respond(to: find, in: database) { id, db in
                        try await db.first("SELECT id, name FROM users WHERE id = \(id)")
                    }
                    Consume(from: saves, in: database) { user, db in
                        try await db.execute("INSERT INTO users \(row: user.value)")
                    }
                }
                .run()
            }
            try await serve(on: broker, with: database)
        }
    }

    @Test func service() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "users"))
        let peer = try await broker.connect(options: ConnectionOptions(name: "peer"))
        let database = try SQLite(":memory:")
        try await database.migrate {
            Migration("users") { "CREATE TABLE users (id INT PRIMARY KEY, name TEXT NOT NULL)" }
            Migration("users by name") { "CREATE INDEX users_name ON users (name)" }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await Service.serve(on: connection, with: database) }
            try await peer.send(User(id: 1, name: "Ada"), to: Self.saves)
            var found: User?
            try await until {
                found = try? await peer.call(Self.find, 1)
                return found != nil
            }
            #expect(found?.name == "Ada")
            group.cancelAll()
        }
        for connection in [peer, connection] { await connection.close() }
        await database.close()
    }

    struct UserKey: Codable, Sendable { var id: Int }

    /// Compiled, and not run: there is no such server.
    private func lend(_ database: any Database, on broker: AMQPConnection) async throws {
        let save = database.lending { (user: User, db) in
            _ = try await db.execute("INSERT INTO users \(row: user)")
        }
        let get = database.lending { (key: UserKey, db) in
            try await db.first("SELECT id, name FROM users WHERE id = \(key.id)", as: User.self)
        }
        try await Node("users", on: broker) {
            ConsumeExchange("users", key: "users.save", on: broker, handler: save)
            FollowEvents("https://example.com/users", handler: save)
            ServeMethods(of: "users", on: broker, style: .farine) { Method("get", handler: get) }
        }
        .run()
    }

    @Test func aShop() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        let database = try SQLite(":memory:")
        try await database.prepareOutbox()
        try await database.execute("CREATE TABLE stock (name TEXT, number INT)")
        try await database.execute("INSERT INTO stock VALUES ('tea', 5)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await Node("shop", on: connection) { ShopExample().shop(database) }.run() }
            for _ in 0..<2 {
                try await connection.send(
                    ShopExample.Order(number: 1, name: "tea", amount: 2),
                    to: ShopExample().orders
                )
            }
            for try await shipment in try await connection.consume(from: ShopExample().shipments) {
                #expect(shipment.number == 1)
                break
            }
            group.cancelAll()
        }
        #expect(try await database.first("SELECT number FROM stock", as: Int.self) == 3)
        await connection.close()
        await database.close()
    }

    @Test func statementsAndTransactions() async throws {
        let database = try SQLite(":memory:")
        try await database.execute("CREATE TABLE users (id INT, name TEXT)")
        try await database.execute("CREATE TABLE goods (name TEXT, price REAL)")
        try await database.execute("CREATE TABLE stock (name TEXT, number INT)")
        try await database.execute("CREATE TABLE orders (name TEXT, amount INT)")
        try await database.execute("INSERT INTO goods VALUES ('tea', 3), ('ham', 9), ('ale', 4)")
        try await database.execute("INSERT INTO stock VALUES ('tea', 5)")
        let (limit, key, order) = (5.0, "name", Order(name: "tea", amount: 2))
        try await database.withSession { (db) async throws in
            let cheap: SQL = "price < \(limit)"
            let all: [String] = try await db.rows("SELECT name FROM goods WHERE \(cheap) ORDER BY \(identifier: key)")
            #expect(all == ["ale", "tea"])
            try await db.withRows("SELECT id, name FROM users", as: User.self) { users in
                for try await user in users { print(user.name) }
            }
        }
        try await database.transaction { db in
            try await db.execute("UPDATE stock SET number = number - \(order.amount) WHERE name = \(order.name)")
            try await db.execute("INSERT INTO orders \(row: order)")
        }
        #expect(try await database.first("SELECT number FROM stock", as: Int.self) == 3)
        await database.close()
    }

    /// Compiled, and not run: they write where the program runs, and reach a server that is not there.
    private func databases(_ sensor: String, _ celsius: Double) async throws {
        do {
            let database = try SQLite("greenhouse.db")
            try await database.migrate {
                Migration("readings") { "CREATE TABLE readings (sensor TEXT NOT NULL, celsius REAL NOT NULL)" }
            }
            try await database.execute("INSERT INTO readings (sensor, celsius) VALUES (\(sensor), \(celsius))")
            let warmest = try await database.first("SELECT max(celsius) FROM readings", as: Double?.self)
            await database.close()
            print(warmest as Any)
        }
        let database = try PostgreSQL("postgres://shop@db.home/shop", options: .init(sessions: 20))
        let open = try await database.rows("SELECT id FROM orders WHERE shipped IS NULL", as: Int.self)
        print(open)
    }
}

/// The shop of the article on databases.
struct ShopExample: Sendable {
    struct Order: Codable, Sendable {
        var number: Int
        var name: String
        var amount: Int
    }

    struct Shipment: Codable, Sendable {
        var number: Int
    }

    let orders = Queue<Order>("orders")
    let shipments = Queue<Shipment>("shipments")

    func shop(_ database: any Database) -> [any Component] {
        [
            Consume(from: orders, in: database, deduplicating: .by(\.number)) { order, db in
                try await db.execute("UPDATE stock SET number = number - \(order.amount) WHERE name = \(order.name)")
                try await db.send(Shipment(number: order.number), to: shipments)
            },
            Outbox(database),
        ]
    }
}
