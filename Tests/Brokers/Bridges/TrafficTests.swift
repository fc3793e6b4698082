import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Synchronization
import Testing

/// What a house and a plant say all day passes as it passes by mosquitto's own bridge.
///
/// For some seconds; `MARTLET_TRAFFIC` says for how many.
@Suite(.timeLimit(.minutes(60))) struct TrafficTests {
    private static let length = Duration.seconds(
        ProcessInfo.processInfo.environment["MARTLET_TRAFFIC"].flatMap(Int.init) ?? 4
    )
    /// Between two messages.
    private static let pause = Duration.milliseconds(4)

    /// What came to a broker: of each topic the bodies, in order.
    private final class Sink: Sendable {
        private struct State {
            var bodies: [ByteKey: [[UInt8]]] = [:]
            var count = 0
        }

        private let state = Mutex(State())

        var count: Int { state.withLock { $0.count } }
        var bodies: [ByteKey: [[UInt8]]] { state.withLock { $0.bodies } }

        /// Takes a message in; of a long body its length and a part are enough.
        func take(_ topic: String, _ body: [UInt8]) {
            state.withLock { state in
                let digest = body.count < 64 ? body : Array("\(body.count) ".utf8) + body.prefix(32) + body.suffix(16)
                state.bodies[ByteKey(topic), default: []].append(digest)
                state.count += 1
            }
        }

        /// Reads a broker until the task is cancelled.
        func read(_ subscription: Subscription) async throws {
            for try await delivery in subscription where delivery.topic.segments.first != "probe" {
                take(delivery.topic.mqtt, delivery.message.body)
            }
        }
    }

    /// A message of one of the kinds of devices.
    private struct Traffic {
        var random = SplitMix64(seed: 7)
        private var number = 0
        private static let rooms = [
            "Living Room", "K\u{FC}che", "Ku\u{308}che", "Bad/oben", "", "garage 2.1", "Flur *",
        ]

        mutating func next() -> (topic: String, body: [UInt8], isKept: Bool) {
            number += 1
            let room = Self.rooms[Int.random(in: 0..<Self.rooms.count, using: &random)]
            let device = Int.random(in: 0..<20, using: &random)
            let value = Int.random(in: 0..<1_000, using: &random)
            let reading = Array(#"{"n":\#(number),"temperature":\#(value),"battery":97,"linkquality":\#(device)}"#.utf8)
            switch Int.random(in: 0..<14, using: &random) {
            case 0: return ("zigbee2mqtt/\(room) Lamp \(device)", reading, true)
            case 1: return ("zigbee2mqtt/\(room) Lamp \(device)/availability", Array("online".utf8), true)
            case 2: return ("spBv1.0/Plant \(device % 3)/DDATA/Edge.\(device)/\(room)", binary(80), false)
            case 3: return ("spBv1.0/Plant \(device % 3)/NBIRTH/Edge.\(device)", binary(20_000), false)
            case 4: return ("shellies/shelly1-\(device)C82A/relay/0", Array((value < 500 ? "on" : "off").utf8), false)
            case 5: return ("shellyplus1-a8032abe\(device)/events/rpc", reading, false)
            case 6: return ("shelly-1.\(device)/status/switch:0", reading, true)
            case 7: return ("tele/tasmota_\(device)F1A/SENSOR", reading, false)
            case 8: return ("tele/tasmota_\(device)F1A/LWT", Array((value < 100 ? "" : "Online").utf8), true)
            case 9: return ("owntracks/user\(device)@example.org/phone", reading, true)
            case 10: return ("owntracks/Jane Doe/tablet.\(device)/event", reading, false)
            case 11: return ("/devices//\(room)/\(device)/", reading, false)
            case 12: return ("homeassistant/sensor/0x00158d\(device)/\(room)%2F\(device)/config", reading, true)
            default: return ("cmnd/\(device)/POWER%", [], false)
            }
        }

        private mutating func binary(_ count: Int) -> [UInt8] {
            (0..<Int.random(in: 0...count, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
    }

    /// - Parameter session: the name of one that the broker keeps.
    private func options(_ server: MosquittoServer, session: String? = nil) -> MQTTOptions {
        var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: server.port)])
        if let session {
            options.connection.name = session
            options.session = .persistent()
        }
        return options
    }

    @Test func twoSinksHoldTheSame() async throws {
        try await MosquittoServer.withServer { source in
            var beside = MosquittoOptions()
            beside.extraLines = [
                "connection beside", "address 127.0.0.1:\(source.port)", "topic # in 1", "notifications false",
            ]
            try await MosquittoServer.withServer { sink in
                try await MosquittoServer.withServer(beside) { other in
                    try await MQTTConnection.withConnection(options(source, session: "bridge")) { from in
                        try await MQTTConnection.withConnection(options(sink)) { to in
                            let bridge = Bridge(from: from, to: to) {
                                Forward("#", options: RouteOptions(guarantee: .atLeastOnce))
                            }
                            try await bridge.whileRunning(readyWithin: .seconds(60)) {
                                try await compare(source, sink, other)
                            }
                            #expect(bridge.reports[0].statistics.lost == 0)
                        }
                    }
                }
            }
        }
    }

    private func compare(_ source: MosquittoServer, _ sink: MosquittoServer, _ other: MosquittoServer) async throws {
        let (sent, ours, theirs) = (Sink(), Sink(), Sink())
        try await MQTTConnection.withConnection(options(source)) { publisher in
            try await MQTTConnection.withConnection(options(sink)) { first in
                try await MQTTConnection.withConnection(options(other)) { second in
                    let all = SubscribeOptions(limit: 10_000, guarantee: .atLeastOnce)
                    let one = try await first.subscribe(to: "#", options: all)
                    let two = try await second.subscribe(to: "#", options: all)
                    try await waitForBridge(publisher, two)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await ours.read(one) }
                        group.addTask { try await theirs.read(two) }
                        try await publish(by: publisher, noting: sent)
                        try await until { ours.count >= sent.count && theirs.count >= sent.count }
                        group.cancelAll()
                        while await group.nextResult() != nil {}
                    }
                }
            }
        }
        #expect(sent.count > 10 * Int(Self.length.components.seconds))
        expectSame(ours.bodies, sent.bodies, "by this bridge")
        expectSame(theirs.bodies, sent.bodies, "by mosquitto's")
        let kept = [try await keptMessages(source), try await keptMessages(sink), try await keptMessages(other)]
        #expect(!kept[0].isEmpty)
        expectSame(kept[1], kept[0], "what this bridge's sink keeps")
        expectSame(kept[2], kept[0], "what mosquitto's sink keeps")
    }

    private func publish(by publisher: MQTTConnection, noting sent: Sink) async throws {
        var traffic = Traffic()
        let end = ContinuousClock.now + Self.length
        while ContinuousClock.now < end {
            let (topic, body, isKept) = traffic.next()
            sent.take(topic, body)
            try await publisher.publish(
                Message(body),
                to: TopicName(mqtt: topic),
                options: PublishOptions(guarantee: .atLeastOnce, retain: isKept)
            )
            try await Task.sleep(for: Self.pause)
        }
    }

    /// mosquitto connects its bridges when it likes.
    private func waitForBridge(_ publisher: MQTTConnection, _ subscription: Subscription) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await publisher.publish(Message("?"), to: "probe")
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            _ = try await subscription.next()
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
    }

    private func keptMessages(_ server: MosquittoServer) async throws -> [ByteKey: [[UInt8]]] {
        try await MQTTConnection.withConnection(options(server)) { connection in
            let sink = Sink()
            let subscription = try await connection.subscribe(to: "#", options: SubscribeOptions(limit: 10_000))
            let end = PublishOptions(guarantee: .atLeastOnce)
            try await connection.publish(Message("end"), to: "end.of.kept", options: end)
            while let delivery = try await subscription.next(), delivery.topic != "end.of.kept" {
                if delivery.isRetained { sink.take(delivery.topic.mqtt, delivery.message.body) }
            }
            return sink.bodies
        }
    }

    private func expectSame(_ found: [ByteKey: [[UInt8]]], _ wanted: [ByteKey: [[UInt8]]], _ what: String) {
        let strange = found.keys.filter { wanted[$0] == nil }.map(\.text)
        #expect(strange.isEmpty, "\(what): \(strange.prefix(3))")
        let other = wanted.filter { found[$0.key] != $0.value }.map(\.key.text)
        #expect(other.isEmpty, "\(what): \(other.count) of \(wanted.count), such as \(other.prefix(3))")
    }
}
