import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// Links that die without a word. The shortest keep-alive is five seconds, so these tests take that long; they run at
/// the same time.
@Suite(.timeLimit(.minutes(10))) struct DeadLinkTests {
    private static let promise = PublishOptions(guarantee: .atLeastOnce)

    private func options(_ port: Int, _ version: MQTTVersion = .v5) -> MQTTOptions {
        .local(port, version) {
            $0.keepAlive = .seconds(5)
            $0.connectTimeout = .seconds(3)
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func aBrokerThatStandsStillIsTakenForDeadAndFoundAgain(_ version: MQTTVersion) async throws {
        try await MosquittoServer.withServer { server in
            try await MQTTConnection.withConnection(options(server.port, version)) { connection in
                let subscription = try await connection.subscribe(to: "still.#")
                server.pause()
                try await until { connection.state == .disconnected }
                async let confirmed: Void = connection.publish(
                    Message("after"),
                    to: "still.x",
                    options: Self.promise
                )
                server.resume()
                try await confirmed
                #expect(try await subscription.next()?.message.text == "after")
            }
        }
    }

    /// The silence of a time in which this process did not run says nothing of the broker.
    @Test(arguments: MQTTVersion.allCases)
    func aProcessThatStoodStillTakesNobodyForDead(_ version: MQTTVersion) async throws {
        let packets = Recorder<UInt8>()
        let links = Recorder<Int>()
        try await FakeBroker.withBroker { peer, number in
            links.record(number)
            try await peer.acceptClient(version)
            while true {
                let packet = try await peer.receive()
                packets.record(packet.kind)
                if packet.kind == 12 { try await peer.send(.init(head: 0xd0, body: [])) }
            }
        } _: { broker in
            try await MQTTConnection.withConnection(options(broker.port, version)) { connection in
                await connection.session.standStill(seconds: 9)
                // It asks, and hears an answer.
                try await packets.wait { $0.filter { $0 == 12 }.count >= 2 }
                #expect(links.values == [0])
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    @Test(arguments: [ProxyMode.swallow, .stall])
    func aLinkThatLeadsNowhereIsTakenForDead(_ mode: ProxyMode) async throws {
        let server = try await MosquittoServer.shared()
        try await TCPProxy.withProxy(to: server.port) { proxy in
            try await MQTTConnection.withConnection(options(proxy.port)) { connection in
                let topic: TopicName = mode == .stall ? "nowhere.stalled" : "nowhere.swallowed"
                let subscription = try await connection.subscribe(to: TopicPattern(topic))
                proxy.set(mode)
                async let confirmed: Void = connection.publish(Message("kept"), to: topic, options: Self.promise)
                try await until { connection.state == .disconnected }
                proxy.set(.forward)
                try await proxy.cut()
                try await confirmed
                #expect(try await subscription.next()?.message.text == "kept")
            }
        }
    }

    /// Nothing is read meanwhile, not even the broker's PINGRESP; yet nobody takes the other for dead.
    @Test(arguments: MQTTVersion.allCases)
    func aReaderThatSleepsLongerThanTheKeepAliveLosesNothing(_ version: MQTTVersion) async throws {
        var settings = MosquittoOptions()
        settings.maximumInFlight = 0
        try await MosquittoServer.withServer(settings) { server in
            try await TCPProxy.withProxy(to: server.port) { proxy in
                try await MQTTConnection.withConnection(options(proxy.port, version)) { subscriber in
                    let subscription = try await subscriber.subscribe(
                        to: "flood",
                        options: SubscribeOptions(limit: 4, guarantee: .atLeastOnce)
                    )
                    try await MQTTConnection.withConnection(.local(server.port, version)) { publisher in
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            for number in 0..<5_000 {
                                if number >= 100 { try await group.next() }
                                group.addTask {
                                    try await publisher.publish(
                                        Message("\(number) " + String(repeating: "x", count: 4_000)),
                                        to: "flood",
                                        options: Self.promise
                                    )
                                }
                            }
                            try await group.waitForAll()
                        }
                    }
                    var missing = Set(0..<5_000)
                    var iterator = subscription.makeAsyncIterator()
                    func take() async throws {
                        let text = try #require(try await iterator.next()?.message.text)
                        missing.remove(try #require(Int(text.prefix { $0 != " " })))
                    }
                    try await take()
                    // What is tested is that time passes.
                    try await Task.sleep(for: .seconds(12))
                    while !missing.isEmpty { try await take() }
                    #expect(proxy.counts.connections == 1, "the link was lost meanwhile")
                }
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases, [ProxyDirection.toServer, .toClient])
    func aLinkThatIsCutWithinALargeMessageLosesNothing(_ version: MQTTVersion, _ direction: ProxyDirection) async throws
    {
        let server = try await MosquittoServer.shared()
        let topic = TopicName("large.\(version == .v5 ? 5 : 3)-\(direction)")
        let body = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 / 7) }
        try await TCPProxy.withProxy(to: server.port) { proxy in
            let session = MQTTOptions.local(proxy.port, version, name: "large-\(version)-\(direction)") {
                $0.session = .persistent()
            }
            try await MQTTConnection.withConnection(session) { connection in
                let subscription = try await connection.subscribe(
                    to: TopicPattern(topic),
                    options: SubscribeOptions(guarantee: .atLeastOnce)
                )
                for cut in [ProxyCut.close, .reset] {
                    proxy.cut(cut, after: 3 << 20, direction)
                    try await connection.publish(Message(body), to: topic, options: Self.promise)
                    let arrived = try await subscription.next()
                    #expect(arrived?.message.body == body)
                    while let again = subscription.nextIfReady() { #expect(again.message.body == body) }
                }
                #expect(proxy.counts.connections >= 3)
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func aLinkUnderTLSComesBack(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.sharedSecured()
        let authority = try await TestCertificates.shared.authority
        try await TCPProxy.withProxy(to: try #require(server.tlsPort)) { proxy in
            let options = MQTTOptions.local(proxy.port, version) {
                $0.username = "alice"
                $0.password = "sesame"
                $0.tls = TLSOptions(trust: .file(authority))
            }
            try await MQTTConnection.withConnection(options) { connection in
                let topic = TopicName("encrypted.\(version == .v5)")
                let subscription = try await connection.subscribe(to: TopicPattern(topic))
                for round in 0..<5 {
                    try await proxy.refuseConnections()
                    try await proxy.cut(round % 2 == 0 ? .reset : .close)
                    try await until { connection.state == .disconnected }
                    async let confirmed: Void = connection.publish(
                        Message("\(round)"),
                        to: topic,
                        options: Self.promise
                    )
                    try await proxy.acceptConnections()
                    try await confirmed
                    #expect(try await subscription.next()?.message.text == "\(round)")
                }
            }
        }
    }
}

extension MQTTSession {
    /// Does nothing on the loop, as a process that is stopped.
    fileprivate func standStill(seconds: Double) { Thread.sleep(forTimeInterval: seconds) }
}
