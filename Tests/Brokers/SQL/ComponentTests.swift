import IntegrationSupport
import Martlet
import MartletAMQP
import MartletSQL
import MartletTesting
import Testing

/// Components whose handlers are lent a session.
@Suite(.timeLimit(.minutes(10)))
struct ComponentTests {
    private struct User: Codable, Sendable, Equatable {
        var id: Int
        var name: String
    }

    private struct Query: Codable, Sendable {
        var user: Int
    }

    /// Runs a node on an embedded broker beside a body.
    private func withNode(
        @ComponentBuilder _ components: () -> [any Component],
        _ body: (MemoryConnection) async throws -> Void
    ) async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "node"))
        let node = Node("shop", on: connection, components: components)
        let peer = try await broker.connect(options: ConnectionOptions(name: "peer"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await node.run() }
            try await until { node.state == .running && node.health.components.allSatisfy { $0.state == .running } }
            try await body(peer)
            group.cancelAll()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
        await peer.close()
        await connection.close()
    }

    @Test(arguments: DatabaseKind.allCases) func everyHandlerHasASession(_ kind: DatabaseKind) async throws {
        let find = RPC<Int, User?>("find")
        let all = StreamingRPC<Query, User>("all")
        let saves = Queue<User>("saves")
        let changes = Topic<User>("users.changed")
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE users (id INT PRIMARY KEY, name TEXT NOT NULL)")
            try await database.execute("CREATE TABLE ticks (n INT)")
            try await withNode {
                Consume(from: saves, in: database) { user, db in
                    try await db.execute("INSERT INTO users \(row: user.value)")
                }
                Respond(to: find, in: database) { id, db in
                    try await db.first("SELECT id, name FROM users WHERE id = \(id)")
                }
                Respond(to: all, in: database) { query, writer, db in
                    try await db.withRows(
                        "SELECT id, name FROM users WHERE id >= \(query.user) ORDER BY id",
                        as: User.self
                    ) { users in
                        for try await user in users { try await writer.write(user) }
                    }
                }
                Subscribe(to: changes, in: database) { user, db in
                    try await db.transaction { db in
                        _ = try await db.execute("UPDATE users SET name = \(user.name) WHERE id = \(user.id)")
                    }
                }
                Every(.milliseconds(10), in: database) { db in _ = try await db.execute("INSERT INTO ticks VALUES (1)")
                }
            } _: { peer in
                for id in 1...3 { try await peer.send(User(id: id, name: "user \(id)"), to: saves) }
                try await until { try await database.first("SELECT count(*) AS c FROM users", as: Int.self) == 3 }
                #expect(try await peer.call(find, 2) == User(id: 2, name: "user 2"))
                #expect(try await peer.call(find, 9) == nil)
                var names: [String] = []
                for try await user in try await peer.stream(all, Query(user: 2)) { names.append(user.name) }
                #expect(names == ["user 2", "user 3"])
                try await peer.publish(User(id: 1, name: "Ada"), to: changes)
                try await until { try await peer.call(find, 1)?.name == "Ada" }
                try await until { try await database.first("SELECT count(*) AS c FROM ticks", as: Int.self) ?? 0 > 2 }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aHandlerThatThrowsGivesItsSessionBack(_ kind: DatabaseKind)
        async throws
    {
        let jobs = Queue<Int>("jobs")
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            try await database.execute("CREATE TABLE done (n INT)")
            let failures = Locked(0)
            try await withNode {
                Consume(from: jobs, in: database, onHandlerError: .requeue(deliveries: 3)) { job, db in
                    if job.value % 2 == 0 {
                        failures.withLock { $0 += 1 }
                        throw Fault()
                    }
                    try await db.execute("INSERT INTO done VALUES (\(job.value))")
                }
            } _: { peer in
                for job in 0..<20 { try await peer.send(job, to: jobs) }
                try await until { try await database.first("SELECT count(*) AS c FROM done", as: Int.self) == 10 }
                try await until { failures.withLock { $0 } == 30 }
            }
        }
    }

    /// Of products that know no databases. There is one session, which each of them gives back.
    @Test(arguments: DatabaseKind.allCases) func handlersOfAnyKindAreLentASession(_ kind: DatabaseKind) async throws {
        let url = "amqp://guest:guest@127.0.0.1:\(try await RabbitMQServer.shared().port)"
        let link = try await AMQPConnection.connect(to: url)
        let name = "users.\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        try await withDatabase(kind, sessions: 1) { (database) async throws in
            try await database.execute("CREATE TABLE users (id INT PRIMARY KEY, name TEXT NOT NULL)")
            let save = database.lending { (user: User, db) in
                try await db.execute("INSERT INTO users \(row: user)")
                if user.id == 2 { throw Fault() }
            }
            let saveNamed = database.lending { (user: User, delivery: AMQPDelivery, db) in
                let named = User(id: user.id, name: delivery.message.properties.correlationID ?? "")
                _ = try await db.execute("INSERT INTO users \(row: named)")
            }
            let find = database.lending { (query: Query, db) in
                try await db.first("SELECT id, name FROM users WHERE id = \(query.user)", as: User.self)
            }
            let all = database.lending {
                (_: NoArguments, send: @escaping @Sendable (User) async throws -> Void, db) in
                for user in try await db.rows("SELECT id, name FROM users ORDER BY id", as: User.self) {
                    try await send(user)
                }
            }
            let begin = database.lending { db in
                _ = try await db.execute("INSERT INTO users \(row: User(id: 0, name: "nobody"))")
            }
            let node = Node(name, on: link) {
                ConsumeExchange(name, key: "plain", queue: "\(name).plain", on: link, handler: save)
                ConsumeExchange(name, key: "named", queue: "\(name).named", on: link, handler: saveNamed)
                ServeMethods(of: name, on: link, style: .farine) {
                    Method("find", handler: find)
                    StreamMethod("all", handler: all)
                }
                Execute("begin", restart: .never, begin)
            }
            try await node.whileRunning {
                try await link.withChannel { channel in
                    for id in 1...3 {
                        let message = AMQPMessage(
                            "{\"id\": \(id), \"name\": \"user \(id)\"}",
                            properties: AMQPProperties(correlationID: "Ada")
                        )
                        try await channel.publish(message, to: name, routingKey: id == 3 ? "named" : "plain")
                    }
                }
                try await until { try await database.first("SELECT count(*) AS c FROM users", as: Int.self) == 4 }
                let client = MethodClient(of: name, on: link, style: .farine)
                #expect(try await client.call("find", Query(user: 1), returning: User?.self)?.name == "user 1")
                #expect(try await client.call("find", Query(user: 9), returning: User?.self) == nil)
                var names: [String] = []
                for try await user in try await client.stream("all", returning: User.self) { names.append(user.name) }
                #expect(names == ["nobody", "user 1", "user 2", "Ada"])
                await client.close()
            }
        }
        for queue in ["plain", "named"] { try await link.deleteQueue("\(name).\(queue)") }
        for queue in ["find", "all"] { try await link.deleteQueue("\(name)__\(queue)") }
        try await link.deleteExchange(name)
        await link.close()
    }
}
