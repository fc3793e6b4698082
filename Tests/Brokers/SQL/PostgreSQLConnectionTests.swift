import Foundation
import IntegrationSupport
import MartletPostgreSQL
import MartletSQL
import Testing

/// How a server is reached, and what becomes of sessions when it goes.
@Suite(.timeLimit(.minutes(10)))
struct PostgreSQLConnectionTests {
    private func user(_ url: String, options: PostgreSQL.Options = .init()) async throws -> String? {
        let database = try PostgreSQL(url, options: options)
        let answer: Result<String?, any Error>
        do { answer = .success(try await database.first("SELECT current_user::text", as: String.self)) } catch {
            answer = .failure(error)
        }
        await database.close()
        return try answer.get()
    }

    @Test func itIsReachedInManyWays() async throws {
        let server = try await PostgreSQLServer.shared()
        let (user, password) = (PostgreSQLServer.user, PostgreSQLServer.password)
        #expect(try await self.user(server.url()) == user)
        #expect(try await self.user("postgres://\(user):open%20sesame@localhost:\(server.port)/postgres") == user)
        #expect(try await self.user("postgres://\(user):open%20sesame@[::1]:\(server.port)/postgres") == user)
        #expect(
            try await self.user(
                "host=\(server.socketFolder) port=\(server.port) user=\(user) password='\(password)' dbname=postgres"
            ) == user
        )
        // The first host refuses.
        let dead = try ReservedPort()
        #expect(
            try await self.user(
                "postgres://\(user):open%20sesame@127.0.0.1:\(dead.number),127.0.0.1:\(server.port)/postgres"
            ) == user
        )
    }

    @Test func whoeverIsNotLetInIsToldWithoutThePassword() async throws {
        let server = try await PostgreSQLServer.shared()
        let wrong = "postgres://\(PostgreSQLServer.user):hunter2@127.0.0.1:\(server.port)/postgres"
        for url in [wrong, wrong.replacing("/postgres", with: "/missing")] {
            do {
                _ = try await user(url)
                Issue.record("it was let in")
            } catch {
                #expect((error as? SQLError)?.code == .notConnected)
                #expect(!"\(error)".contains("hunter2"))
            }
        }
        for url in [
            "postgres://a:hunter2@host:99999/x", "postgres://a:hunter2@host:x/x?foo=hunter2", "hunter2",
            "postgres://%zzhunter2@h/x",
        ] {
            do {
                _ = try PostgreSQL(url)
                Issue.record("\(url) was taken")
            } catch {
                #expect((error as? SQLError)?.code == .invalidArgument)
                #expect(!"\(error)".contains("hunter2"), "\(error)")
            }
        }
    }

    @Test func aServerThatDoesNotAnswerIsGivenUp() async throws {
        let dead = try ReservedPort()
        #expect(await sqlCode { _ = try await user("postgres://a:b@127.0.0.1:\(dead.number)/x") } == .notConnected)
        #expect(await sqlCode { _ = try await user("postgres://a:b@nowhere.invalid/x") } == .notConnected)
        let server = try await PostgreSQLServer.shared()
        try await TCPProxy.withProxy(to: server.port) { (proxy) async throws in
            proxy.set(.swallow)
            let start = ContinuousClock.now
            let options = PostgreSQL.Options(connectTimeout: .milliseconds(300))
            #expect(
                await sqlCode { _ = try await user(server.url(port: proxy.port), options: options) } == .notConnected
            )
            let task = Task { try await user(server.url(port: proxy.port)) }
            try await Task.sleep(for: .milliseconds(50))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    @Test func certificatesAreChecked() async throws {
        let authority = try await TestCertificates.shared.authority
        try await PostgreSQLServer.withServer(identity: \TestCertificates.server) { (server) async throws in
            let full = "?sslmode=verify-full&sslrootcert=\(authority)"
            let database = try PostgreSQL(server.url() + full)
            #expect(
                try await database.first("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", as: Bool.self)
                    == true
            )
            await database.close()
            let named = "postgres://\(PostgreSQLServer.user):open%20sesame@localhost:\(server.port)/postgres" + full
            #expect(try await user(named) == PostgreSQLServer.user)
            let strange = try await TestCertificates.shared.strangeAuthority
            #expect(
                await sqlCode { _ = try await user(server.url() + "?sslmode=verify-full&sslrootcert=\(strange)") }
                    == .notConnected
            )
        }
        try await PostgreSQLServer.withServer(identity: \TestCertificates.elsewhere) { (server) async throws in
            #expect(
                await sqlCode { _ = try await user(server.url() + "?sslmode=verify-full&sslrootcert=\(authority)") }
                    == .notConnected
            )
            #expect(
                try await user(server.url() + "?sslmode=verify-ca&sslrootcert=\(authority)") == PostgreSQLServer.user
            )
            #expect(try await user(server.url()) == PostgreSQLServer.user)
        }
    }

    @Test func aServerWithoutTLSIsRefusedBeyondThisMachine() async throws {
        // A name that is not this machine's, though its address is.
        let server = try await PostgreSQLServer.shared()
        let url =
            "host=db.elsewhere.test hostaddr=127.0.0.1 port=\(server.port) user=\(PostgreSQLServer.user) password='\(PostgreSQLServer.password)' dbname=postgres"
        do {
            _ = try await user(url)
            Issue.record("a link without TLS was made")
        } catch {
            #expect((error as? SQLError)?.code == .notConnected)
            #expect("\(error)".contains("SSL"), "\(error)")
        }
        #expect(try await user(url + " sslmode=disable") == PostgreSQLServer.user)
    }

    @Test func idleSessionsThatTheServerClosedAreNotLent() async throws {
        let server = try await PostgreSQLServer.shared()
        let database = try PostgreSQL(try await newPostgreSQLDatabase(), options: .init(sessions: 3))
        for _ in 0..<3 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask { _ = try await database.rows("SELECT pg_sleep(0.05)::text", as: String.self) }
                }
                try await group.waitForAll()
            }
            let name = try await database.first("SELECT current_database()::text", as: String.self) ?? ""
            try await server.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)' AND pid <> pg_backend_pid()"
            )
            try await Task.sleep(for: .milliseconds(100))
            for _ in 0..<5 { #expect(try await database.first("SELECT 1", as: Int.self) == 1) }
        }
        await database.close()
    }

    #if os(Linux)
    /// What was sent and is not acknowledged is given up, too: to look whether the other side is there is no help then.
    @Test func whatIsNotAcknowledgedIsGivenUp() async throws {
        let server = try await PostgreSQLServer.shared()
        try await TCPProxy.withProxy(to: server.port) { (proxy) async throws in
            let database = try PostgreSQL(server.url(port: proxy.port), options: .init(sessions: 1))
            #expect(try await database.first("SELECT 1", as: Int.self) == 1)
            var times: [CInt] = []
            for descriptor in CInt(0)..<4_096 {
                var address = sockaddr_in()
                var size = socklen_t(MemoryLayout<sockaddr_in>.size)
                let isPeer = withUnsafeMutablePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) == 0 }
                }
                guard isPeer, address.sin_family == sa_family_t(AF_INET),
                    UInt16(bigEndian: address.sin_port) == proxy.port
                else { continue }
                var milliseconds = CInt(-1)
                size = socklen_t(MemoryLayout<CInt>.size)
                // TCP_USER_TIMEOUT
                getsockopt(descriptor, CInt(IPPROTO_TCP), 18, &milliseconds, &size)
                times.append(milliseconds)
            }
            #expect(times == [30_000])
            await database.close()
        }
    }
    #endif

    @Test func staleSessionsAreNotLent() async throws {
        let database = try PostgreSQL(
            try await newPostgreSQLDatabase(),
            options: .init(sessions: 1, staleTimeout: .milliseconds(100))
        )
        func backend() async throws -> Int? { try await database.first("SELECT pg_backend_pid()", as: Int.self) }
        let first = try await backend()
        #expect(try await backend() == first)
        try await Task.sleep(for: .milliseconds(200))
        #expect(try await backend() != first)
        await database.close()
    }

    @Test func sessionsUpToTheMinimumAreOpenedTogether() async throws {
        let server = try await PostgreSQLServer.shared()
        let database = try PostgreSQL(
            try await newPostgreSQLDatabase(),
            options: .init(sessions: 6, minimumSessions: 4)
        )
        #expect(database.sessions.open == 0)
        let name = try await database.first("SELECT current_database()::text", as: String.self) ?? ""
        #expect(database.sessions.open == 4)
        // They are what the next tasks get.
        let backends: SQL = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { _ = try await database.rows("SELECT pg_sleep(0.05)::text", as: String.self) }
            }
            try await group.waitForAll()
        }
        #expect(try await database.first(backends, as: Int.self) == 4)
        // Those that are lost are made up for.
        try await server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)'")
        try await until { (try? await database.first(backends, as: Int.self)) == 4 && database.sessions.open == 4 }
        await database.close()
        for wrong in [-1, 7] {
            #expect(throws: SQLError.self) {
                try PostgreSQL(server.url(), options: .init(sessions: 6, minimumSessions: wrong))
            }
        }
    }

    /// A minimum is no reason to fail: the server has room for fewer.
    @Test func aServerWithoutRoomForTheMinimumServesTheFirst() async throws {
        let lines = ["max_connections = 3", "superuser_reserved_connections = 0", "max_wal_senders = 0"]
        try await PostgreSQLServer.withServer(lines: lines) { (server) async throws in
            let database = try PostgreSQL(server.url(), options: .init(sessions: 8, minimumSessions: 8))
            #expect(try await database.first("SELECT 1", as: Int.self) == 1)
            #expect((1...3).contains(database.sessions.open))
            await database.close()
        }
    }

    @Test func aKilledServerLeavesNoBackendThatComputes() async throws {
        try await PostgreSQLServer.withServer { (server) async throws in
            let database = try PostgreSQL(server.url())
            let backend = Locked<Int32>(0)
            let query = Task {
                try await database.withSession { db in
                    let process = try await db.first("SELECT pg_backend_pid()", as: Int32.self) ?? 0
                    backend.withLock { $0 = process }
                    _ = try await db.rows(
                        "SELECT count(*) FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b",
                        as: Int.self
                    )
                }
            }
            try await until { backend.withLock { $0 } > 0 }
            try await Task.sleep(for: .milliseconds(100))
            server.kill()
            // As when this process is killed, too: its links go.
            query.cancel()
            _ = try? await query.value
            await database.close()
            let deadline = ContinuousClock.now + .seconds(60)
            while kill(backend.withLock { $0 }, 0) == 0, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(kill(backend.withLock { $0 }, SIGKILL) == -1, "it still computes")
        }
    }

    @Test func aTransactionWhoseBackendIsKilledIsUndone() async throws {
        // SIGKILL of one backend ends all of the server's sessions.
        try await PostgreSQLServer.withServer { (server) async throws in
            let database = try PostgreSQL(server.url())
            try await database.execute("CREATE TABLE t (n INT)")
            let code = await sqlCode {
                try await database.transaction { db in
                    try await db.execute("INSERT INTO t VALUES (1)")
                    let backend = try await db.first("SELECT pg_backend_pid()", as: Int32.self) ?? 0
                    kill(backend, SIGKILL)
                    try await db.execute("INSERT INTO t VALUES (2)")
                }
            }
            #expect(code == .connectionLost)
            try await until { (try? await database.first("SELECT count(*) FROM t", as: Int.self)) == 0 }
            await database.close()
        }
    }

    @Test func aServerThatCrashedIsFoundAgain() async throws {
        try await PostgreSQLServer.withServer { (server) async throws in
            let database = try PostgreSQL(server.url())
            try await database.execute("CREATE TABLE t (n INT)")
            for round in 1...2 {
                try await database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (\(round))") }
                let code = await sqlCode {
                    try await database.transaction { db in
                        try await db.execute("INSERT INTO t VALUES (0)")
                        server.kill()
                        while true { _ = try await db.rows("SELECT 1", as: Int.self) }
                    }
                }
                #expect(code == .connectionLost)
                #expect(await sqlCode { _ = try await database.first("SELECT 1", as: Int.self) } != nil)
                try await server.restartAfterCrash()
                #expect(try await database.rows("SELECT n FROM t ORDER BY n", as: Int.self) == Array(1...round))
            }
            await database.close()
        }
    }

    /// To the server it is no error to commit it, and so its answer would tell; but the answer is lost.
    @Test func aTransactionThatHasFailedIsNotTakenForCommittedWhenItsLinkIsLost() async throws {
        let database = try PostgreSQL(try await newPostgreSQLDatabase(), options: .init(sessions: 2))
        try await database.execute("CREATE TABLE t (n INT)")
        let error = await #expect(throws: SQLError.self) {
            try await database.transaction { db in
                try await db.execute("INSERT INTO t VALUES (1)")
                let process = try await db.first("SELECT pg_backend_pid()", as: Int.self) ?? 0
                // The body takes no notice.
                _ = try? await db.execute("SELECT 1 / 0")
                _ = try await database.first("SELECT pg_terminate_backend(\(process)::int)", as: Bool.self)
            }
        }
        #expect(error?.code == .connectionLost)
        #expect(try await database.first("SELECT count(*) FROM t", as: Int.self) == 0)
        await database.close()
    }

    /// Ends the link after each byte of what the server, or the client, says in a transaction.
    @Test(arguments: [ProxyDirection.toServer, .toClient])
    func aLinkThatIsCutAnywhereLeavesAllOrNothing(_ direction: ProxyDirection) async throws {
        let server = try await PostgreSQLServer.shared()
        let url = try await newPostgreSQLDatabase()
        let direct = try PostgreSQL(url)
        try await direct.execute("CREATE TABLE t (n INT)")
        try await TCPProxy.withProxy(to: server.port) { (proxy) async throws in
            let database = try PostgreSQL(
                url.replacing(":\(server.port)/", with: ":\(proxy.port)/"),
                options: .init(sessions: 1)
            )
            var outcomes: Set<String> = []
            // Transactions that were committed although the answer was lost.
            var settled = 0
            var round = 0
            var bytes = 1
            while bytes < 700 {
                round += 1
                let number = round
                // A session is there before the cut is armed.
                try await until { (try? await database.first("SELECT 1", as: Int.self)) == 1 }
                proxy.cut(bytes % 2 == 0 ? .reset : .close, after: bytes, direction)
                let isCommitted: Bool?
                do {
                    try await database.transaction { db in
                        try await db.execute("INSERT INTO t VALUES (\(number))")
                        try await db.execute("INSERT INTO t VALUES (\(number))")
                    }
                    isCommitted = true
                    if database.sessions.open == 0 { settled += 1 }
                } catch let error as SQLError {
                    isCommitted = error.code == .commitUnknown ? nil : false
                    if error.code != .connectionLost { Issue.record("\(error)") }
                }
                outcomes.insert("\(isCommitted as Any)")
                // The backend may still be at it.
                try await until {
                    let others: SQL = """
                        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                        AND state LIKE '%transaction%'
                        """
                    return try await direct.first(others, as: Int.self) == 0
                }
                let count = try await direct.first("SELECT count(*) FROM t WHERE n = \(number)", as: Int.self)
                switch isCommitted {
                case true: #expect(count == 2, "after \(bytes) bytes")
                case false: #expect(count == 0, "after \(bytes) bytes")
                case nil: #expect(count == 0 || count == 2, "after \(bytes) bytes")
                }
                // A cut that was not reached is spent before the next round.
                proxy.cut(.reset, after: 1 << 30, direction)
                bytes += bytes < 40 ? 7 : 11
            }
            #expect(outcomes.contains("Optional(true)") && outcomes.contains("Optional(false)"))
            if direction == .toClient { #expect(settled > 0) }
            await database.close()
        }
        await direct.close()
    }
}
