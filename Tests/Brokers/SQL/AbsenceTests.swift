import IntegrationSupport
import Martlet
import MartletPostgreSQL
import MartletTesting
import Testing

@testable import MartletSQL

/// What becomes of deliveries while the database of their handlers is away.
@Suite(.timeLimit(.minutes(10)))
struct AbsenceTests {
    private let jobs = Queue<Int>("jobs")
    private let dead = Queue<Int>("dead")

    /// How a handler has its database.
    enum Use: CaseIterable, Sendable { case session, message, transaction }

    private func consumer(
        _ use: Use,
        _ database: any Database,
        _ policy: DeliveryErrorPolicy = .requeue(deliveries: 2),
        _ handler: @escaping @Sendable (Int, any SQLSession) async throws -> Void
    ) -> Consume {
        switch use {
        case .session:
            Consume(from: jobs, in: database, onHandlerError: policy) { job, db in try await handler(job.value, db) }
        case .message:
            Consume(from: jobs.name, in: database, onHandlerError: policy) { delivery, db in
                try await handler(Int(delivery.message.text ?? "") ?? 0, db)
            }
        case .transaction:
            Consume(from: jobs, in: database, deduplicating: .by(\.self), onHandlerError: policy) { job, db in
                try await handler(job.value, db)
            }
        }
    }

    /// A database behind a proxy, and a broker whose queue `jobs` leaves what dies in `dead`.
    private func withShop(_ body: (any Database, TCPProxy, MemoryConnection) async throws -> Void)
        async throws
    {
        let server = try await PostgreSQLServer.shared()
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        try broker.declareQueue(jobs.name, options: QueueOptions(deadLetters: dead.name))
        let name = try await newPostgreSQLDatabase().split(separator: "/").last.map(String.init) ?? ""
        try await TCPProxy.withProxy(to: server.port) { (proxy) async throws in
            let database = try PostgreSQL(server.url(name, port: proxy.port))
            try await body(database, proxy, connection)
            await database.close()
        }
        await connection.close()
    }

    @Test(arguments: Use.allCases) func aDeliveryIsNotWornOutWhileTheDatabaseIsAway(_ use: Use) async throws {
        try await withShop { (database, proxy, connection) async throws in
            let done = Locked([Int]())
            let node = Node("shop", on: connection) {
                consumer(use, database) { job, _ in done.withLock { $0.append(job) } }
                Consume(from: dead) { job in done.withLock { $0.append(-job.value) } }
            }
            try await running(node) { () async throws in
                try await connection.send(1, to: jobs)
                try await until { done.withLock { $0 } == [1] }
                try await proxy.refuseConnections()
                try await proxy.cut()
                // A link that it has not yet found to be lost would be lent once more.
                try await until {
                    await sqlCode { _ = try await database.first("SELECT 1", as: Int.self) } == .notConnected
                }
                for job in 2...3 { try await connection.send(job, to: jobs) }
                // Given back each time, it would be a dead letter long since.
                try await Task.sleep(for: .seconds(1))
                #expect(done.withLock { $0 } == [1])
                try await proxy.acceptConnections()
                try await until { done.withLock { $0 } == [1, 2, 3] }
                #expect(node.health["Consume jobs"]?.handlerErrors == 0)
            }
        }
    }

    /// The next program has it, however many had it before.
    @Test(arguments: Use.allCases) func whatWaitsWhenTheNodeStopsGoesBack(_ use: Use) async throws {
        try await withShop { (database, proxy, connection) async throws in
            try await proxy.refuseConnections()
            try await connection.send(1, to: jobs)
            let done = Locked([Int]())
            for _ in 0..<4 {
                let node = Node("shop", on: connection) {
                    consumer(use, database, .reject) { job, _ in done.withLock { $0.append(job) } }
                }
                try await running(node) {
                    try await Task.sleep(for: .milliseconds(100))
                    let start = ContinuousClock.now
                    try await node.stop()
                    #expect(ContinuousClock.now - start < .seconds(3))
                }
            }
            #expect(done.withLock { $0 } == [])
            try await proxy.acceptConnections()
            let node = Node("shop", on: connection) {
                consumer(use, database) { job, _ in done.withLock { $0.append(job) } }
                Consume(from: dead) { job in done.withLock { $0.append(-job.value) } }
            }
            try await running(node) { try await until { done.withLock { $0 } == [1] } }
        }
    }

