import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import Testing

@testable import MartletServer

/// Clients of MQTT 5 that say by AUTH who they are.
@Suite(.timeLimit(.minutes(5))) struct EnhancedAuthenticationTests {
    private static let method = "SCRAM-SHA-256"

    /// As long as a slow machine takes.
    private static let patience: ServerLimits = {
        var limits = ServerLimits()
        limits.authenticationTimeout = .seconds(300)
        return limits
    }()

    private static func file(_ users: [(String, String)] = [("alice", "sesame"), ("bob", "pencil")]) throws -> SCRAMFile
    {
        var text = ""
        for (user, password) in users {
            let credential = SCRAMCredential(
                password: Array(password.utf8),
                salt: Array("salt of \(user)".utf8),
                iterations: 4_096
            )
            text += "\(user):\(credential.text)\n"
        }
        return try SCRAMFile(text: text, name: "keys", otherwise: PlainUsers())
    }

    /// Whoever names no method and is called carol.
    private struct PlainUsers: Authenticator {
        func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
            credentials.user == "carol" ? .accepted(user: "carol") : .refused
        }
    }

    // MQTT 5: 4.12.0-2, 4.12.0-5.
    @Test func whoKnowsThePasswordIsLetIn() async throws {
        let rules = try AccessRules(text: "user alice\ntopic #", name: "rules")
        try await withServer(authenticator: try Self.file(), rules: rules, limits: Self.patience) { _, port in
            let alice = try WireClient(port)
            let connack = try await alice.authenticate(SCRAMClient(user: "alice", password: "sesame"))
            #expect(connack.reason == .success)
            #expect(connack.properties.text(.authenticationMethod) == Self.method)
            // She is the user that the rules have, and a client like any other.
            #expect(try await alice.subscribe(.init("a")) == [.success])
            try await alice.publish("x", to: "a")
            #expect(try await alice.text() == "x")
            // Those who name no method are somebody else's to decide about.
            #expect(try await WireClient(port).connect("c", user: "carol").reason == .success)
            #expect(try await WireClient(port, .v311).connect("d", user: "carol").reason == .success)
            #expect(try await WireClient(port).connect("e", user: "alice").reason == .badUserNameOrPassword)
        }
    }

    /// Python's own hashing, and packets that are put together by hand.
    @Test(arguments: [("alice", "sesame", ["known", "known"]), ("alice", "Sesame", ["0x87"]), ("eve", "x", ["0x87"])])
    func aPeerOfOthersLogsIn(_ user: String, _ password: String, _ expected: [String]) async throws {
        try await withServer(authenticator: try Self.file(), limits: Self.patience) { _, port in
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Peers/scram_peer.py"
            let run = try ProgramRun(
                try await PythonEnvironment.interpreter(),
                [script, "\(port)", user, password]
            )
            #expect(try await run.waitForEnd() == .exited(0))
            #expect(run.lines == expected)
        }
    }

    // MQTT 5: 4.12.0-4.
    @Test func whoDoesNotIsToldAndHarmsNoSession() async throws {
        try await withServer(authenticator: try Self.file(), limits: Self.patience) { _, port in
            let owner = try WireClient(port)
            let alice = SCRAMClient(user: "alice", password: "sesame")
            #expect(try await owner.authenticate(alice, "owner").reason == .success)
            for (user, password) in [("alice", "Sesame"), ("mallory", "sesame"), ("bob", "sesame")] {
                let client = try WireClient(port)
                let connack = try await client.authenticate(SCRAMClient(user: user, password: password), "owner")
                #expect(connack.reason == .notAuthorized)
                #expect(!connack.properties.has(.authenticationData))
                _ = try await client.socket.receiveEnd()
            }
            try await owner.send(.pingreq)
            #expect(try await owner.receive() == .pingresp)
        }
    }

    // MQTT 5: 4.12.0-1.
    @Test func whatIsNoMethodIsTold() async throws {
        try await withServer(authenticator: try Self.file(), limits: Self.patience) { _, port in
            for method in ["SCRAM-SHA-1", "", "scram-sha-256", "SCRAM-SHA-256-PLUS"] {
                let client = try WireClient(port)
                try await client.send(.connect(.naming(method, [])))
                #expect(try await client.receive() == .connack(Connack(.badAuthenticationMethod)))
                _ = try await client.socket.receiveEnd()
            }
            let client = try WireClient(port)
            for header in ["p=tls-unique,,", "n,a=bob,"] {
                let client = try WireClient(port)
                let scram = SCRAMClient(user: "alice", password: "sesame", header: header)
                #expect(try await client.authenticate(scram).reason == .notAuthorized)
            }
            try await client.send(.connect(.naming(Self.method, nil)))
            #expect(try await client.receive() == .connack(Connack(.notAuthorized)))
        }
    }

    // MQTT 5: 4.12.0-3, 4.12.0-5.
    @Test func beforeItIsDoneNothingElseIsHeard() async throws {
        try await withServer(authenticator: try Self.file(), limits: Self.patience) { _, port in
            let scram = SCRAMClient(user: "alice", password: "sesame")
            for packet: Packet in [
                .auth(.naming(Self.method, .reauthenticate, [1])), .auth(.naming(Self.method, .success, [1])),
                .auth(.naming("SCRAM-SHA-1", .continueAuthentication, [1])), .auth(Auth(.continueAuthentication)),
                .pingreq, .publish(Publish(topic: "a", payload: [])), .subscribe(SubscribeRequest(1, [.init("a")])),
            ] {
                let client = try WireClient(port)
                try await client.send(.connect(.naming(Self.method, scram.first)))
                guard case .auth(let auth) = try await client.receive() else { throw ServerError("No AUTH") }
                #expect(auth.reason == .continueAuthentication)
                #expect(auth.properties.text(.authenticationMethod) == Self.method)
                try await client.send(packet)
                #expect(try await client.receive() == .connack(Connack(.protocolError)), "\(packet)")
                _ = try await client.socket.receiveEnd()
            }
            // It may go. What is too long is not even read.
            let client = try WireClient(port)
            try await client.send(.connect(.naming(Self.method, scram.first)))
            _ = try await client.receive()
            try await client.send(.disconnect(Disconnect()))
            _ = try await client.socket.receiveEnd()
            let other = try WireClient(port)
            try await other.send(.connect(.naming(Self.method, scram.first)))
            _ = try await other.receive()
            try await other.socket.sendAll([0xF0, 0x80, 0x80, 0x08])
            #expect(try await other.receive() == .connack(Connack(.packetTooLarge)))
        }
    }

    @Test func itHasToBeDoneInTime() async throws {
        var limits = ServerLimits()
        limits.authenticationTimeout = .milliseconds(200)
        try await withServer(authenticator: try Self.file(), limits: limits) { _, port in
            let client = try WireClient(port)
            try await client.send(.connect(.naming(Self.method, SCRAMClient(user: "alice", password: "sesame").first)))
            var packet = try await client.receive()
            // On a slow machine the time may be over before the first answer.
            if packet.kind == .auth { packet = try await client.receive() }
            #expect(packet == .connack(Connack(.notAuthorized)))
            _ = try await client.socket.receiveEnd()
        }
    }

    // MQTT 5: 4.12.1-1.
    @Test func aClientAuthenticatesItselfAnew() async throws {
        try await withServer(authenticator: try Self.file(), limits: Self.patience) { _, port in
            let scram = SCRAMClient(user: "alice", password: "sesame")
            let client = try WireClient(port)
            #expect(try await client.authenticate(scram).reason == .success)
            try await client.subscribe(.init("a"))
            for _ in 0..<3 {
                try await client.send(.auth(.naming(Self.method, .reauthenticate, scram.first)))
                guard case .auth(let challenge) = try await client.receive() else { throw ServerError("No AUTH") }
                #expect(challenge.reason == .continueAuthentication)
                // Meanwhile it is who it was.
                try await client.publish("x", to: "a")
                #expect(try await client.text() == "x")
                let (message, signature) = try scram.final(challenge.properties.data(.authenticationData) ?? [])
                try await client.send(.auth(.naming(Self.method, .continueAuthentication, message)))
                #expect(try await client.receive() == .auth(.naming(Self.method, .success, signature)))
            }
            try await client.publish("y", to: "a")
            #expect(try await client.text() == "y")
        }
    }

    /// Whose password is not right any more, or who would be another user, is cut off.
    // MQTT 5: 4.12.1-2.
    @Test(arguments: [("alice", "Sesame"), ("bob", "pencil")]) func whoFailsToIsCutOff(
        _ user: String,
        _ password: String
    ) async throws {
        try await withServer(authenticator: try Self.file(), limits: Self.patience) { _, port in
            let client = try WireClient(port)
            #expect(try await client.authenticate(SCRAMClient(user: "alice", password: "sesame")).reason == .success)
            let scram = SCRAMClient(user: user, password: password)
            try await client.send(.auth(.naming(Self.method, .reauthenticate, scram.first)))
            guard case .auth(let challenge) = try await client.receive() else { throw ServerError("No AUTH") }
            let (message, _) = try scram.final(challenge.properties.data(.authenticationData) ?? [])
            try await client.send(.auth(.naming(Self.method, .continueAuthentication, message)))
            #expect(try await client.disconnectReason() == .notAuthorized)
        }
    }

    /// One that is told the whole of it by one answer, and lets its clients stay for a time.
    private struct Ticket: Authenticator {
        struct Exchange: AuthenticationExchange {
            mutating func answer(_ data: [UInt8]) async throws -> AuthenticationStep {
                switch String(decoding: data, as: UTF8.self) {
                case "short": .accepted(user: nil, for: .milliseconds(50))
                case "long": .accepted(user: nil, for: .seconds(3_600))
                case "much": .proceed([UInt8](repeating: 0, count: 65_536))
                case "slow": try await slow()
                default: .refused
                }
            }

            private func slow() async throws -> AuthenticationStep {
                try await Task.sleep(for: .seconds(60))
                return .accepted(user: nil)
            }
        }

        func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
            .accepted(user: nil, for: .milliseconds(50))
        }

        func exchange(by method: String, _ credentials: ClientCredentials) -> (any AuthenticationExchange)? {
            Exchange()
        }
    }

    private static func connected(_ port: Int, _ ticket: String) async throws -> (WireClient, ReasonCode) {
        let client = try WireClient(port)
        try await client.send(.connect(.naming("ticket", Array(ticket.utf8), ticket)))
        guard case .connack(let connack) = try await client.receive() else { throw ServerError("No CONNACK") }
        return (client, connack.reason)
    }

    @Test func whoseTimeIsOverIsCutOff() async throws {
        try await withServer(authenticator: Ticket(), limits: Self.patience) { _, port in
            let (short, reason) = try await Self.connected(port, "short")
            #expect(reason == .success)
            #expect(try await short.disconnectReason() == .maximumConnectTime)
            let plain = try WireClient(port)
            #expect(try await plain.connect("plain").reason == .success)
            #expect(try await plain.disconnectReason() == .maximumConnectTime)
            // A new ticket is a new time.
            let (renewed, other) = try await Self.connected(port, "long")
            #expect(other == .success)
            try await renewed.send(.auth(.naming("ticket", .reauthenticate, Array("short".utf8))))
            #expect(try await renewed.receive() == .auth(.naming("ticket", .success, [])))
            #expect(try await renewed.disconnectReason() == .maximumConnectTime)
        }
    }

    @Test func anAuthenticatorThatFailsLetsNobodyIn() async throws {
        var limits = ServerLimits()
        limits.authenticationTimeout = .milliseconds(200)
        try await withServer(authenticator: Ticket(), limits: limits) { _, port in
            for ticket in ["none", "much", "slow"] {
                let (_, reason) = try await Self.connected(port, ticket)
                #expect(reason == .notAuthorized, "\(ticket)")
            }
        }
    }
}

