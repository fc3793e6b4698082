import IntegrationSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct RedisServerTests {
    @Test func itAnswersAndEndsWithItsScope() async throws {
        let (process, folder) = try await RedisServer.withServer { server in
            let answer = try await server.command("SET", "key", "value")
            #expect(answer == "OK")
            return (try #require(server.processID), server.folder)
        }
        #expect(try SystemProcess.state(process) == nil)
        #expect(!folder.exists)
    }

    @Test(arguments: [true, false])
    func aKillLosesWhatIsNotPersistent(isPersistent: Bool) async throws {
        var options = RedisOptions()
        options.isPersistent = isPersistent
        try await RedisServer.withServer(options) { server in
            try await server.command("SET", "key", "value")
            try await server.restart()
            let value = try await server.command("GET", "key")
            #expect(value == (isPersistent ? "value" : ""))
        }
    }

    @Test func aPausedOneDoesNotAnswer() async throws {
        try await RedisServer.withServer { server in
            let process = try #require(server.processID)
            server.pause()
            #expect(try SystemProcess.state(process) == "T")
            let client = try Socket.connecting(to: .loopback(port: server.port))
            async let answer = client.ask("PING")
            server.resume()
            let line = try await answer
            #expect(line == "+PONG\r\n")
        }
    }

    @Test func askedToEndItEnds() async throws {
        try await RedisServer.withServer { server in
            let end = try await server.terminate()
            #expect(end == .exited(0))
        }
    }

    @Test func aFailureToStartShowsTheLog() async throws {
        var options = RedisOptions()
        options.extraLines = ["no-such-setting yes"]
        let error = await failure { try await RedisServer.withServer(options) { _ in } }
        #expect(error?.contains("redis-server exited with code 1") == true)
        #expect(error?.contains("no-such-setting") == true)
    }

    @Test func itAsksForThePassword() async throws {
        var options = RedisOptions()
        options.password = "open sesame"
        options.users = ["alice on >secret ~app:* &* +@all"]
        try await RedisServer.withServer(options) { server in
            let client = try Socket.connecting(to: .loopback(port: server.port))
            let refusal = try await client.ask("GET key")
            #expect(refusal.hasPrefix("-NOAUTH"))
            let answer = try await client.ask("AUTH alice secret")
            #expect(answer == "+OK\r\n")
            let other = try await client.ask("GET key")
            #expect(other.hasPrefix("-NOPERM"))
            let user = try await server.command("ACL", "WHOAMI")
            #expect(user == "default")
        }
    }

    @Test func itListensWhereItIsTold() async throws {
        var options = RedisOptions()
        options.listensOnIPv6 = true
        options.listensOnUnixSocket = true
        options.tls = .mutual
        try await RedisServer.withServer(options) { server in
            let client = try Socket.connecting(to: .loopback6(port: server.port))
            let answer = try await client.ask("PING")
            #expect(answer == "+PONG\r\n")

            let program = try Program.find("redis-cli", package: "redis-tools")
            let local = try await Program.run(program, ["-s", #require(server.unixSocket), "PING"])
            #expect(local == "PONG\n")

            let certificates = try await TestCertificates.shared
            let port = try #require(server.tlsPort)
            let secure = ["--tls", "--cacert", certificates.authority, "-h", "127.0.0.1", "-p", "\(port)"]
            let identity = ["--cert", certificates.client.certificate, "--key", certificates.client.key]
            let encrypted = try await Program.run(program, secure + identity + ["PING"])
            #expect(encrypted == "PONG\n")
            let error = await failure { try await Program.run(program, secure + ["PING"]) }
            #expect(error != nil)
        }
    }

    @Test func itKeepsToItsMemory() async throws {
        var options = RedisOptions()
        options.maximumMemory = 1
        try await RedisServer.withServer(options) { server in
            let error = await failure { try await server.command("SET", "key", "value") }
            #expect(error?.contains("OOM") == true)
        }
    }

    @Test func threeMakeACluster() async throws {
        try await RedisCluster.withCluster { cluster in
            let answers = await cluster.nodes.asyncMap { node in
                await failure { try await node.command("SET", "key", "value") }
            }
            // The key's slot, 12539, is the last node's.
            #expect(answers[0]?.contains("MOVED 12539") == true)
            #expect(answers[1]?.contains("MOVED 12539") == true)
            #expect(answers[2] == nil)
        }
    }
}

extension Socket {
    /// Sends a command to Redis and returns the answer's line.
    fileprivate func ask(_ command: String) async throws -> String {
        try await sendAll(Array("\(command)\r\n".utf8))
        var answer: [UInt8] = []
        while answer.last != UInt8(ascii: "\n") { answer += try await receive(1) }
        return String(decoding: answer, as: UTF8.self)
    }
}