    /// Nothing failed: the component ends as any other does.
    @Test(arguments: Use.allCases, [DeliveryErrorPolicy.requeue(deliveries: 1), .reject, .fail])
    func toGiveBackWhatWaitsIsNoFailure(_ use: Use, _ policy: DeliveryErrorPolicy) async throws {
        try await withShop { (database, proxy, connection) async throws in
            try await proxy.refuseConnections()
            try await connection.send(1, to: jobs)
            let node = Node("shop", on: connection) { consumer(use, database, policy) { _, _ in } }
            try await node.whileRunning { try await until { node.health["Consume jobs"]?.note != nil } }
            let health = try #require(node.health["Consume jobs"])
            #expect(health.state == .ended)
            #expect(health.handlerErrors == 0)
            #expect(health.lastError == nil)
            #expect(health.note == nil)
            let found = Locked([Int]())
            let next = Node("next", on: connection) {
                Consume(from: jobs) { job in found.withLock { $0.append(job.value) } }
                Consume(from: dead) { job in found.withLock { $0.append(-job.value) } }
            }
            try await running(next) { try await until { !found.withLock { $0 }.isEmpty } }
            #expect(found.withLock { $0 } == [1])
        }
    }

    /// It may be the message that costs it.
    @Test(arguments: [Use.session, .message]) func aHandlerThatLosesItsSessionIsOneThatThrows(_ use: Use) async throws {
        try await withShop { (database, _, connection) async throws in
            let done = Locked([Int]())
            let node = Node("shop", on: connection) {
                consumer(use, database) { job, db in
                    if job == 1 { try await db.execute("SELECT pg_terminate_backend(pg_backend_pid())") }
                    done.withLock { $0.append(job) }
                }
                Consume(from: dead) { job in done.withLock { $0.append(-job.value) } }
            }
            try await running(node) { () async throws in
                for job in 1...2 { try await connection.send(job, to: jobs) }
                try await until { Set(done.withLock { $0 }) == [-1, 2] }
                #expect(node.health["Consume jobs"]?.handlerErrors == 2)
            }
        }
    }

