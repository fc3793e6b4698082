import IntegrationSupport
import Martlet
import MartletPostgreSQL
import MartletSQL
import MartletTesting
import Testing

/// When an outbox looks for messages, and what it tells of those that wait.
@Suite(.timeLimit(.minutes(10)))
struct OutboxTests {
    private static let queue = Queue<Int>("out")

    /// A node with an outbox and a consumer of what it sends.
    private func withOutbox(
        _ database: any Database,
        _ options: Outbox.Options,
        _ body: (Node, Locked<[Int]>) async throws -> Void
    ) async throws {
        let connection = try await MemoryBroker().connect(options: ConnectionOptions(name: "shop"))
        let received = Locked([Int]())
        let node = Node("shop", on: connection) {
            Outbox(database, options: options)
            Consume(from: Self.queue) { n in received.withLock { $0.append(n.value) } }
        }
        try await running(node) { try await body(node, received) }
        await connection.close()
    }

    private func send(_ number: Int, _ database: any Database) async throws {
        try await database.transaction { db in try await db.send(number, to: Self.queue) }
    }

    /// Unless it is told it looks once an hour. Transactions of other tests may hold a message back for a moment.
    private let rarely = Outbox.Options(interval: .milliseconds(20), idleInterval: .seconds(3_600))

    @Test func aCommitIsHeardOfAtOnce() async throws {
        try await withDatabase(.postgreSQL, sessions: 1) { (database) async throws in
            try await database.prepareOutbox()
            try await withOutbox(database, rarely) { _, received in
                for number in 1...20 {
                    try await send(number, database)
                    try await until { received.withLock { $0.last } == number }
                }
                #expect(received.withLock { $0 } == Array(1...20))
            }
        }
    }

    @Test func whatWasCommittedBeforeItListenedIsSent() async throws {
        try await withDatabase(.postgreSQL) { (database) async throws in
            try await database.prepareOutbox()
            try await send(1, database)
            try await withOutbox(database, rarely) { _, received in
                try await until { received.withLock { $0 } == [1] }
            }
        }
    }

    @Test func aLostListenerIsReplaced() async throws {
        try await withDatabase(.postgreSQL) { (database) async throws in
            try await database.prepareOutbox()
            // After an error it looks at once, and again whenever it is told.
            let options = Outbox.Options(interval: .milliseconds(20), idleInterval: .milliseconds(200))
            try await withOutbox(database, options) { _, received in
                for number in 1...5 {
                    try await send(number, database)
                    try await until { received.withLock { $0.last } == number }
                    let listeners: SQL = """
                        SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'
                        """
                    try await until { try await database.rows(listeners, as: Int.self).count == 1 }
                    let gone = try await database.rows(listeners, as: Int.self)
                    for listener in gone {
                        _ = try await database.rows("SELECT pg_terminate_backend(\(listener)::int)", as: Bool.self)
                    }
                    try await until { try await database.rows(listeners, as: Int.self) != gone }
                }
                #expect(received.withLock { $0 } == Array(1...5))
            }
        }
    }

    @Test func healthTellsWhichTransactionHoldsMessagesBack() async throws {
        try await withDatabase(.postgreSQL) { (database) async throws in
            try await database.prepareOutbox()
            try await withOutbox(database, rarely) { node, received in
                try await database.transaction { db in
                    // It writes, and takes its time.
                    try await db.execute("CREATE TABLE t (n INT)")
                    let process = try await db.first("SELECT pg_backend_pid()", as: Int.self) ?? 0
                    for number in 1...3 { try await send(number, database) }
                    // At first another test's may be the oldest one.
                    let holder = "3 waiting for a transaction of martlet (process \(process)), open for "
                    try await until { node.health["Outbox"]?.note?.hasPrefix(holder) == true }
                    #expect(received.withLock { $0 } == [])
                }
                // Nothing tells that it has ended.
                try await until { received.withLock { $0 } == [1, 2, 3] }
                try await until { node.health["Outbox"]?.note == nil }
            }
        }
    }

    @Test(arguments: DatabaseKind.allCases) func healthTellsOfMessagesThatCantBeSent(_ kind: DatabaseKind) async throws
    {
        try await withDatabase(kind) { (database) async throws in
            try await database.prepareOutbox()
            try await withOutbox(database, .init(interval: .milliseconds(20))) { node, received in
                try await database.transaction { db in
                    let nothing: [UInt8] = [1, 2, 3]
                    try await db.execute(
                        "INSERT INTO martlet_outbox (kind, name, message) VALUES ('queue', 'out', \(nothing))"
                    )
                    try await db.send(2, to: Self.queue)
                }
                try await until { received.withLock { $0 } == [2] }
                try await until {
                    node.health["Outbox"]?.note == "1 impossible to send, kept with the reason"
                }
            }
        }
    }

    @Test func twoOutboxesOfADatabaseSendEachMessageOnce() async throws {
        let url = try await newPostgreSQLDatabase()
        let databases = try (0..<2).map { _ in try PostgreSQL(url) }
        try await databases[0].prepareOutbox()
        try await withOutbox(databases[0], .init()) { first, received in
            try await withOutbox(databases[1], .init()) { second, others in
                for number in 1...50 { try await send(number, databases[number % 2]) }
                try await until { received.withLock { $0.count } + others.withLock { $0.count } == 50 }
                #expect((received.withLock { $0 } + others.withLock { $0 }).sorted() == Array(1...50))
                #expect([first, second].allSatisfy { $0.health["Outbox"]?.handlerErrors == 0 })
            }
        }
        for database in databases { await database.close() }
    }

