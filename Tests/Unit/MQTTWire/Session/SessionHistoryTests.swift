import Foundation
import MartletMQTTWire
import MartletTesting
import Testing

/// What a session tells of its changes makes the same session again, at any time.
@Suite struct SessionHistoryTests {
    private static let rounds = ProcessInfo.processInfo.environment["MARTLET_FUZZ"].flatMap(Int.init) ?? 40_000

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6]) func aSessionIsItsChanges(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var packets = RandomPackets(seed: seed &+ 200)
        var limits = SessionLimits()
        limits.inFlight = 4
        limits.queuedMessages = 6
        limits.queuedBytes = 3_000
        limits.overflow = [.dropNewest, .dropOldest, .disconnect][Int(seed) % 3]
        var client = Harness(limits)
        client.session.recordsChanges = true
        var copy = ServerSession(clientID: "client", limits: limits)
        var isThere = false
        for round in 0..<Self.rounds / 6 {
            let seen = Self.step(&client, &random, &packets, limits, &isThere, &copy)
            for change in client.session.takeChanges() {
                guard copy.apply(change) else {
                    Issue.record("round \(round) of seed \(seed): \(change) can't be made")
                    return
                }
            }
            for case .will in seen { _ = copy.apply(.willPublished) }
            if seen.contains(.ended), !client.session.isConnected {
                isThere = false
                client.session = ServerSession(clientID: "client", limits: limits)
                client.session.recordsChanges = true
                copy = ServerSession(clientID: "client", limits: limits)
                continue
            }
            let (told, made) = (client.session.history.map(Self.text), copy.history.map(Self.text))
            if told != made {
                Issue.record("round \(round) of seed \(seed): \(seen)\n\(told)\n\(made)")
                return
            }
            // And what it says of itself makes it, too.
            var other = ServerSession(clientID: "client", limits: limits)
            let isMade = client.session.history.allSatisfy { other.apply($0) }
            if !isMade || other.history.map(Self.text) != told {
                Issue.record("round \(round) of seed \(seed): \(told)\n\(other.history.map(Self.text))")
                return
            }
        }
    }

    private static func step(
        _ client: inout Harness,
        _ random: inout SplitMix64,
        _ packets: inout RandomPackets,
        _ limits: SessionLimits,
        _ isThere: inout Bool,
        _ copy: inout ServerSession
    ) -> [Harness.Seen] {
        switch Int.random(in: 0..<20, using: &random) {
        case 0 where client.session.isConnected:
            return client.lose()
        case 1:
            var before: [Harness.Seen] = []
            if client.session.isConnected { before = client.step { $0.takeOver(now: $1, &$2) } }
            var connect = packets.connect(ProtocolVersion.allCases.randomElement(using: &random) ?? .v5)
            let resumes = isThere && !before.contains(.ended) && !connect.cleanStart
            connect.keepAlive %= 100
            if !resumes {
                client.session = ServerSession(clientID: "client", limits: limits)
                client.session.recordsChanges = true
                copy = ServerSession(clientID: "client", limits: limits)
            } else {
                for change in client.session.takeChanges() { _ = copy.apply(change) }
                for case .will in before { _ = copy.apply(.willPublished) }
            }
            isThere = true
            return client.step { $0.connect(connect, isResumed: resumes, now: $1, &$2) }
        case 2:
            return client.pass(.milliseconds(.random(in: 0...20_000, using: &random)))
        case 3:
            return client.setWritable(Bool.random(using: &random))
        case 4..<10:
            let text = String(repeating: "x", count: .random(in: 0...900, using: &random))
            let qos = QoS.allCases.randomElement(using: &random) ?? .atMostOnce
            let expiry: Duration? = Bool.random(using: &random) ? .seconds(.random(in: 1...30, using: &random)) : nil
            return client.deliver(text, qos, expiry: expiry)
        case 10..<14:
            let answer = Acknowledgement(.random(in: 1...12, using: &random))
            let answers: [Packet] = [.puback(answer), .pubrec(answer), .pubcomp(answer), .pubrel(answer)]
            return client.receive(answers.randomElement(using: &random) ?? .pingreq)
        default:
            guard let version = client.session.version else { return [] }
            let kinds: [PacketKind] = [.publish, .publish, .publish, .subscribe, .unsubscribe, .pingreq, .disconnect]
            return client.receive(packets.packet(kinds.randomElement(using: &random) ?? .pingreq, version))
        }
    }

    /// A change as it can be compared: messages are what they are about, whatever object they are in.
    private static func text(_ change: SessionChange) -> String {
        switch change {
        case .queued(let number, let publication, let match, let qos):
            "queued \(number) \(publication.topic) \(publication.payload.count) \(match) \(qos)"
        case .inFlight(let id, let publication, let match, let qos):
            "in flight \(id) \(publication.topic) \(publication.payload.count) \(match) \(qos)"
        default: "\(change)"
        }
    }
}