    /// Run again, what a session's handler did before would be done twice. That of a transaction is undone; but where it was
    /// lost for the last time, it may be the message that costs it.
    @Test(arguments: zip([Use.session, .message, .transaction, .transaction], [1, 1, 1, 5]))
    func whatBeganWhenTheNodeStopsGoesBackIfItIsUndone(_ use: Use, losses: Int) async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        try broker.declareQueue(jobs.name, options: QueueOptions(deadLetters: dead.name))
        try await withDatabase(.memory) { (database) async throws in
            let begun = Locked(0)
            let stopped = Node("shop", on: connection) {
                consumer(use, database, .reject) { _, _ in
                    let number = begun.withLock { begun in
                        begun += 1
                        return begun
                    }
                    if number == losses { _ = try await untilShutdown { try await Task.sleep(for: .seconds(600)) } }
                    throw SQLError(.timeout, "another database has no session")
                }
            }
            try await running(stopped) {
                try await connection.send(1, to: jobs)
                try await until { begun.withLock { $0 } == losses }
                try await stopped.stop()
            }
            let found = Locked([Int]())
            let node = Node("shop", on: connection) {
                Consume(from: jobs) { job in found.withLock { $0.append(job.value) } }
                Consume(from: dead) { job in found.withLock { $0.append(-job.value) } }
            }
            try await running(node) { try await until { !found.withLock { $0 }.isEmpty } }
            #expect(found.withLock { $0 } == [use == .transaction && losses == 1 ? 1 : -1])
        }
        await connection.close()
    }

    /// A full disk passes, but what the handler did before is not undone.
    @Test(arguments: [false, true]) func onlyWhatIsUndoneIsRunAgain(undoes: Bool) async throws {
        let patience = Patience(of: "jobs", undoes: undoes)
        let runs = Locked(0)
        let error = await #expect(throws: SQLError.self) {
            try await patience.run(givesBack: false) { begin in
                begin()
                let number = runs.withLock { runs in
                    runs += 1
                    return runs
                }
                throw SQLError(number < 3 ? .outOfSpace : .uniqueViolation, "the disk")
            }
        }
        #expect(error?.code == (undoes ? .uniqueViolation : .outOfSpace))
        #expect(runs.withLock { $0 } == (undoes ? 3 : 1))
    }

    @Test func theHealthTellsWhatWaitsForAServerThatIsDown() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        let peer = try await broker.connect(options: ConnectionOptions(name: "peer"))
        try await PostgreSQLServer.withServer { (server) async throws in
            let database = try PostgreSQL(server.url())
            let calls = RPC<Int, Int>("calls")
            let done = Locked(Set<String>())
            let node = Node("shop", on: connection) {
                Consume(from: Queue<Int>("values"), in: database) { _, _ in _ = done.withLock { $0.insert("value") } }
                Consume(from: "messages", in: database) { _, _ in _ = done.withLock { $0.insert("message") } }
                Consume(from: jobs, in: database, deduplicating: .by(\.self)) { _, _ in
                    _ = done.withLock { $0.insert("job") }
                }
                Respond(to: calls, in: database, deduplicating: .messageID) { number, _ in number + 1 }
                Consume(from: "others") { _ in _ = done.withLock { $0.insert("other") } }
            }
            try await running(node) { () async throws in
                try await server.terminate()
                for queue in ["values", "messages", "jobs", "others"] {
                    try await peer.send(1, to: Queue<Int>(QueueName(queue)))
                }
                async let answer = peer.call(calls, 1, timeout: .seconds(300))
                try await until {
                    let notes = node.health.components.prefix(4).map { $0.note ?? "" }
                    return notes.allSatisfy { $0.hasPrefix("waits for its database: not-connected: ") }
                }
                try await until { done.withLock { $0 } == ["other"] }
                #expect(node.health["Consume others"]?.note == nil)
                #expect(node.health.isHealthy)
                try await server.start()
                #expect(try await answer == 2)
                try await until { done.withLock { $0.count } == 4 }
                try await until { node.health.components.allSatisfy { $0.note == nil } }
            }
            await database.close()
        }
        await peer.close()
        await connection.close()
    }

    /// What its handler does then may take long, and may fail.
    @Test func theHealthTellsItUntilTheDatabaseIsThere() async throws {
        struct Waiting: Component {
            let name = "waiting"
            let begun = Recorder<Void>()
            let found = Recorder<Void>()
            let finish = Recorder<Void>()

            func run(in context: NodeContext) async throws {
                let tries = Locked(0)
                try await Patience(of: "jobs", undoes: true).run(givesBack: true) { begin in
                    let number = tries.withLock { tries in
                        tries += 1
                        return tries
                    }
                    switch number {
                    case 1: throw SQLError(.notConnected, "nobody listens")
                    case 2: try await found.wait(for: 1)
                    default: break
                    }
                    begin()
                    begun.signal()
                    try await finish.wait(for: number - 1)
                    throw number == 2 ? SQLError(.outOfSpace, "the disk is full") : SQLError(.uniqueViolation, "twice")
                }
            }
        }
        let connection = try await MemoryBroker().connect()
        let waiting = Waiting()
        let node = Node("shop", on: connection) { waiting.onFailure(.end) }
        let notes = Recorder<String?>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await node.run() }
            group.addTask {
                for await health in node.healthChanges() { notes.record(health["waiting"]?.note) }
            }
            try await notes.wait { $0.last == "waits for its database: not-connected: nobody listens" }
            waiting.found.signal()
            try await waiting.begun.wait(for: 1)
            #expect(node.health["waiting"]?.note == nil)
            waiting.finish.signal()
            try await waiting.begun.wait(for: 2)
            #expect(node.health["waiting"]?.note == nil)
            waiting.finish.signal()
            try await group.waitForAll()
        }
        #expect(notes.values.last == .some(nil))
        #expect(node.health["waiting"]?.state == .failed)
        await connection.close()
    }

    @Test func itIsLoggedOnce() async throws {
        let logs = LogRecorder()
        let patience = Patience(of: "jobs", undoes: false, logger: logs.logger)
        for _ in 0..<2 {
            let tries = Locked(0)
            try await patience.run(givesBack: false) { _ in
                let number = tries.withLock { tries in
                    tries += 1
                    return tries
                }
                if number < 4 { throw SQLError(.notConnected, "nobody listens") }
            }
        }
        // The second time within a minute it is not.
        #expect(
            logs.lines == [
                "the database is away, and messages wait for it consumer=jobs error=not-connected: nobody listens failures=1",
                "the database is back consumer=jobs",
            ]
        )
    }
}
