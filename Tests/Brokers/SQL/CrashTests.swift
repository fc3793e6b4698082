import Foundation
import IntegrationSupport
import MartletPostgreSQL
import MartletSQL
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What becomes of a transaction whose server crashes while it commits.
@Suite(.timeLimit(.minutes(10)))
struct CrashTests {
    /// Makes a table whose row 1 takes some seconds to commit.
    private func prepare(_ server: PostgreSQLServer, sleeping seconds: Int) async throws {
        try await server.psql("CREATE TABLE t (n INT)")
        try await server.psql(
            """
            CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.n = 1 THEN PERFORM pg_sleep(\(seconds)); END IF; RETURN NULL; END $$
            """
        )
        // What is deferred runs in COMMIT.
        try await server.psql(
            """
            CREATE CONSTRAINT TRIGGER sleeps AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION sleep()
            """
        )
    }

    /// The process that commits row 1, once it does.
    private func committing(_ server: PostgreSQLServer) async throws -> Int32 {
        while true {
            try await Task.sleep(for: .milliseconds(5))
            let query = "SELECT pid FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep'"
            if let process = Int32(try await server.psql(query)) { return process }
        }
    }

    /// A server one of whose processes has crashed begins anew without being started anew. It gives the numbers of transactions
    /// of which it had written nothing down to others.
    @Test func aTransactionIsNotTakenForTheOneThatGetsItsNumber() async throws {
        // The server would note from time to time which numbers there are.
        let lines = ["wal_level = minimal", "max_wal_senders = 0"]
        try await PostgreSQLServer.withServer(lines: lines) { (server) async throws in
            try await prepare(server, sleeping: 60)
            let database = try PostgreSQL(server.url(), options: .init(timeout: .seconds(60)))
            try await withThrowingTaskGroup(of: SQLError.Code?.self) { group in
                group.addTask {
                    await sqlCode {
                        try await database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (1)") }
                    }
                }
                Foundation.kill(try await committing(server), SIGKILL)
                // Others take its number, and are committed.
                var others = 0
                while others < 5 {
                    if (try? await server.psql("INSERT INTO t VALUES (2)")) != nil { others += 1 }
                }
                #expect(try await group.next() == .commitUnknown)
            }
            #expect(try await database.first("SELECT count(*) FROM t WHERE n = 1", as: Int.self) == 0)
            await database.close()
        }
    }

    /// The answer to COMMIT is lost, and the transaction is not; in a session as in one of its own.
    @Test(arguments: [true, false]) func aTransactionIsAskedForWhoeverBeganIt(_ isOfSession: Bool) async throws {
        // It would otherwise end what its client has left.
        try await PostgreSQLServer.withServer(lines: ["client_connection_check_interval = 0"]) {
            (server) async throws in
            try await prepare(server, sleeping: 1)
            try await TCPProxy.withProxy(to: server.port) { (proxy) async throws in
                let database = try PostgreSQL(server.url(port: proxy.port), options: .init(timeout: .seconds(60)))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        guard isOfSession else {
                            return try await database.transaction {
                                _ = try await $0.execute("INSERT INTO t VALUES (1)")
                            }
                        }
                        try await database.withSession { db in
                            try await db.transaction { _ = try await $0.execute("INSERT INTO t VALUES (1)") }
                        }
                    }
                    _ = try await committing(server)
                    try await proxy.cut()
                    try await group.waitForAll()
                }
                #expect(try await database.first("SELECT count(*) FROM t", as: Int.self) == 1)
                await database.close()
            }
        }
    }

    /// A server that refuses to write where it did before is not the one that is wanted: another one may have taken its place.
    @Test func aSessionThatMayNotWriteAnyMoreIsReplaced() async throws {
        let server = try await PostgreSQLServer.shared()
        let url = try await newPostgreSQLDatabase()
        let name = url.split(separator: "/").last.map(String.init) ?? ""
        let database = try PostgreSQL(url, options: .init(sessions: 1))
        try await database.execute("CREATE TABLE t (n INT)")
        await database.close()
        // As at a server that has become a standby.
        try await server.psql("ALTER DATABASE \(name) SET default_transaction_read_only = on")
        let other = try PostgreSQL(url, options: .init(sessions: 1))
        #expect(await sqlCode { try await other.execute("INSERT INTO t VALUES (1)") } == .connectionLost)
        let inTransaction = await sqlCode {
            try await other.transaction { _ = try await $0.execute("INSERT INTO t VALUES (1)") }
        }
        #expect(inTransaction == .connectionLost)
        try await server.psql("ALTER DATABASE \(name) RESET default_transaction_read_only")
        #expect(try await other.execute("INSERT INTO t VALUES (1)") == 1)
        // Whoever has asked for it is not served otherwise by another session.
        let process = try await other.first("SELECT pg_backend_pid()", as: Int.self)
        let code = await sqlCode {
            try await other.transaction(TransactionOptions(isReadOnly: true)) { db in
                _ = try await db.execute("INSERT INTO t VALUES (2)")
            }
        }
        #expect(code == .permissionDenied)
        #expect(try await other.first("SELECT pg_backend_pid()", as: Int.self) == process)
        await other.close()
    }
}
