import IntegrationSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct MosquittoServerTests {
    @Test func itAnswersAndEndsWithItsScope() async throws {
        let (process, folder) = try await MosquittoServer.withServer { server in
            let client = try Socket.connecting(to: .loopback(port: server.port))
            let session = try await client.mqttConnect("a")
            #expect(session == false)
            return (try #require(server.processID), server.folder)
        }
        #expect(try SystemProcess.state(process) == nil)
        #expect(!folder.exists)
    }

    @Test func whatItConfirmedSurvivesAKill() async throws {
        var options = MosquittoOptions()
        options.isPersistent = true
        try await MosquittoServer.withServer(options) { server in
            let reader = try Socket.connecting(to: .loopback(port: server.port))
            _ = try await reader.mqttConnect("reader", isClean: false)
            let granted = try await reader.mqttSubscribe("topic")
            #expect(granted == 1)
            reader.endWriting()
            _ = try await reader.receiveEnd()

            let writer = try Socket.connecting(to: .loopback(port: server.port))
            _ = try await writer.mqttConnect("writer")
            try await writer.mqttPublish("kept", to: "topic")
            try await server.save()
            try await server.restart()

            let again = try Socket.connecting(to: .loopback(port: server.port))
            let hadSession = try await again.mqttConnect("reader", isClean: false)
            #expect(hadSession == true)
            let text = try await again.mqttReceive()
            #expect(text == "kept")
        }
    }

    @Test func aPausedOneIsConnectedAndDoesNotAnswer() async throws {
        try await MosquittoServer.withServer { server in
            server.pause()
            let process = try #require(server.processID)
            #expect(try SystemProcess.state(process) == "T")
            let client = try Socket.connecting(to: .loopback(port: server.port))
            async let answer = client.mqttConnect("a")
            server.resume()
            let session = try await answer
            #expect(session == false)
        }
    }

    @Test func itsPortIsKeptWhileItIsDown() async throws {
        try await MosquittoServer.withServer { server in
            server.kill()
            #expect(server.processID == nil)
            let client = try Socket.connecting(to: .loopback(port: server.port))
            let end = try await client.receiveEnd()
            #expect(!end)
            try await server.start()
            let again = try Socket.connecting(to: .loopback(port: server.port))
            let session = try await again.mqttConnect("a")
            #expect(session == false)
        }
    }

    @Test func askedToEndItEnds() async throws {
        try await MosquittoServer.withServer { server in
            let end = try await server.terminate()
            #expect(end == .exited(0))
            let error = await failure { try await server.terminate() }
            #expect(error == "mosquitto does not run")
        }
    }

    @Test func aFailureToStartShowsTheLog() async throws {
        var options = MosquittoOptions()
        options.extraLines = ["no_such_setting true"]
        let error = await failure { try await MosquittoServer.withServer(options) { _ in } }
        #expect(error?.contains("mosquitto exited with code") == true)
        #expect(error?.contains("no_such_setting") == true)
    }

    @Test func usersNeedTheirPasswordsAndRights() async throws {
        var options = MosquittoOptions()
        options.users = [.init("alice", password: "right")]
        options.accessControl = ["user alice", "topic readwrite open/#", "topic write closed/#"]
        try await MosquittoServer.withServer(options) { server in
            let outcomes = try await ["right", "wrong"].asyncMap { password in
                let client = try Socket.connecting(to: .loopback(port: server.port))
                return try await client.mqttConnect("a", user: "alice", password: password)
            }
            #expect(outcomes == [false, nil])
            let client = try Socket.connecting(to: .loopback(port: server.port))
            _ = try await client.mqttConnect("a", user: "alice", password: "right")
            _ = try await client.mqttSubscribe("#")
            let writer = try Socket.connecting(to: .loopback(port: server.port))
            _ = try await writer.mqttConnect("b", user: "alice", password: "right")
            try await writer.mqttPublish("secret", to: "closed/door")
            try await writer.mqttPublish("public", to: "open/door")
            let text = try await client.mqttReceive()
            #expect(text == "public")
        }
    }

    @Test func itListensOnIPv6() async throws {
        var options = MosquittoOptions()
        options.listensOnIPv6 = true
        try await MosquittoServer.withServer(options) { server in
            let client = try Socket.connecting(to: .loopback6(port: server.port))
            let session = try await client.mqttConnect("a")
            #expect(session == false)
        }
    }

    @Test func everybodySharesOne() async throws {
        async let first = MosquittoServer.shared()
        async let second = MosquittoServer.shared()
        let servers = try await (first, second)
        #expect(servers.0 === servers.1)
        #expect(servers.0.processID != nil)
    }
}
