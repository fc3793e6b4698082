import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// Whoever answers with nothing, or with nonsense.
@Suite(.timeLimit(.minutes(10))) struct SilenceTests {
    @Test(arguments: MQTTVersion.allCases) func whereNobodyListensTheErrorSaysSo(_ version: MQTTVersion) async throws {
        let port = try ReservedPort()
        let error = await messagingError { _ = try await MQTTConnection.connect(.local(port.number, version)) }
        #expect(error?.code == .connectionLost)
        #expect(error?.isRetriable == true)
        #expect(error?.message.contains("127.0.0.1:\(port.number)") == true, "\(String(describing: error))")
        #expect(error?.message.lowercased().contains("refused") == true, "\(String(describing: error))")
    }

    @Test func aHostThatDoesNotExistIsNamed() async throws {
        let error = await messagingError {
            _ = try await MQTTConnection.connect(.local(1883) { $0.servers[0].host = "nowhere.invalid" })
        }
        #expect(error?.message.contains("nowhere.invalid") == true, "\(String(describing: error))")
    }

    @Test(arguments: MQTTVersion.allCases) func ofSeveralServersTheOneThatAnswersIsTaken(_ version: MQTTVersion)
        async throws
    {
        let server = try await MosquittoServer.shared()
        let nobody = try ReservedPort()
        let options = MQTTOptions.local(server.port, version) {
            $0.servers.insert(.init(host: "127.0.0.1", port: nobody.number), at: 0)
            $0.servers.insert(.init(host: "nowhere.invalid", port: 1883), at: 0)
        }
        try await MQTTConnection.withConnection(options) {
            try await $0.publish(Message("x"), to: "t", options: PublishOptions(guarantee: .atLeastOnce))
        }
    }

    @Test func aBrokerOnIPv6IsFound() async throws {
        var settings = MosquittoOptions()
        settings.listensOnIPv6 = true
        try await MosquittoServer.withServer(settings) { server in
            for host in ["::1", "localhost"] {
                try await MQTTConnection.withConnection(.local(server.port) { $0.servers[0].host = host }) {
                    try await $0.publish(Message("x"), to: "t", options: PublishOptions(guarantee: .atLeastOnce))
                }
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases, [false, true])
    func aServerThatSaysNothingIsATimeout(_ version: MQTTVersion, _ isEncrypted: Bool) async throws {
        try await SilentServer.withServer { server in
            let error = await messagingError {
                _ = try await MQTTConnection.connect(
                    .local(server.port, version) {
                        $0.connectTimeout = .milliseconds(300)
                        if isEncrypted { $0.tls = TLSOptions(verification: .none) }
                    }
                )
            }
            #expect(error?.code == .timeout)
            #expect(error?.message.contains("0.3 seconds") == true, "\(String(describing: error))")
            #expect(server.connections == 1)
        }
    }

    /// What comes instead of CONNACK. Each is an error, and none takes the time until the timeout.
    @Test(arguments: MQTTVersion.allCases) func nonsenseInsteadOfAnAnswerIsAnError(_ version: MQTTVersion) async throws
    {
        let answers: [[UInt8]] = [
            Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), [0x20, 0], [0x20, 1, 0],
            [0x20, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0x30, 3, 0, 1, 97], [0x40, 2, 0, 1], [0xd0, 5, 1, 2, 3, 4, 5], [0, 0, 0, 0], [0xff, 0],
            [0x90, 3, 0, 1, 0], [0xe0, 0], [],
        ]
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            try await peer.socket.sendAll(answers[number % answers.count])
            peer.socket.endWriting()
            _ = try await peer.socket.receiveEnd()
        } _: { broker in
            for answer in answers {
                let error = await messagingError {
                    let connection = try await MQTTConnection.connect(
                        .local(broker.port, version) { $0.connectTimeout = .seconds(60) }
                    )
                    await connection.close()
                }
                #expect(
                    error?.code == .connectionLost || error?.code == .refused,
                    "\(answer): \(String(describing: error))"
                )
            }
        }
    }

    /// A broker goes mad after it has accepted the connection; the connection finds one that has not.
    @Test(arguments: MQTTVersion.allCases, 0..<3) func brokenPacketsEndTheLinkAtMost(
        _ version: MQTTVersion,
        _ seed: UInt64
    ) async throws {
        let attempts = 60
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(version)
            if number == 0 {
                // What comes together with the answer would be a reason for the first attempt to fail.
                _ = try await peer.receive(kind: 3)
            } else if number <= attempts {
                var packets = PacketMutator(seed: seed << 32 | UInt64(number), version)
                try await peer.socket.sendAll(packets.next())
                peer.socket.endWriting()
                _ = try await peer.socket.receiveEnd()
            } else {
                try await peer.behave(version)
            }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) {
                $0.reconnect = Backoff(initial: .milliseconds(1), maximum: .milliseconds(1))
                $0.connectTimeout = .seconds(60)
            }
            try await MQTTConnection.withConnection(options) { connection in
                let error = await messagingError {
                    try await connection.publish(
                        Message("x"),
                        to: "t",
                        options: PublishOptions(guarantee: .atLeastOnce)
                    )
                }
                // Among the packets may be a word on this message.
                #expect([nil, .refused].contains(error?.code), "\(String(describing: error))")
                let before = await connection.processorTime
                // What is tested is that hardly anything happens in this time.
                try await Task.sleep(for: .milliseconds(500))
                let after = await connection.processorTime
                #expect(after - before < .milliseconds(250), "the loop is busy with nothing")
            }
        }
    }

    /// The same for the answer to CONNECT: with properties, and then with something wrong.
    @Test(arguments: MQTTVersion.allCases) func aBrokenAnswerToConnectIsAnErrorOrNot(_ version: MQTTVersion)
        async throws
    {
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            var packets = PacketMutator(seed: UInt64(number), version)
            try await peer.socket.sendAll(packets.nextAnswer())
            peer.socket.endWriting()
            _ = try await peer.socket.receiveEnd()
        } _: { broker in
            for _ in 0..<200 {
                let error = await messagingError {
                    let options = MQTTOptions.local(broker.port, version) { $0.connectTimeout = .seconds(60) }
                    await (try MQTTConnection.connect(options)).close()
                }
                #expect([nil, .connectionLost, .refused].contains(error?.code), "\(String(describing: error))")
            }
        }
    }

    /// Names that are fine elsewhere and that libmosquitto does not take (MQTT 5, 1.5.4: characters that are none).
    @Test(arguments: MQTTVersion.allCases) func aNameThatTheLibraryDoesNotTakeIsAnErrorAndNoMore(_ version: MQTTVersion)
        async throws
    {
        let server = try await MosquittoServer.shared()
        try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
            for guarantee in Guarantee.allCases.dropFirst() {
                let refused = await errorCode {
                    try await connection.publish(
                        Message("x"),
                        to: "a.\u{FFFE}",
                        options: PublishOptions(guarantee: guarantee)
                    )
                }
                #expect(refused == .invalidArgument || refused == .invalidTopic)
            }
            let refused = await errorCode { _ = try await connection.subscribe(to: "a.\u{FFFE}") }
            #expect(refused == .invalidArgument || refused == .invalidFilter)
            #expect(connection.state == .connected)
        }
    }
}
