import Foundation
import IntegrationSupport
import Martlet
import MartletAMQP
import MartletPostgreSQL
import MartletSQL
import MartletSQLite
import Testing

/// A shop in a process that is killed again and again, at whatever moment.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct KilledProcessTests {
    private typealias Order = ExactlyOnceTests.Order
    private typealias Shipment = ExactlyOnceTests.Shipment

    /// How often it is killed: `MARTLET_KILLS`, or as often as takes a few seconds.
    private static let kills = ProcessInfo.processInfo.environment["MARTLET_KILLS"].flatMap { Int($0) } ?? 25

    /// The shipments that came: how often each, by number and message ID.
    private typealias Arrived = Locked<[Int: [String: Int]]>

    @Test(arguments: DatabaseKind.shared) func everyOrderHasItsEffectsOnceWheneverItIsKilled(_ kind: DatabaseKind)
        async throws
    {
        let folder = try TemporaryFolder("killed")
        defer { folder.remove() }
        let address = kind.isPostgreSQL ? try await newPostgreSQLDatabase() : folder.path("shop.db")
        try await RabbitMQServer.withServer { (server) async throws in
            let connection = try await AMQPConnection.connect(
                AMQPOptions(servers: [.init(host: "127.0.0.1", port: server.port)])
            )
            let arrived = Arrived([:])
            let sent = Locked(0)
            let isOver = Locked(false)
            let warehouse = Node("warehouse", on: connection) {
                Consume(from: ExactlyOnceTests.shipments) { shipment in
                    let id = shipment.headers.messageID ?? "none"
                    arrived.withLock { $0[shipment.number, default: [:]][id, default: 0] += 1 }
                }
            }
            try await running(warehouse) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        // Cancelled in the middle, it would not know whether its last order is on its way.
                        while !isOver.withLock({ $0 }) {
                            // Enough lie in the queue, and each fifth does twice.
                            try await until {
                                sent.withLock { $0 } - arrived.withLock { $0.count } < 200 || isOver.withLock { $0 }
                            }
                            let number = sent.withLock { $0 } + 1
                            for _ in 0..<(number % 5 == 0 ? 2 : 1) {
                                try await connection.send(
                                    Order(number: number, amount: number % 7 + 1),
                                    to: ExactlyOnceTests.orders
                                )
                            }
                            sent.withLock { $0 = number }
                        }
                    }
                    try await kill(["shop", address, "\(server.port)"])
                    isOver.withLock { $0 = true }
                    try await group.waitForAll()
                }
                let last = try ProgramRun(ofPackage: "shop-under-test", ["shop", address, "\(server.port)"])
                try await until { arrived.withLock { $0.count } == sent.withLock { $0 } }
                try await check(last, kind.isPostgreSQL ? PostgreSQL(address) : nil, address, sent.withLock { $0 })
            }
            let found = arrived.withLock { $0 }
            #expect(found.values.allSatisfy { $0.count == 1 }, "each has one ID, however often it came")
            let again = found.values.count { $0.values.reduce(0, +) > 1 }
            print("\(kind): killed \(Self.kills) times, \(found.count) orders, \(again) shipments came more than once")
            await connection.close()
        }
    }

    /// Starts the program and kills it: half of the times while it starts, or a little later, half while it works.
    private func kill(_ arguments: [String]) async throws {
        for number in 0..<Self.kills {
            let program = try ProgramRun(ofPackage: "shop-under-test", arguments)
            if number % 2 == 0 {
                try await Task.sleep(for: .microseconds(Int.random(in: 0..<200_000)))
            } else {
                try await program.waitForOutput("sold")
                try await Task.sleep(for: .microseconds(Int.random(in: 0..<40_000)))
            }
            program.send(signal: SIGKILL)
            #expect(try await program.waitForEnd() == .killed(signal: SIGKILL), "\(program.errors)")
        }
    }

    /// Ends the last run, and looks at what its database holds.
    private func check(_ last: ProgramRun, _ server: PostgreSQL?, _ path: String, _ sent: Int) async throws {
        last.send(signal: SIGKILL)
        try await last.waitForEnd()
        let database: any Database = if let server { server } else { try SQLite(path) }
        let sold = try await database.rows("SELECT number FROM sold ORDER BY number", as: Int.self)
        #expect(sold == Array(1...sent))
        let amount = (1...sent).reduce(0) { $0 + $1 % 7 + 1 }
        #expect(try await database.first("SELECT number FROM stock", as: Int.self) == 1_000_000 - amount)
        #expect(try await database.first("SELECT count(*) FROM martlet_inbox", as: Int.self) == sent)
        if server == nil {
            #expect(try await database.first("PRAGMA integrity_check", as: String.self) == "ok")
        }
        await database.close()
    }
}
