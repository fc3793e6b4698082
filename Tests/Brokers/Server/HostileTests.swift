import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import MartletTesting
import Testing

/// Clients that break the rules, and what they get.
@Suite(.timeLimit(.minutes(5))) struct HostileTests {
    /// Sends bytes and reads all that comes back until the end.
    private func answer(to bytes: [UInt8], _ port: Int) async throws -> [UInt8] {
        let socket = try Socket.connecting(to: .loopback(port: port))
        try await socket.sendAll(bytes)
        var answer: [UInt8] = []
        while true {
            switch socket.read() {
            case .done(let more): answer += more
            case .notNow: try await Task.sleep(for: .milliseconds(1))
            case .ended, .lost: return answer
            }
        }
    }

    @Test func whatIsNoConnectIsClosed() async throws {
        try await withServer { _, port in
            let ping = try await answer(to: [0xC0, 0], port)
            #expect(ping == [])
            #expect(try await answer(to: Array("GET / HTTP/1.1\r\n\r\n".utf8), port) == [])
            // Refused by its length, of which nothing has to come.
            #expect(try await answer(to: [0x10, 0xFF, 0xFF, 0xFF, 0x7F], port) == [])
            #expect(try await answer(to: [0x30, 0xFF, 0xFF, 0xFF, 0x7F], port) == [])
            // A version that there is not, by the answer of 3.1.1.
            let version = [0x10, 14, 0, 4] + Array("MQTT".utf8) + [6, 2, 0, 0, 0, 2, 0x69, 0x64]
            #expect(try await answer(to: version, port) == [0x20, 2, 0, 1])
            let will = [0x10, 15, 0, 4] + Array("MQTT".utf8) + [5, 3, 0, 0, 0, 0, 2, 0x69, 0x64]
            #expect(try await answer(to: will, port) == [0x20, 3, 0, 0x81, 0])
        }
    }

    @Test func aSlowConnectIsNotWaitedFor() async throws {
        var limits = ServerLimits()
        limits.connectTimeout = .milliseconds(300)
        try await withServer(limits: limits) { server, port in
            let silent = try Socket.connecting(to: .loopback(port: port))
            let slow = try Socket.connecting(to: .loopback(port: port))
            try await slow.sendAll([0x10, 14, 0, 4])
            #expect(try await silent.receiveEnd())
            #expect(try await slow.receiveEnd())
            while server.statistics.connections > 0 { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    @Test func whatComesLaterGetsItsReason() async throws {
        try await withServer { _, port in
            func reason(_ packets: [Packet]) async throws -> ReasonCode {
                let client = try await WireClient.connected(port, "hostile")
                for packet in packets { try await client.send(packet) }
                return try await client.disconnectReason()
            }
            var alias = PropertyList()
            alias.add(.topicAlias, 33)
            #expect(try await reason([.connect(Connect(version: .v5, clientID: "x"))]) == .protocolError)
            #expect(try await reason([.connack(Connack(.success))]) == .protocolError)
            #expect(
                try await reason([.publish(Publish(topic: "a", payload: [], properties: alias))]) == .topicAliasInvalid
            )
            let large = [UInt8](repeating: 0, count: 3 << 20)
            let client = try await WireClient.connected(port, "large")
            // Its header is enough.
            try await client.socket.sendAll(
                Encoder(.v5).bytes(of: .publish(Publish(topic: "a", payload: large)))[..<100]
            )
            #expect(try await client.disconnectReason() == .packetTooLarge)
            let levels = String(repeating: "/", count: 60_000)
            let deep = try await WireClient.connected(port, "deep")
            #expect(try await deep.subscribe(.init(levels)) == [.topicFilterInvalid])
            try await deep.publish("", to: levels, .atLeastOnce, id: 1)
            #expect(try await deep.receive() == .puback(Acknowledgement(1, .topicNameInvalid)))
            #expect(try await deep.subscribe(.init("a")) == [.success])
        }
    }

    /// One that reads nothing holds up nobody, and takes no more memory than its queue.
    @Test func aFrozenSubscriberHoldsUpNobody() async throws {
        var limits = ServerLimits()
        limits.queuedMessages = 100
        limits.drainTimeout = .seconds(1)
        try await withServer(limits: limits) { server, port in
            let frozen = try await WireClient.connected(port, "frozen")
            try await frozen.subscribe(.init("a"))
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("a"))
            let writer = try await WireClient.connected(port, "writer")
            let text = String(repeating: "x", count: 10_000)
            for _ in 0..<2_000 {
                try await writer.publish(text, to: "a")
                _ = try await reader.message()
            }
            // It is cut off, and the others are there.
            while server.statistics.connections > 2 { try await Task.sleep(for: .milliseconds(10)) }
            try await writer.publish("end", to: "a")
            #expect(try await reader.text() == "end")
        }
    }

    @Test func connectionsAreBounded() async throws {
        var limits = ServerLimits()
        limits.connections = 2
        try await withServer(limits: limits) { _, port in
            let one = try await WireClient.connected(port, "one")
            let two = try await WireClient.connected(port, "two")
            #expect(
                try await answer(to: Encoder(.v5).bytes(of: .connect(Connect(version: .v5, clientID: "three"))), port)
                    == []
            )
            try await one.send(.disconnect(Disconnect()))
            _ = try await one.socket.receiveEnd()
            try await two.send(.pingreq)
            #expect(try await two.receive() == .pingresp)
        }
    }

    @Test func sessionsAreBounded() async throws {
        var limits = ServerLimits()
        limits.sessions = 1
        try await withServer(limits: limits) { _, port in
            let one = try await WireClient.connected(port, "one", expiry: 100)
            one.socket.end()
            #expect(try await WireClient(port).connect("two").reason == .quotaExceeded)
            #expect(try await WireClient(port).connect("one", cleanStart: false).reason == .success)
        }
    }

    /// What waits for all absent clients together is bounded, too.
    @Test func whatWaitsForAllIsBounded() async throws {
        var limits = ServerLimits()
        limits.allQueuedBytes = 100_000
        try await withServer(limits: limits) { server, port in
            for number in 0..<10 {
                let absent = try await WireClient.connected(port, "absent-\(number)", expiry: 100)
                try await absent.subscribe(.init("a", qos: .atLeastOnce))
                try await absent.send(.disconnect(Disconnect()))
                _ = try await absent.socket.receiveEnd()
            }
            let there = try await WireClient.connected(port, "there")
            try await there.subscribe(.init("a", qos: .atLeastOnce))
            let writer = try await WireClient.connected(port, "writer")
            let text = String(repeating: "x", count: 1_000)
            for _ in 0..<100 {
                try await writer.publish(text, to: "a", .atLeastOnce, id: 1)
                _ = try await writer.receive()
                // Those who are there get all.
                _ = try await there.message()
            }
            let statistics = server.statistics
            #expect(statistics.queued < 110 && statistics.queued > 50)
            #expect(statistics.dropped == 1_000 - statistics.queued)
            // A session that ends makes room.
            for number in 0..<10 { _ = try await WireClient.connected(port, "absent-\(number)") }
            #expect(server.statistics.queued == 0)
            let other = try await WireClient.connected(port, "other", expiry: 100)
            try await other.subscribe(.init("a", qos: .atLeastOnce))
            other.socket.end()
            while server.statistics.queued == 0 {
                try await writer.publish(text, to: "a", .atLeastOnce, id: 1)
                _ = try await writer.receive()
            }
        }
    }

    /// Damaged packets by the thousand: good clients lose nothing by them, and nothing is left of the others.
    @Test func damageHarmsNobodyElse() async throws {
        try await withServer { server, port in
            let reader = try await WireClient.connected(port, "reader")
            try await reader.subscribe(.init("good", qos: .atLeastOnce))
            let writer = try await WireClient.connected(port, "writer")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seed in UInt64(0)..<8 {
                    group.addTask {
                        var random = SplitMix64(seed: seed)
                        for round in 0..<60 { try await Self.attack(port, "hostile-\(seed)-\(round)", &random) }
                    }
                }
                for number in 0..<500 {
                    try await writer.publish("\(number)", to: "good", .atLeastOnce, id: 1)
                    #expect(try await writer.receive() == .puback(Acknowledgement(1)))
                    #expect(try await reader.text() == "\(number)")
                }
                try await group.waitForAll()
            }
            while server.statistics.connections > 2 { try await Task.sleep(for: .milliseconds(10)) }
            // Damage may have made a session that is to be kept.
            #expect(server.statistics.sessions < 20)
            #expect(server.statistics.faults > 50)
        }
    }

    /// Connects, in order or not, says something damaged, and goes.
    private static func attack(_ port: Int, _ id: String, _ random: inout SplitMix64) async throws {
        let version = ProtocolVersion.allCases.randomElement(using: &random) ?? .v5
        var properties = PropertyList()
        if version == .v5 {
            properties.add("name", value: "value")
            properties.add(.messageExpiryInterval, 5)
        }
        let packets: [Packet] = [
            .connect(Connect(version: version, clientID: id, will: WillMessage(topic: "bad", payload: [1]))),
            .subscribe(SubscribeRequest(1, [.init("bad/#", qos: .exactlyOnce), .init("$share/g/bad")])),
            .publish(
                Publish(
                    topic: "bad",
                    payload: [1, 2],
                    qos: .exactlyOnce,
                    retain: true,
                    packetID: 1,
                    properties: properties
                )
            ),
            .pubrel(Acknowledgement(1)), .puback(Acknowledgement(9)), .unsubscribe(UnsubscribeRequest(2, ["bad/#"])),
            .pingreq,
        ]
        let socket = try Socket.connecting(to: .loopback(port: port))
        let damaged = Int.random(in: 0..<packets.count, using: &random)
        for (place, packet) in packets.enumerated() {
            var bytes = Encoder(version).bytes(of: packet)
            if place >= damaged {
                let spot = Int.random(in: 0..<bytes.count, using: &random)
                bytes[spot] = .random(in: 0...255, using: &random)
                if bytes.count > 2, Bool.random(using: &random) { bytes.removeLast() }
            }
            // The server may have closed it.
            guard (try? await socket.sendAll(bytes)) != nil else { return }
        }
        socket.endWriting()
        _ = try await socket.receiveEnd()
    }
}
