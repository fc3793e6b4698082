import Foundation
import IntegrationSupport
import Martlet
import MartletPostgreSQL
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

/// A disk that is full, and has room again.
@Suite(.timeLimit(.minutes(10)))
struct FullDiskTests {
    @Test func aFileThatMayNotGrowLeavesNothingHalfDone() async throws {
        let folder = try TemporaryFolder("full")
        defer { folder.remove() }
        let program = try ProgramRun(ofPackage: "shop-under-test", ["fill", folder.path("full.db")])
        #expect(try await program.waitForEnd() == .exited(0), "\(program.errors)")
        #expect(program.lines == ["error: out-of-space", "whole", "whole", "ok"])
    }

    @Test func ordersWaitForRoomInAFile() async throws {
        try await withDatabase(.sqlite) { (database) async throws in
            try await database.prepareOutbox()
            try await database.execute("CREATE TABLE t (n INT)")
            // The number of pages that the file may have holds for the writer's link.
            func limitPages(_ count: Int) async throws {
                try await database.transaction { db in
                    _ = try await db.rows("PRAGMA max_page_count = \(SQL(verbatim: "\(count)"))", as: Int.self)
                }
            }
            try await ordersWaitForRoom(
                database,
                fill: { try await limitPages(1) },
                makeRoom: { try await limitPages(100_000) }
            )
        }
    }

    /// Where the write-ahead log finds no room.
    @Test(.enabled(if: SmallDisk.isPossible, "it takes the right to mount a file system"))
    func ordersWaitForRoomOnADisk() async throws {
        try await SmallDisk.withDisk(megabytes: 2) { (disk) async throws in
            let database = try SQLite(disk.path + "/shop.db", options: .init(timeout: .seconds(30)))
            try await database.prepareOutbox()
            try await database.execute("CREATE TABLE t (n INT)")
            try await ordersWaitForRoom(
                database,
                fill: { try await disk.fill() },
                makeRoom: { try await disk.grow(toMegabytes: 64) }
            )
            #expect(try await database.first("PRAGMA integrity_check", as: String.self) == "ok")
            await database.close()
        }
    }

    /// What a killed process has left in its log is read by an index of it, which finds no room either.
    @Test(.enabled(if: SmallDisk.isPossible, "it takes the right to mount a file system"))
    func aLogThatWasLeftIsReadOnceThereIsRoom() async throws {
        let folder = try TemporaryFolder("log")
        defer { folder.remove() }
        try await SmallDisk.withDisk(megabytes: 2) { (disk) async throws in
            let origin = try SQLite(folder.path("shop.db"))
            try await origin.execute("CREATE TABLE t (n INT)")
            for number in 0..<100 { try await origin.execute("INSERT INTO t VALUES (\(number))") }
            // While it is open nothing of the log is in the file.
            for end in ["", "-wal"] {
                let copy = disk.path + "/shop.db" + end
                try FileManager.default.copyItem(atPath: folder.path("shop.db" + end), toPath: copy)
            }
            await origin.close()
            try await disk.fill()
            let database = try SQLite(disk.path + "/shop.db")
            let query: SQL = "SELECT n FROM t ORDER BY n"
            for _ in 0..<2 {
                #expect(await sqlCode { _ = try await database.rows(query, as: Int.self) } == .outOfSpace)
                #expect(await sqlCode { try await database.execute("INSERT INTO t VALUES (-1)") } == .outOfSpace)
            }
            try await disk.grow(toMegabytes: 64)
            #expect(try await database.rows(query, as: Int.self) == Array(0..<100))
            try await database.execute("INSERT INTO t VALUES (100)")
            #expect(try await database.rows(query, as: Int.self) == Array(0...100))
            await database.close()
        }
    }

    @Test(.enabled(if: SmallDisk.isPossible, "it takes the right to mount a file system"))
    func ordersWaitForRoomAtAServer() async throws {
        try await SmallDisk.withDisk(megabytes: 24) { (disk) async throws in
            try await PostgreSQLServer.withServer { (server) async throws in
                try await server.psql("CREATE TABLESPACE small LOCATION '\(disk.path)'")
                try await server.psql("CREATE DATABASE shop TABLESPACE small")
                let database = try PostgreSQL(server.url("shop"))
                try await database.prepareOutbox()
                try await database.execute("CREATE TABLE t (n INT)")
                try await database.execute("CREATE TABLE filler (bytes TEXT)")
                let before = try await database.first("SELECT count(*) FROM filler", as: Int.self)
                let code = await sqlCode {
                    try await database.execute(
                        "INSERT INTO filler SELECT repeat(md5(n::text), 20) FROM generate_series(1, 1000000) AS n"
                    )
                }
                #expect(code == .outOfSpace)
                #expect(try await database.first("SELECT count(*) FROM filler", as: Int.self) == before)
                try await ordersWaitForRoom(
                    database,
                    fill: { try await disk.fill() },
                    makeRoom: { try await disk.grow(toMegabytes: 64) }
                )
                await database.close()
            }
        }
    }

    /// Sends orders, of which the first ones find room, those that follow none, and all do in the end.
    private func ordersWaitForRoom(
        _ database: any Database,
        fill: () async throws -> Void,
        makeRoom: () async throws -> Void
    ) async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(name: "shop"))
        let orders = Queue<[String]>("orders")
        let attempts = Locked(0)
        let received = Locked([Int]())
        let node = Node("shop", on: connection) {
            Consume(from: orders, in: database, deduplicating: .by(\.[0]), onHandlerError: .requeue(deliveries: 1)) {
                order,
                db in
                attempts.withLock { $0 += 1 }
                try await db.execute("INSERT INTO t (n) VALUES (\(Int(order.value[0]) ?? 0))")
                // Each takes some pages, however it is compressed.
                let noise = (0..<2_000).map { _ in "\(UInt64.random(in: 0...UInt64.max))" }
                try await db.send(order.value + noise, to: Queue<[String]>("shipments"))
            }
            Consume(from: Queue<[String]>("shipments")) { shipment in
                received.withLock { $0.append(Int(shipment.value[0]) ?? 0) }
            }
            Outbox(database, options: .init(interval: .milliseconds(20)))
        }
        try await running(node) { () async throws in
            try await connection.send(["1"], to: orders)
            try await until { received.withLock { $0 } == [1] }
            try await fill()
            for number in 2...20 { try await connection.send(["\(number)"], to: orders) }
            let tried = attempts.withLock { $0 }
            // The same one, again and again: its deliveries are not worn out.
            try await until { attempts.withLock { $0 } > tried + 2 }
            try await makeRoom()
            try await until { received.withLock { $0.count } >= 20 }
            #expect(received.withLock { $0 }.sorted() == Array(1...20))
            #expect(try await database.rows("SELECT n FROM t ORDER BY n", as: Int.self) == Array(1...20))
        }
        await connection.close()
    }
}