extension Connect {
    /// One that names a method of authentication.
    fileprivate static func naming(_ method: String, _ data: [UInt8]?, _ id: String = "client") -> Connect {
        var connect = Connect(version: .v5, clientID: id, keepAlive: 0)
        connect.properties.add(.authenticationMethod, method)
        if let data { connect.properties.add(.authenticationData, data) }
        return connect
    }
}

extension Auth {
    fileprivate static func naming(_ method: String, _ reason: ReasonCode, _ data: [UInt8]) -> Auth {
        var properties = PropertyList()
        properties.add(.authenticationMethod, method)
        if !data.isEmpty { properties.add(.authenticationData, data) }
        return Auth(reason, properties: properties)
    }
}

extension WireClient {
    /// Connects by SCRAM-SHA-256, and checks that the server knows the password, too.
    fileprivate func authenticate(_ scram: SCRAMClient, _ id: String = "client") async throws -> Connack {
        let method = "SCRAM-SHA-256"
        try await send(.connect(.naming(method, scram.first, id)))
        var signature: [UInt8]?
        while true {
            switch try await receive() {
            case .auth(let auth):
                let (message, expected) = try scram.final(auth.properties.data(.authenticationData) ?? [])
                signature = expected
                try await send(.auth(.naming(method, .continueAuthentication, message)))
            case .connack(let connack):
                guard connack.reason.isError || connack.properties.data(.authenticationData) == signature else {
                    throw ServerError("The server has not shown that it knows the password")
                }
                return connack
            case let packet: throw ServerError("Neither AUTH nor CONNACK but \(packet)")
            }
        }
    }
}
