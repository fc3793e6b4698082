import IntegrationSupport
import Martlet
import MartletMQTT
import MartletMQTTWire
import MartletServer
import MartletTesting
import Testing

/// Who is let in, and to what.
@Suite(.timeLimit(.minutes(5))) struct SecurityTests {
    /// As mosquitto's own program writes them.
    private static func passwordFile(_ folder: TemporaryFolder) async throws -> String {
        let program = try Program.find("mosquitto_passwd", package: "mosquitto")
        let file = try folder.write("# users\n", to: "users")
        try await Program.run(program, ["-b", file, "alice", "sesame"])
        try await Program.run(program, ["-b", file, "bob", "püss wörd"])
        return file
    }

    @Test func usersOfAFileAreLetIn() async throws {
        let folder = try TemporaryFolder("server")
        defer { folder.remove() }
        let file = try await Self.passwordFile(folder)
        try await withServer(authenticator: try .passwords(file)) { _, port in
            func reason(_ user: String?, _ password: String?, _ version: ProtocolVersion = .v5) async throws
                -> ReasonCode
            {
                try await WireClient(port, version).connect("client", user: user, password: password).reason
            }
            let right = try await reason("alice", "sesame")
            #expect(right == .success)
            #expect(try await reason("bob", "püss wörd", .v311) == .success)
            #expect(try await reason("alice", "Sesame") == .badUserNameOrPassword)
            #expect(try await reason("alice", "") == .badUserNameOrPassword)
            #expect(try await reason("alice", nil) == .badUserNameOrPassword)
            #expect(try await reason("mallory", "sesame") == .badUserNameOrPassword)
            #expect(try await reason(nil, nil) == .badUserNameOrPassword)
            #expect(try await reason("bob", "sesame", .v311) == .badUserNameOrPassword)
        }
    }

    @Test func aFileThatIsWrongNamesItsLine() {
        for line in ["alice", "alice:secret", "alice:$7$0$AA==$AA==", "alice:$7$101$AA==$AA==", ":$7$101$AA==$AA=="] {
            let error = #expect(throws: MessagingError.self) {
                try PasswordFile(text: "# a comment\n\n\(line)\n", name: "users")
            }
            #expect(error?.description.contains("line 3 of users") == true)
        }
    }

    @Test func nobodyIsLetInByAnEmptyPassword() async throws {
        let hash =
            "$6$MDEyMzQ1Njc4OWFi$"
            + "D1Wmwbo//Ju+TOxH6D+S+wXsEYYnYfPIcZXq2z8FSWAnek/S+F/spLYb2grR5FPUl7wZyHna669O5GZ4DjHmyw=="
        try await withServer(authenticator: try PasswordFile(text: "empty:\(hash)", name: "users")) { _, port in
            for password in ["", nil] {
                let answer = try await WireClient(port).connect("client", user: "empty", password: password)
                #expect(answer.reason == .badUserNameOrPassword)
            }
        }
    }

    /// What `mosquitto_passwd` writes from version 2.1 on; the error says how it writes what is read.
    @Test func ofAHashThatIsNotReadItIsSaidHowToWriteAnother() {
        let error = #expect(throws: MessagingError.self) {
            try PasswordFile(text: "alice:$argon2id$v=19$m=12288,t=3,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5\n", name: "users")
        }
        #expect(error?.description.contains("-H sha512-pbkdf2") == true)
    }

    /// An authenticator that takes too long, fails, or is asked too much holds up nobody else.
    private struct Slow: Authenticator {
        func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
            switch credentials.clientID {
            case "slow": try await Task.sleep(for: .seconds(60))
            case "failing": throw ServerError("no")
            default: break
            }
            return .accepted(user: "somebody")
        }
    }

    @Test func anAuthenticatorHasADeadline() async throws {
        var limits = ServerLimits()
        limits.authenticationTimeout = .milliseconds(200)
        try await withServer(authenticator: Slow(), limits: limits) { _, port in
            let slow = try WireClient(port)
            try await slow.send(.connect(Connect(version: .v5, clientID: "slow")))
            #expect(try await WireClient(port).connect("failing").reason == .badUserNameOrPassword)
            #expect(try await WireClient(port).connect("quick").reason == .success)
            guard case .connack(let answer) = try await slow.receive() else { throw ServerError("No CONNACK") }
            #expect(answer.reason == .badUserNameOrPassword)
        }
    }

    /// One that is not let in does nothing to the session that it names.
    @Test func aRefusalHarmsNoSession() async throws {
        let folder = try TemporaryFolder("server")
        defer { folder.remove() }
        let file = try await Self.passwordFile(folder)
        try await withServer(authenticator: try .passwords(file)) { _, port in
            let owner = try WireClient(port)
            try await owner.connect("owner", user: "alice", password: "sesame")
            try await owner.subscribe(.init("a"))
            #expect(try await WireClient(port).connect("owner", user: "alice", password: "?").reason.isError)
            try await owner.publish("still here", to: "a")
            #expect(try await owner.text() == "still here")
        }
    }

    @Test func rulesHoldForWhatIsPublishedSubscribedDeliveredAndKept() async throws {
        let rules = try AccessRules(
            text: """
                topic read status/#
                pattern readwrite clients/%c/#
                user alice
                topic orders/+
                topic deny orders/secret
                topic write status/alice
                """,
            name: "rules"
        )
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        let kept = PublishOptions(retain: true)
        try await local.publish(Message("kept"), to: "orders.secret", options: kept)
        try await local.publish(Message("kept"), to: "orders.1", options: kept)
        try await withServer(broker, authenticator: Named(), rules: rules) { _, port in
            let alice = try WireClient(port)
            try await alice.connect("a", user: "alice")
            #expect(
                try await alice.subscribe(
                    .init("orders/#"),
                    .init("status/#"),
                    .init("clients/a/x"),
                    .init("clients/b/x")
                )
                    == [.success, .notAuthorized, .success, .notAuthorized]
            )
            #expect(try await alice.textsUntilMarkOf("clients/a/mark") == ["kept"])
            try await local.publish(Message("new"), to: "orders.secret")
            try await local.publish(Message("new"), to: "orders.2")
            #expect(try await alice.textsUntilMarkOf("clients/a/mark") == ["new"])
            try await alice.publish("", to: "status/alice", .atLeastOnce, id: 1)
            #expect(try await alice.receive() == .puback(Acknowledgement(1, .noMatchingSubscribers)))
            try await alice.publish("", to: "status/bob", .atLeastOnce, id: 1)
            #expect(try await alice.receive() == .puback(Acknowledgement(1, .notAuthorized)))
            let nobody = try WireClient(port)
            try await nobody.connect("n")
            #expect(try await nobody.subscribe(.init("status/+"), .init("orders/1")) == [.success, .notAuthorized])
            // A name of wildcards stands for nobody's topics (CVE-2017-7650).
            let sly = try WireClient(port)
            try await sly.connect("+")
            #expect(
                try await sly.subscribe(.init("clients/a/x"), .init("clients/+/x")) == [.notAuthorized, .notAuthorized]
            )
            // Nor does a will go where its client may not publish.
            let will = WillMessage(topic: "orders/3", payload: [1])
            let dying = try WireClient(port)
            try await dying.connect("d", will: will)
            dying.socket.end()
            #expect(try await alice.textsUntilMarkOf("clients/a/mark") == [])
        }
    }

    /// By a name a pattern becomes neither a filter of `$SYS` nor one of a group, whose own filter would then hold.
    @Test(arguments: ["$share", "$SYS"]) func aNameBeginsNoFilterWithADollar(_ name: String) async throws {
        let rules = try AccessRules(
            text: "pattern readwrite %c/data/#\npattern readwrite %u/own/#\npattern readwrite clients/%c/#",
            name: "rules"
        )
        try await withServer(authenticator: Named(), rules: rules) { _, port in
            let sly = try WireClient(port)
            try await sly.connect(name, user: name)
            for filter in ["secret", "data/a", "$SYS/#", "$SYS/data/a", "$share/data/a"] {
                #expect(try await sly.subscribe(.init(filter)) == [.notAuthorized], "\(filter)")
            }
            #expect(try await sly.subscribe(.init("clients/\(name)/a")) == [.success])
            #expect(try await sly.publishSurely("", to: "secret") == .notAuthorized)
            let honest = try WireClient(port)
            try await honest.connect("client", user: "user")
            #expect(try await honest.subscribe(.init("client/data/a"), .init("user/own/a")) == [.success, .success])
        }
    }

    /// A client that leaves its name to the broker may do what is for clients of that name.
    @Test func rulesHoldForANameThatWasGiven() async throws {
        let rules = try AccessRules(text: "pattern readwrite clients/%c/#", name: "rules")
        try await withServer(rules: rules) { _, port in
            let client = try WireClient(port)
            let name = try #require(try await client.connect("").properties.text(.assignedClientIdentifier))
            let reasons = try await client.subscribe(.init("clients/\(name)/a"), .init("clients/b/a"))
            #expect(reasons == [.success, .notAuthorized])
            #expect(try await client.publishSurely("", to: "clients/\(name)/b") == .noMatchingSubscribers)
        }
    }

    /// Whoever takes up the session of another user gets what he may read of it himself, be it sent for the first time or again.
    @Test func whatWaitsForAnotherUserIsNotGivenAway() async throws {
        let rules = try AccessRules(
            text: "topic write #\nuser alice\ntopic read #\nuser bob\ntopic readwrite public/#",
            name: "rules"
        )
        try await withServer(authenticator: Named(), rules: rules) { server, port in
            let alice = try WireClient(port)
            try await alice.connect("shared", cleanStart: false, expiry: 1_000, user: "alice")
            try await alice.subscribe(.init("#", qos: .exactlyOnce))
            let writer = try await WireClient.connected(port, "writer")
            for (topic, qos) in ["secret/1": QoS.atLeastOnce, "secret/2": .exactlyOnce, "public/1": .atLeastOnce] {
                try await writer.publishSurely(topic, to: topic, qos)
                // It is not acknowledged.
                guard case .publish = try await alice.receive() else { throw ServerError("No message") }
            }
            try await alice.send(.disconnect(Disconnect()))
            _ = try await alice.socket.receiveEnd()
            for topic in ["secret/3", "public/2"] { try await writer.publishSurely(topic, to: topic) }
            let bob = try WireClient(port)
            let answer = try await bob.connect("shared", cleanStart: false, expiry: 1_000, user: "bob")
            #expect(answer.sessionPresent)
            #expect(try await bob.textsUntilMarkOf("public/mark") == ["public/1", "public/2"])
            #expect(server.statistics.dropped == 3)
        }
    }

    /// Asks for a moment who a client is; of the user `late` until it is told to go on, of `nobody` for ever.
    private struct Patient: Authenticator {
        let asked = Recorder<String>()
        let goesOn = Watched(false)

        func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
            asked.record(credentials.clientID)
            switch credentials.user {
            case "late": try await goesOn.wait { $0 }
            case "nobody": try await Task.sleep(for: .seconds(3_600))
            default: try await Task.sleep(for: .milliseconds(20))
            }
            return .accepted(user: credentials.user)
        }
    }

    private static func breath(_ id: String, user: String? = nil) -> [UInt8] {
        var connect = Connect(version: .v311, clientID: id, keepAlive: 0)
        connect.userName = user
        let packets: [Packet] = [
            .connect(connect),
            .publish(Publish(topic: "a", payload: Array(id.utf8))),
            .disconnect(Disconnect()),
        ]
        return packets.flatMap { Encoder(.v311).bytes(of: $0) }
    }

    /// Small programs say all that they have to say at once, and are gone before it is known who they are.
    @Test func whoIsGoneWhenLetInIsHeard() async throws {
        try await withServer(authenticator: Patient()) { server, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("a"))
            for number in 0..<30 {
                let socket = try Socket.connecting(to: .loopback(port: port))
                try await socket.sendAll(Self.breath("\(number)"))
                if number.isMultiple(of: 2) { socket.endWriting() } else { socket.end() }
                #expect(try await reader.text() == "\(number)")
            }
            try await until { server.statistics.clients == 1 && server.statistics.connections == 1 }
            #expect(server.statistics.sessions == 1)
        }
    }

    /// A connection that has gone ends none that its client has made since.
    @Test func whoIsGoneWhenLetInTakesNobodysPlace() async throws {
        let patient = Patient()
        var limits = ServerLimits()
        limits.authenticationTimeout = .seconds(3_600)
        try await withServer(authenticator: patient, limits: limits) { server, port in
            let gone = try Socket.connecting(to: .loopback(port: port))
            try await gone.sendAll(Self.breath("client", user: "late"))
            gone.end()
            try await until { !patient.asked.values.isEmpty && server.statistics.connections == 0 }
            let client = try await WireClient.connected(port, "client")
            // Four are asked about at a time. Whoever comes behind these is let in when it has been decided about the first.
            for number in 0..<3 {
                let other = try WireClient(port)
                var connect = Connect(version: .v5, clientID: "other-\(number)")
                connect.userName = "nobody"
                try await other.send(.connect(connect))
            }
            try await until { patient.asked.values.count == 5 }
            patient.goesOn.update { $0 = true }
            // Each takes the place of the one before, as the first would: what that does has been done by the time that these are in.
            for _ in 0..<50 { _ = try await WireClient.connected(port, "next") }
            try await client.send(.pingreq)
            #expect(try await client.receive() == .pingresp)
        }
    }

    @Test(arguments: ["topics x", "topic", "user", "topic read a/#/b", "topic $share/g/a"])
    func aRuleThatIsNoneNamesItsLine(_ line: String) {
        let error = #expect(throws: MessagingError.self) { try AccessRules(text: "\n\(line)", name: "rules") }
        #expect(error?.description.contains("line 2 of rules") == true)
    }

    /// Nobody could come in, and nobody would be told why.
    @Test func clientAuthoritiesWithoutARootAreRefused() async throws {
        let certificates = try await TestCertificates.shared
        try await CertificateAuthority.withAuthority { root in
            let authority = try await root.authority("intermediate")
            let tls = Listener.TLS(
                certificateChain: certificates.server.certificate,
                privateKey: certificates.server.key,
                clientAuthorities: authority.certificate
            )
            let error = await messagingError { try await withServer(listeners: [.mqtts(port: 0, tls)]) { _, _ in } }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains(authority.certificate) == true, "\(String(describing: error))")
        }
    }

    @Test func clientsUnderTLSAreServed() async throws {
        let certificates = try await TestCertificates.shared
        let tls = Listener.TLS(
            certificateChain: certificates.server.certificate,
            privateKey: certificates.server.key,
            clientAuthorities: certificates.authority
        )
        try await withServer(listeners: [.mqtts(port: 0, tls)]) { _, port in
            var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: port)])
            options.tls = TLSOptions(
                trust: .file(certificates.authority),
                clientCertificate: .init(chainFile: certificates.client.certificate, keyFile: certificates.client.key)
            )
            try await MQTTConnection.withConnection(options) { connection in
                let inbox = try await connection.subscribe(to: "a")
                let body = [UInt8](repeating: 7, count: 1 << 20)
                try await connection.publish(Message(body), to: "a", options: PublishOptions(guarantee: .exactlyOnce))
                #expect(try await inbox.next()?.message.body == body)
            }
            // One without a certificate is not let in.
            let program = try Program.find("mosquitto_pub", package: "mosquitto-clients")
            await #expect(throws: ServerError.self) {
                try await Program.run(
                    program,
                    ["-h", "localhost", "-p", "\(port)", "--cafile", certificates.authority, "-t", "a", "-m", "x"]
                )
            }
        }
    }

    /// Rules that are exchanged hold at once: for clients that are there, and for what waits for those that are not.
    @Test func rulesAreExchanged() async throws {
        try await withServer { server, port in
            let (away, _) = try await WireClient.kept(port, "away")
            try await away.subscribe(.init("#", qos: .atLeastOnce))
            let writer = try await WireClient.connected(port, "writer")
            try await writer.publishSurely("0", to: "secret")
            // It is not acknowledged.
            guard case .publish = try await away.receive() else { throw ServerError("No message") }
            try await away.send(.disconnect(Disconnect()))
            _ = try await away.socket.receiveEnd()
            let there = try await WireClient.connected(port, "there")
            try await there.subscribe(.init("secret"))
            try await writer.publishSurely("1", to: "secret")
            #expect(try await there.text() == "1")
            server.setRules(
                try AccessRules(text: "topic read public/#\ntopic read mark/#\ntopic write #", name: "rules")
            )
            try await writer.publishSurely("2", to: "secret")
            try await writer.publishSurely("3", to: "public/a")
            #expect(try await there.textsUntilMark() == [])
            #expect(try await there.subscribe(.init("secret")) == [.notAuthorized])
            let (back, isPresent) = try await WireClient.kept(port, "away")
            #expect(isPresent)
            #expect(try await back.textsUntilMark().filter { !$0.isEmpty } == ["3"])
            server.setRules(nil)
            try await writer.publishSurely("4", to: "secret")
            #expect(try await there.text() == "4")
        }
    }

    /// What a client could read nothing of it can't subscribe to.
    @Test(arguments: ProtocolVersion.allCases) func whatIsDeniedWhollyIsRefused(_ version: ProtocolVersion) async throws
    {
        let rules = try AccessRules(
            text: "topic readwrite #\ntopic deny secret/#\ntopic deny house/+/key\ntopic deny one",
            name: "rules"
        )
        try await withServer(rules: rules) { _, port in
            let client = try await WireClient.connected(port, "client", version)
            let denied = [
                "one", "secret/#", "secret/a", "secret/+/b", "house/+/key", "house/x/key", "$share/g/secret/a",
            ]
            let allowed = ["#", "+", "+/#", "house/#", "house/x/+", "other"]
            for (filters, reason) in [
                (denied, version == .v5 ? ReasonCode.notAuthorized : .unspecifiedError), (allowed, .success),
            ] {
                for filter in filters {
                    #expect(try await client.subscribe(.init(filter)) == [reason], "\(filter)")
                }
            }
        }
    }
}
