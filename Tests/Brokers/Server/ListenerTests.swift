import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import MartletTesting
import Testing

/// Where clients come from, and what a listener does before they may speak.
@Suite(.timeLimit(.minutes(5))) struct ListenerTests {
    private struct Addresses: BrokerHandler {
        let seen: Recorder<String>

        func connects(_ client: BrokerClient, actions: inout BrokerActions) -> BrokerRuling<Void> {
            seen.record("\(client.name) \(client.address ?? "-")")
            return .accept
        }
    }

    private static let proxied = Array("PROXY TCP4 192.0.2.7 192.0.2.1 1234 1883\r\n".utf8)
    private static let local: [UInt8] =
        [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x20, 0x11, 0, 14] + [UInt8](repeating: 9, count: 14)

    private static func connect(_ id: String) -> [UInt8] {
        Encoder(.v5).bytes(of: .connect(Connect(version: .v5, clientID: id, keepAlive: 0)))
    }

    /// Also while others wait, and some of them give up.
    @Test func whereItListensIsToldToAll() async throws {
        let server = BrokerServer(MemoryBroker(), listeners: [.mqtt(port: 0)])
        let ports = try await withThrowingTaskGroup(of: Int?.self) { group in
            for number in 0..<10 {
                group.addTask {
                    let question = Task { try await server.addresses[0].port }
                    if number == 5 { question.cancel() }
                    return try? await question.value
                }
            }
            // The one that gives up; only then does the server begin.
            var ports = [try await group.next() ?? nil]
            group.addTask {
                try? await server.run()
                return nil
            }
            while ports.count < 10, let port = try await group.next() { ports.append(port) }
            group.cancelAll()
            return ports
        }
        #expect(ports.count { $0 == nil } == 1)
        #expect(Set(ports.compactMap(\.self)).count == 1)
    }

    /// A proxy says who its client is, in the same packet as what that says or in many.
    @Test func aProxySaysWhoItsClientIs() async throws {
        let seen = Recorder<String>()
        let listener = Listener.mqtt(port: 0).behind(["10.0.0.0/8", "127.0.0.1"])
        var limits = ServerLimits()
        limits.connectionsPerAddress = 2
        let anybody = AnonymousAuthenticator(fromAnywhere: true)
        let broker = MemoryBroker(handler: Addresses(seen: seen))
        try await withServer(broker, listeners: [listener], authenticator: anybody, limits: limits) { _, port in
            var clients: [WireClient] = []
            for (header, piece) in [(Self.proxied, 1_000), (Self.local, 1_000), (Self.proxied, 1)] {
                let client = try WireClient(port)
                let bytes = header + Self.connect("c\(clients.count)")
                for start in stride(from: 0, to: bytes.count, by: piece) {
                    try await client.socket.sendAll(Array(bytes[start..<min(start + piece, bytes.count)]))
                }
                guard case .connack(let answer) = try await client.receive() else { throw ServerError("No CONNACK") }
                #expect(answer.reason == .success)
                clients.append(client)
            }
            #expect(seen.values == ["c0 192.0.2.7", "c1 127.0.0.1", "c2 192.0.2.7"])
            // Limits are by the client's own address.
            let third = try WireClient(port)
            try await third.socket.sendAll(Self.proxied + Self.connect("c3"))
            _ = try await third.socket.receiveEnd()
            // One that says nothing of the kind is no client of a proxy.
            let direct = try WireClient(port)
            try await direct.socket.sendAll(Self.connect("c4"))
            _ = try await direct.socket.receiveEnd()
            #expect(seen.values.count == 3)
        }
    }

    @Test func othersThanTheProxyAreClosed() async throws {
        let listener = Listener.mqtt(port: 0).behind(["10.0.0.0/8", "::1"])
        try await withServer(listeners: [listener]) { _, port in
            let client = try WireClient(port)
            _ = try await client.socket.receiveEnd()
        }
        let error = await #expect(throws: MessagingError.self) {
            try await withServer(listeners: [Listener.mqtt(port: 0).behind(["localhost"])]) { _, _ in }
        }
        #expect(error?.code == .invalidArgument)
    }

    /// Behind HAProxy, which passes TLS and WebSockets on as they are.
    @Test(
        arguments: ["send-proxy", "send-proxy-v2", "send-proxy-v2 check inter 50 check-send-proxy"],
        ["mqtt", "mqtts"]
    )
    func haproxyIsUnderstood(_ word: String, _ kind: String) async throws {
        let seen = Recorder<String>()
        let certificates = try await TestCertificates.shared
        let tls = Listener.TLS(
            certificateChain: certificates.server.certificate,
            privateKey: certificates.server.key
        )
        let listener = (kind == "mqtt" ? Listener.mqtt(port: 0) : .mqtts(port: 0, tls)).behind(["127.0.0.1"])
        let broker = MemoryBroker(handler: Addresses(seen: seen))
        let inbox = try await broker.connect(name: "local").subscribe(to: "a")
        try await withServer(broker, listeners: [listener]) { _, port in
            let front = try await HAProxy(to: port, word)
            let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
            var arguments = [
                "-h", "localhost", "-p", "\(front.port)", "-i", "client", "-t", "a", "-m", "x", "-q", "1",
            ]
            if kind == "mqtts" { arguments += ["--cafile", certificates.authority] }
            while (try? await Program.run(publisher, arguments)) == nil { try await Task.sleep(for: .milliseconds(20)) }
            #expect(try await inbox.next()?.message.text == "x")
            // Health checks do no harm.
            try await Program.run(publisher, arguments)
            withExtendedLifetime(front) {}
        }
        #expect(Set(seen.values) == ["local -", "client 127.0.0.1"])
    }

    @Test func aSocketThatWasBoundBeforeIsUsed() async throws {
        let socket = try Socket.listening()
        let listener = Listener.mqtt().on(descriptor: dup(socket.descriptor))
        try await withServer(listeners: [listener]) { server, _ in
            let address = try await server.addresses[0]
            let port = try socket.localPort
            #expect(address.host == "127.0.0.1" && address.port == port)
            _ = try await WireClient.connected(address.port, "client")
        }
    }

    /// A certificate that was exchanged is shown to whoever comes next; one that is wrong is not taken.
    @Test func certificatesAreReadAnew() async throws {
        let certificates = try await TestCertificates.shared
        let folder = try TemporaryFolder("certificates")
        defer { folder.remove() }
        let files = FileManager.default
        let (chain, key) = (folder.path("chain.pem"), folder.path("key.pem"))
        func use(_ identity: TestCertificates.Identity) throws {
            for (from, to) in [(identity.certificate, chain), (identity.key, key)] {
                try? files.removeItem(atPath: to)
                try files.copyItem(atPath: from, toPath: to)
            }
        }
        try use(certificates.server)
        let tls = Listener.TLS(certificateChain: chain, privateKey: key)
        try await withServer(listeners: [.mqtts(port: 0, tls)]) { server, port in
            let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
            func connects(trusting authority: String) async -> Bool {
                let arguments = ["-h", "localhost", "-p", "\(port)", "--cafile", authority, "-t", "a", "-m", "x"]
                return (try? await Program.run(publisher, arguments)) != nil
            }
            #expect(await connects(trusting: certificates.authority))
            try use(certificates.strange)
            #expect(await connects(trusting: certificates.authority), "nothing was said yet")
            try server.reloadCertificates()
            #expect(await connects(trusting: certificates.strangeAuthority))
            #expect(await !connects(trusting: certificates.authority))
            try Data("nonsense".utf8).write(to: URL(fileURLWithPath: chain))
            #expect(throws: MessagingError.self) { try server.reloadCertificates() }
            #expect(await connects(trusting: certificates.strangeAuthority))
        }
    }

    #if os(Linux)
    /// How long a process has had a processor so far.
    private static func processorTime(of process: Int32) throws -> Duration {
        let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        // Behind the program's name, which is in brackets, the twelfth and the next (proc_pid_stat(5)).
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        let ticks = fields[12...13].reduce(0) { $0 + (Int($1) ?? 0) }
        return .seconds(Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    /// A broker that has no more descriptors says so, and rests until it has some.
    @Test func withoutDescriptorsItWaits() async throws {
        let broker = try ProgramRun(
            "/bin/sh",
            ["-c", #"ulimit -n 64; exec "$0" "$@""#, ProgramRun.path(ofPackage: "martlet"), "broker", "--port", "0"]
        )
        try await broker.waitForOutput(#""state":"listening""#)
        let line = try #require(broker.lines.first { $0.contains("listening") })
        let port = try #require(line.split(separator: #""port":"#).last.flatMap { Int($0.prefix(while: \.isNumber)) })
        var others = try (0..<100).map { _ in try WireClient(port) }
        let begun = ContinuousClock.now
        try await broker.waitForErrors("connections wait to be taken")
        let before = try Self.processorTime(of: broker.processID)
        try await Task.sleep(for: .seconds(3))
        #expect(try Self.processorTime(of: broker.processID) - before < .seconds(1))
        // One in ten seconds.
        let lines = broker.errors.split(separator: "\n").count { $0.contains("connections wait to be taken") }
        #expect(lines <= 1 + Int((ContinuousClock.now - begun) / .seconds(10)))
        others.removeAll()
        _ = try await WireClient.connected(port, "later")
    }
    #endif

    @Test func connectsAreLimitedInTime() async throws {
        var limits = ServerLimits()
        limits.connectionsPerSecond = 3
        try await withServer(limits: limits) { _, port in
            // All at once, however slow this machine is: those that wait to be taken are taken one after the other.
            let clients = try (0..<200).map { _ in try WireClient(port) }
            var served = 0
            for (number, client) in clients.enumerated() {
                if (try? await client.connect("\(number)")) != nil { served += 1 }
            }
            #expect(served >= 3 && served < 200, "\(served)")
            // Some time later there is room again.
            try await Task.sleep(for: .seconds(1))
            _ = try await WireClient.connected(port, "later")
        }
    }

    /// At its end it waits for no client, also under TLS, where both sides say that a connection has ended.
    @Test func theEndOfTheServerWaitsForNobody() async throws {
        let certificates = try await TestCertificates.shared
        let tls = Listener.TLS(
            certificateChain: certificates.server.certificate,
            privateKey: certificates.server.key
        )
        let program = try Program.find("mosquitto_sub", package: "mosquitto-clients")
        var ended = ContinuousClock.now
        var client: ProgramRun?
        try await withServer(listeners: [.mqtts(port: 0, tls)]) { server, port in
            client = try ProgramRun(
                program,
                ["-h", "localhost", "-p", "\(port)", "--cafile", certificates.authority, "-t", "a"]
            )
            try await until { server.statistics.subscriptions == 1 }
            client?.send(signal: SIGSTOP)
            ended = .now
        }
        // It has two seconds.
        #expect(ContinuousClock.now - ended < .seconds(6))
        client?.send(signal: SIGKILL)
    }

    /// Before CONNECT no frame is waited for that is longer than one may be.
    @Test func longFramesAreForThoseWhoHaveConnected() async throws {
        try await withServer(listeners: [.webSocket(port: 0)]) { _, port in
            for length in [UInt64(65_537), 1 << 20, 1 << 40, .max] {
                let stranger = try await WebSocketClient(port)
                _ = try await stranger.answer()
                try await stranger.begin(opcode: 2, length: length)
                try await stranger.waitForEnd()
            }
            let client = try await WebSocketClient(port)
            _ = try await client.answer()
            try await client.send(opcode: 2, Self.connect("page"))
            #expect(try await client.frame().payload.first == 0x20)
            let publish = Publish(
                topic: "a",
                payload: [UInt8](repeating: 7, count: 1 << 20),
                qos: .atLeastOnce,
                packetID: 1
            )
            let bytes = Encoder(.v5).bytes(of: .publish(publish))
            try await client.begin(opcode: 2, length: UInt64(bytes.count))
            try await client.sendPlain(bytes)
            #expect(try await client.frame().payload.first == 0x40)
        }
    }
}
