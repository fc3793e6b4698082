import IntegrationSupport
import Martlet
import MartletAMQP
import MartletPostgreSQL
import MartletSQL
import MartletTesting
import Testing

/// A shop: orders take from the stock and cause shipments, and each does so once.
@Suite(.timeLimit(.minutes(10)))
struct ExactlyOnceTests {
    struct Order: Codable, Sendable, Equatable {
        var number: Int
        var amount: Int
    }

    struct Shipment: Codable, Sendable {
        var number: Int
    }

    static let orders = Queue<Order>("orders")
    static let shipments = Queue<Shipment>("shipments")

    private func prepare(_ database: any Database) async throws {
        try await database.prepareOutbox()
        try await database.execute("CREATE TABLE stock (number INT NOT NULL)")
        try await database.execute("INSERT INTO stock VALUES (1000000)")
        try await database.execute("CREATE TABLE taken (number INT NOT NULL)")
    }

    private func shop(_ database: any Database, failing: @escaping @Sendable (Order) async throws -> Void = { _ in })
        -> [any Component]
    {
        [
            sale(database, failing: failing), taking(database),
            Outbox(database, options: .init(interval: .milliseconds(20))),
        ]
    }

    private func sale(
        _ database: any Database,
        failing: @escaping @Sendable (Order) async throws -> Void = { _ in }
    ) -> Consume {
        Consume(
            from: Self.orders,
            in: database,
            deduplicating: .by(\.number),
            onHandlerError: .requeue(deliveries: 1_000)
        ) { order, db in
            try await db.execute("UPDATE stock SET number = number - \(order.amount)")
            try await db.send(Shipment(number: order.number), to: Self.shipments)
            try await failing(order.value)
        }
    }

    private func taking(_ database: any Database) -> Consume {
        Consume(
            from: Self.shipments,
            in: database,
            deduplicating: .messageID,
            onHandlerError: .requeue(deliveries: 1_000)
        ) { shipment, db in
            try await db.execute("INSERT INTO taken VALUES (\(shipment.number))")
        }
    }

