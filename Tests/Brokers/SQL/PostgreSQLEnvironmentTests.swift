import Foundation
import IntegrationSupport
import Testing

/// What the files and variables of PostgreSQL's users say, which hold for a whole process: it is one of its own.
@Suite(.timeLimit(.minutes(10)))
struct PostgreSQLEnvironmentTests {
    private let folder: TemporaryFolder
    private let server: PostgreSQLServer

    init() async throws {
        folder = try TemporaryFolder("environment")
        server = try await PostgreSQLServer.shared()
    }

    private func answer(_ url: String, _ environment: [String: String]) async throws -> String {
        // Nobody's own files.
        let own = ["HOME": folder.path, "PGSYSCONFDIR": folder.path("system")]
        let program = try ProgramRun(
            ofPackage: "shop-under-test",
            ["ask", url],
            environment: own.merging(environment) { $1 }
        )
        #expect(try await program.waitForEnd() == .exited(0), "\(program.errors)")
        return program.lines.last ?? ""
    }

    private func passwords(_ name: String, _ host: String) throws -> String {
        let path = try folder.write(
            "# of the shop\n\(host):\(server.port):*:\(PostgreSQLServer.user):\(PostgreSQLServer.password)\n",
            to: name
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        return path
    }

    private let isLetIn = "user \(PostgreSQLServer.user)"

    @Test func aPasswordComesFromTheFileOfTheUser() async throws {
        defer { folder.remove() }
        let url = "postgres://\(PostgreSQLServer.user)@127.0.0.1:\(server.port)/postgres"
        #expect(try await answer(url, [:]).contains("no password"))
        let elsewhere = try passwords("elsewhere", "127.0.0.1")
        #expect(try await answer(url, ["PGPASSFILE": elsewhere]) == isLetIn)
        #expect(try await answer("\(url)?passfile=\(elsewhere)", [:]) == isLetIn)
        let own = try passwords(".pgpass", "127.0.0.1")
        #expect(try await answer(url, [:]) == isLetIn)
        // It is looked up by the name that was asked for, not by the address that was found for it.
        let named = url.replacing("127.0.0.1", with: "localhost")
        #expect(try await answer(named, [:]).contains("no password"))
        _ = try passwords(".pgpass", "localhost")
        #expect(try await answer(named, [:]) == isLetIn)
        // Others could read it.
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: own)
        #expect(try await answer(named, [:]).contains("no password"))
    }

    @Test func variablesSayWhatTheURLLeavesOut() async throws {
        defer { folder.remove() }
        let variables = [
            "PGHOST": "127.0.0.1", "PGPORT": "\(server.port)", "PGUSER": PostgreSQLServer.user,
            "PGPASSWORD": PostgreSQLServer.password, "PGDATABASE": "postgres",
        ]
        #expect(try await answer("postgres://", variables) == isLetIn)
        let wrong = variables.merging(["PGHOST": "nowhere.invalid", "PGUSER": "nobody"]) { $1 }
        #expect(try await answer("postgres://\(PostgreSQLServer.user)@localhost", wrong) == isLetIn)
    }

    @Test func aServiceSaysWhatTheURLLeavesOut() async throws {
        defer { folder.remove() }
        let text = """
            # Two, of which the first has less to say.
            [other]
            host=nowhere.invalid

            [shop]
            host=localhost
            port=\(server.port)
              user=\(PostgreSQLServer.user)
            password=\(PostgreSQLServer.password)
            dbname=postgres
            # Of two the first one counts, as with libpq.
            host=nowhere.invalid
            """
        let file = try folder.write(text, to: "services")
        #expect(try await answer("service=shop", ["PGSERVICEFILE": file]) == isLetIn)
        #expect(try await answer("postgres://?service=shop", ["PGSERVICEFILE": file]) == isLetIn)
        #expect(try await answer("postgres://", ["PGSERVICEFILE": file, "PGSERVICE": "shop"]) == isLetIn)
        // What a service says goes before the variables, and what the URL says before both.
        let variables = ["PGSERVICEFILE": file, "PGHOST": "nowhere.invalid", "PGPORT": "1"]
        #expect(try await answer("service=shop", variables) == isLetIn)
        #expect(try await answer("service=other host=127.0.0.1", variables).contains("error not-connected"))
        #expect(try await answer("service=other", variables).contains("nowhere.invalid"))
        // The user's own file, then the system's.
        #expect(try await answer("service=shop", [:]).contains("error not-connected"))
        try FileManager.default.createDirectory(atPath: folder.path("system"), withIntermediateDirectories: false)
        try FileManager.default.copyItem(atPath: file, toPath: folder.path("system/pg_service.conf"))
        #expect(try await answer("service=shop", [:]) == isLetIn)
        try folder.write("[other]\nhost=localhost\n", to: ".pg_service.conf")
        #expect(try await answer("service=shop", [:]) == isLetIn)
        try folder.write("[shop]\nhost=nowhere.invalid\n", to: ".pg_service.conf")
        #expect(try await answer("service=shop", [:]).contains("nowhere.invalid"))
    }

    /// The server of the tests has no TLS, and is called as if it were another machine.
    @Test func beyondThisMachineACertificateIsAskedForUnlessItIsSaid() async throws {
        defer { folder.remove() }
        let user = "user=\(PostgreSQLServer.user) password='\(PostgreSQLServer.password)' dbname=postgres"
        let remote = "host=db.elsewhere.test hostaddr=127.0.0.1 port=\(server.port) \(user)"
        #expect(try await answer(remote, [:]).contains("SSL"))
        #expect(try await answer(remote, ["PGSSLMODE": "disable"]) == isLetIn)
        #expect(try await answer(remote, ["PGSSLMODE": "prefer"]) == isLetIn)
        #expect(try await answer(remote + " sslmode=prefer", [:]) == isLetIn)
        #expect(try await answer(remote + " sslmode=require", ["PGSSLMODE": "disable"]).contains("SSL"))
        let place = "host=db.elsewhere.test\nhostaddr=127.0.0.1\nport=\(server.port)\n"
        let file = try folder.write("[strict]\n\(place)[lax]\n\(place)sslmode=disable\n", to: "services")
        #expect(try await answer("service=strict \(user)", ["PGSERVICEFILE": file]).contains("SSL"))
        #expect(try await answer("service=lax \(user)", ["PGSERVICEFILE": file]) == isLetIn)
        // What libpq takes for the service's name is it here, too; of another host nothing may be missed.
        let text = "[strict] # elsewhere\n\t\(place)[lax]]\n\(place)\u{B} sslmode=disable\u{C}\n"
        let odd = try folder.write(text, to: "odd")
        #expect(try await answer("service=strict \(user)", ["PGSERVICEFILE": odd]).contains("SSL"))
        #expect(try await answer("service=lax \(user)", ["PGSERVICEFILE": odd]) == isLetIn)
        // One host of several is elsewhere: then all have to be secure.
        let several = "host=127.0.0.1,db.elsewhere.test hostaddr=127.0.0.1,127.0.0.1 port=\(server.port) \(user)"
        #expect(try await answer(several, [:]).contains("SSL"))
    }
}