    /// Whoever takes a message may stop the node before the outbox knows that it was taken.
    @Test(arguments: DatabaseKind.allCases) func anOrderlyStopLeavesNothingThatWasSent(_ kind: DatabaseKind)
        async throws
    {
        let connection = try await MemoryBroker().connect(options: ConnectionOptions(name: "shop"))
        try await withDatabase(kind) { (database) async throws in
            try await database.prepareOutbox()
            for number in 1...20 {
                try await send(number, database)
                let node = Node("shop", on: connection) { Outbox(database) }
                try await node.whileRunning { () async throws in
                    for try await value in try await connection.consume(from: Self.queue).prefix(1) {
                        #expect(value.value == number)
                        try value.ack()
                    }
                }
                #expect(try await database.first("SELECT count(*) FROM martlet_outbox", as: Int.self) == 0)
            }
        }
        await connection.close()
    }

    @Test func aDatabaseIsClosedAtOnceWhileAnOutboxListens() async throws {
        let database = try PostgreSQL(try await newPostgreSQLDatabase())
        try await database.prepareOutbox()
        try await withOutbox(database, rarely) { node, received in
            try await send(1, database)
            try await until { received.withLock { $0 } == [1] }
            let start = ContinuousClock.now
            await database.close()
            #expect(ContinuousClock.now - start < .seconds(30))
            try await until { node.health["Outbox"]?.lastError?.contains("closed") == true }
        }
    }

    /// Where they can't be deleted those that were sent are remembered, each by itself.
    @Test(arguments: DatabaseKind.allCases) func messagesOfOneIDAreAllSentAndOnce(_ kind: DatabaseKind) async throws {
        let connection = try await MemoryBroker().connect(options: ConnectionOptions(name: "shop"))
        try await withDatabase(kind) { (database) async throws in
            try await database.prepareOutbox()
            if kind.isPostgreSQL {
                try await database.execute(
                    """
                    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$
                    """
                )
                try await database.execute(
                    "CREATE TRIGGER refuse BEFORE DELETE ON martlet_outbox FOR EACH ROW EXECUTE FUNCTION refuse()"
                )
            } else {
                try await database.execute(
                    """
                    CREATE TRIGGER refuse BEFORE DELETE ON martlet_outbox BEGIN SELECT RAISE(ABORT, 'no room'); END
                    """
                )
            }
            let queues = [Queue<Int>("first"), Queue<Int>("second")]
            let received = Locked([Int]())
            let node = Node("shop", on: connection) {
                Outbox(database, options: .init(interval: .milliseconds(20), idleInterval: .milliseconds(20)))
                for queue in queues { Consume(from: queue) { n in received.withLock { $0.append(n.value) } } }
            }
            var headers = Headers()
            headers.messageID = "order-42"
            try await running(node) { [headers] () async throws in
                for (number, queue) in queues.enumerated() {
                    try await database.transaction { db in try await db.send(number, to: queue, headers: headers) }
                    try await until { received.withLock { $0.count } == number + 1 }
                    let errors = node.health["Outbox"]?.handlerErrors ?? 0
                    try await until { node.health["Outbox"]?.handlerErrors ?? 0 > errors + 2 }
                }
                try await database.execute(
                    kind.isPostgreSQL ? "DROP TRIGGER refuse ON martlet_outbox" : "DROP TRIGGER refuse"
                )
                try await until {
                    try await database.first("SELECT count(*) FROM martlet_outbox", as: Int.self) == 0
                }
                #expect(received.withLock { $0 } == [0, 1])
            }
        }
        await connection.close()
    }

    @Test func outboxesOfTwoSchemasDoNotWaitForEachOther() async throws {
        let url = try await newPostgreSQLDatabase()
        let databases = try ["a", "b"].map { try PostgreSQL("\(url)?options=-c%20search_path%3D\($0)") }
        for schema in ["a", "b"] { try await databases[0].execute("CREATE SCHEMA \(identifier: schema)") }
        for database in databases { try await database.prepareOutbox() }
        try await send(1, databases[0])
        let options = Outbox.Options(interval: .milliseconds(20))
        try await databases[0].transaction { db in
            // It is sent, and can't be deleted meanwhile.
            try await db.execute("LOCK TABLE martlet_outbox IN SHARE MODE")
            try await withOutbox(databases[0], options) { _, received in
                try await until { received.withLock { $0 } == [1] }
                try await withOutbox(databases[1], options) { _, others in
                    try await send(2, databases[1])
                    try await until { others.withLock { $0 } == [2] }
                }
            }
        }
        for database in databases { await database.close() }
    }

    /// A backup holds the numbers of transactions as they were at its server. A younger server has not counted so far.
    @Test func whatWasReadFromABackupIsSentFirst() async throws {
        try await withDatabase(.postgreSQL) { (database) async throws in
            try await database.prepareOutbox()
            for number in 1...3 { try await send(number, database) }
            try await database.execute(
                "UPDATE martlet_outbox SET xid = (xid::text::bigint + 1000000000)::text::xid8"
            )
            for number in 4...6 { try await send(number, database) }
            try await withOutbox(database, .init(interval: .milliseconds(20), batch: 2)) { _, received in
                try await until { received.withLock { $0.count } == 6 }
                #expect(received.withLock { $0 } == Array(1...6))
            }
        }
    }
}