    private func check(_ database: any Database, _ count: Int) async throws {
        try await until { try await database.first("SELECT count(*) FROM taken", as: Int.self) ?? 0 >= count }
        try await until { try await database.first("SELECT count(*) FROM martlet_outbox", as: Int.self) == 0 }
        #expect(
            try await database.first("SELECT number FROM stock", as: Int.self) == 1_000_000 - (1...count).reduce(0, +)
        )
        #expect(try await database.first("SELECT count(DISTINCT number) FROM taken", as: Int.self) == count)
        #expect(try await database.first("SELECT count(*) FROM taken", as: Int.self) == count)
    }

    @Test(arguments: DatabaseKind.allCases) func everyOrderHasItsEffectsOnce(_ kind: DatabaseKind) async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        let peer = try await broker.connect(options: ConnectionOptions(name: "peer"))
        let failures = Locked(0)
        try await withDatabase(kind) { (database) async throws in
            try await prepare(database)
            let node = Node("shop", on: connection) {
                shop(database) { order in
                    // Each third fails the first time, after all of its effects.
                    let fails = failures.withLock { count in
                        count += 1
                        return count % 3 == 0
                    }
                    if fails { throw Fault() }
                }
            }
            try await running(node) { () async throws in
                for number in 1...200 {
                    for _ in 0..<(number % 4 == 0 ? 2 : 1) {
                        try await peer.send(Order(number: number, amount: number), to: Self.orders)
                    }
                }
                try await check(database, 200)
            }
        }
        for connection in [connection, peer] { await connection.close() }
    }

    @Test(arguments: DatabaseKind.shared) func everyOrderOverRabbitMQHasItsEffectsOnce(_ kind: DatabaseKind)
        async throws
    {
        try await RabbitMQServer.withServer { (server) async throws in
            let connection = try await AMQPConnection.connect(
                AMQPOptions(servers: [.init(host: "127.0.0.1", port: server.port)])
            )
            try await withDatabase(kind) { (database) async throws in
                try await prepare(database)
                try await running(Node("shop", on: connection) { shop(database) }) { () async throws in
                    for number in 1...300 {
                        try await connection.send(Order(number: number, amount: number), to: Self.orders)
                        if number % 50 == 0 {
                            try await connection.send(Order(number: number, amount: number), to: Self.orders)
                        }
                    }
                    try await check(database, 300)
                }
            }
            await connection.close()
        }
    }

    @Test func theDatabaseMayGoAwayMeanwhile() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        let peer = try await broker.connect(options: ConnectionOptions(name: "peer"))
        try await PostgreSQLServer.withServer { (server) async throws in
            let database = try PostgreSQL(server.url(), options: .init(timeout: .seconds(1)))
            try await prepare(database)
            try await running(
                Node("shop", on: connection) { shop(database).map { $0.onFailure(.restart()) as any Component } }
            ) { () async throws in
                for number in 1...200 {
                    try await peer.send(Order(number: number, amount: number), to: Self.orders)
                    if number % 60 == 0 {
                        try await Task.sleep(for: .milliseconds(100))
                        try await server.restartAfterCrash()
                    }
                }
                try await until { (try? await database.first("SELECT count(*) FROM taken", as: Int.self)) ?? 0 >= 200 }
                try await check(database, 200)
            }
            await database.close()
        }
        for connection in [connection, peer] { await connection.close() }
    }

    /// The link to the database is cut after each part of a transaction, what serves it is killed, and the server, too. What
    /// the shop sends is taken by an inbox elsewhere.
    @Test func aThousandOrdersHaveTheirEffectsOnceWhateverHappensToTheDatabase() async throws {
        let count = 1_000
        try await RabbitMQServer.withServer { (broker) async throws in
            try await PostgreSQLServer.withServer { (server) async throws in
                try await TCPProxy.withProxy(to: server.port) { (proxy) async throws in
                    let options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: broker.port)])
                    let connections = [
                        try await AMQPConnection.connect(options), try await AMQPConnection.connect(options),
                    ]
                    let direct = try PostgreSQL(server.url(), options: .init(sessions: 2))
                    try await prepare(direct)
                    let database = try PostgreSQL(
                        server.url(port: proxy.port),
                        options: .init(sessions: 4, timeout: .seconds(1))
                    )
                    let shop = Node("shop", on: connections[0]) {
                        sale(database).onFailure(.restart())
                        Outbox(database, options: .init(interval: .milliseconds(20), batch: 5)).onFailure(.restart())
                    }
                    try await withDatabase(.sqlite) { (elsewhere) async throws in
                        try await elsewhere.execute("CREATE TABLE taken (number INT NOT NULL)")
                        let warehouse = Node("warehouse", on: connections[1]) { taking(elsewhere) }
                        let taken: SQL = "SELECT count(*) FROM taken"
                        try await running(warehouse) {
                            try await running(shop) {
                                func send(_ numbers: ClosedRange<Int>) async throws {
                                    for number in numbers {
                                        for _ in 0..<(number % 10 == 0 ? 2 : 1) {
                                            try await connections[0].send(
                                                Order(number: number, amount: number),
                                                to: Self.orders
                                            )
                                        }
                                    }
                                }
                                var disturbances = Disturbances(server, proxy)
                                // Enough wait at any time to keep all sessions at work.
                                var (sent, done) = (100, 0)
                                try await send(1...sent)
                                while done < count {
                                    try await disturbances.next()
                                    if sent < count {
                                        try await send(sent + 1...sent + 10)
                                        sent += 10
                                    }
                                    // What is disturbed again before it gets on never gets on.
                                    let next = min(done + 5, count)
                                    try await until {
                                        done = try await elsewhere.first(taken, as: Int.self) ?? 0
                                        return done >= next
                                    }
                                }
                                #expect(disturbances.counts.count == 3)
                                proxy.cut(after: 1 << 40, .toServer)
                                proxy.cut(after: 1 << 40, .toClient)
                                let rest: SQL = "SELECT count(*) FROM martlet_outbox"
                                // What was killed last may not be back yet.
                                try await until { (try? await direct.first(rest, as: Int.self)) == 0 }
                            }
                        }
                        let numbers = try await elsewhere.rows("SELECT number FROM taken ORDER BY number", as: Int.self)
                        #expect(numbers == Array(1...count))
                    }
                    #expect(
                        try await direct.first("SELECT number FROM stock", as: Int.self)
                            == 1_000_000 - (1...count).reduce(0, +)
                    )
                    for database in [database, direct] { await database.close() }
                    for connection in connections { await connection.close() }
                }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func aMessageWithoutAnIDIsAnErrorUnlessItIsSaid(_ kind: DatabaseKind)
        async throws
    {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE done (n INT)")
            let node = Node("shop", on: connection) {
                Consume(from: Queue<Int>("strict"), in: database, deduplicating: .messageID, onHandlerError: .reject) {
                    n,
                    db in
                    _ = try await db.execute("INSERT INTO done VALUES (\(n.value))")
                }
                Consume(from: Queue<Int>("lax"), in: database, deduplicating: .none) { n, db in
                    _ = try await db.execute("INSERT INTO done VALUES (\(n.value))")
                }
            }
            try await running(node) { () async throws in
                try await connection.send(1, to: Queue<Int>("strict"))
                for _ in 0..<2 { try await connection.send(2, to: Queue<Int>("lax")) }
                try await until { try await database.first("SELECT count(*) FROM done", as: Int.self) == 2 }
                try await until { node.health.components.contains { $0.handlerErrors == 1 } }
                #expect(try await database.rows("SELECT n FROM done", as: Int.self) == [2, 2])
            }
        }
        await connection.close()
    }

    @Test(arguments: DatabaseKind.allCases) func aRequestThatComesAgainIsAnsweredByTheReplyOfTheFirst(
        _ kind: DatabaseKind
    ) async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        let next = RPC<Order, Int>("next")
        try await withDatabase(kind) { (database) async throws in
            try await database.execute("CREATE TABLE done (n INT)")
            let node = Node("shop", on: connection) {
                Respond(to: next, in: database, deduplicating: .by(\.number)) { order, db in
                    try await db.execute("INSERT INTO done VALUES (\(order.number))")
                    return try await db.first("SELECT count(*) FROM done", as: Int.self) ?? 0
                }
            }
            try await running(node) { () async throws in
                #expect(try await connection.call(next, Order(number: 7, amount: 1)) == 1)
                #expect(try await connection.call(next, Order(number: 8, amount: 1)) == 2)
                #expect(try await connection.call(next, Order(number: 7, amount: 1)) == 1)
                #expect(try await database.first("SELECT count(*) FROM done", as: Int.self) == 2)
            }
        }
        await connection.close()
    }

    @Test func theOutboxSendsInTheOrderOfTransactionsAndPassesNothingOver() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        let queue = Queue<Int>("out")
        try await withDatabase(.postgreSQL) { (database) async throws in
            try await database.prepareOutbox()
            let received = Locked([Int]())
            let node = Node("shop", on: connection) {
                Outbox(database, options: .init(interval: .milliseconds(10)))
                Consume(from: queue) { n in received.withLock { $0.append(n.value) } }
            }
            try await running(node) { () async throws in
                try await database.transaction { first in
                    try await first.send(1, to: queue)
                    // Another one that began later and is committed sooner.
                    try await database.transaction { second in try await second.send(3, to: queue) }
                    try await Task.sleep(for: .milliseconds(300))
                    #expect(received.withLock { $0 } == [])
                    try await first.send(2, to: queue)
                }
                try await until { received.withLock { $0.count } == 3 }
                #expect(received.withLock { $0 } == [1, 2, 3])
                await #expect(throws: Fault.self) {
                    try await database.transaction { db in
                        try await db.send(4, to: queue)
                        throw Fault()
                    }
                }
                try await database.transaction { db in try await db.send(5, to: queue) }
                try await until { received.withLock { $0.count } == 4 }
                #expect(received.withLock { $0 } == [1, 2, 3, 5])
            }
        }
        await connection.close()
    }

    /// What costs a handler its transaction each time, although the database is there.
    enum Loss: CaseIterable, Sendable, CustomTestStringConvertible {
        case link, time, memory, another

        var testDescription: String { "\(self)" }

        func happen(_ db: SQLTransaction) async throws {
            switch self {
            case .link: try await db.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            case .time:
                try await db.execute("SET LOCAL idle_in_transaction_session_timeout = 20")
                try await Task.sleep(for: .milliseconds(200))
            case .memory:
                try await db.execute("DO $$ BEGIN RAISE 'out of memory' USING ERRCODE = '53200'; END $$")
            case .another: throw SQLError(.notConnected, "another database is away")
            }
        }
    }

    @Test(arguments: Loss.allCases) func aMessageThatCostsTheLinkToTheDatabaseDies(_ loss: Loss) async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        let (jobs, dead) = (Queue<Int>("jobs"), Queue<Int>("dead"))
        try broker.declareQueue(jobs.name, options: QueueOptions(deadLetters: dead.name))
        try await withDatabase(.postgreSQL) { (database) async throws in
            let done = Locked([Int]())
            let node = Node("shop", on: connection) {
                Consume(
                    from: jobs,
                    in: database,
                    deduplicating: .by(\.self),
                    onHandlerError: .requeue(deliveries: 2)
                ) { job, db in
                    if job.value == 1 { try await loss.happen(db) }
                    done.withLock { $0.append(job.value) }
                }
                Consume(from: dead) { job in done.withLock { $0.append(-job.value) } }
            }
            try await running(node) { () async throws in
                for number in 1...2 { try await connection.send(number, to: jobs) }
                try await until { done.withLock { $0.contains(-1) && $0.contains(2) } }
                #expect(node.health["Consume jobs"]?.handlerErrors == 2)
            }
        }
        await connection.close()
    }
}
