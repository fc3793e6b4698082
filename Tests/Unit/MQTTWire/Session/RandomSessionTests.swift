import Foundation
import MartletMQTTWire
import MartletTesting
import Testing

/// Whatever comes in whatever order, a session stays within its bounds and comes to rest.
@Suite struct RandomSessionTests {
    private static let rounds = ProcessInfo.processInfo.environment["MARTLET_FUZZ"].flatMap(Int.init) ?? 200_000

    @Test(arguments: [UInt64(1), 2, 3, 4]) func boundsHold(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var packets = RandomPackets(seed: seed &+ 100)
        var limits = SessionLimits()
        limits.inFlight = 5
        limits.queuedMessages = 8
        limits.queuedBytes = 4_000
        limits.overflow = [.dropNewest, .dropOldest, .disconnect][Int(seed) % 3]
        var client = Harness(limits)
        var isThere = false
        for round in 0..<(Self.rounds / 4) {
            let version = ProtocolVersion.allCases.randomElement(using: &random) ?? .v5
            let seen: [Harness.Seen]
            switch Int.random(in: 0..<20, using: &random) {
            case 0 where client.session.isConnected:
                seen = client.lose()
            case 1:
                var before: [Harness.Seen] = []
                if client.session.isConnected { before = client.step { $0.takeOver(now: $1, &$2) } }
                var connect = packets.connect(version)
                let resumes = isThere && !before.contains(.ended) && !connect.cleanStart
                if isThere, !before.contains(.ended), connect.cleanStart { client.step { $0.end(now: $1, &$2) } }
                connect.keepAlive %= 100
                if !resumes { client.session = ServerSession(clientID: "client", limits: limits) }
                seen = client.step { $0.connect(connect, isResumed: resumes, now: $1, &$2) }
                isThere = true
            case 2:
                seen = client.pass(.milliseconds(.random(in: 0...40_000, using: &random)))
            case 3:
                seen = client.setWritable(Bool.random(using: &random))
            case 4..<10:
                let text = String(repeating: "x", count: .random(in: 0...900, using: &random))
                let qos = QoS.allCases.randomElement(using: &random) ?? .atMostOnce
                let expiry: Duration? =
                    Bool.random(using: &random) ? .seconds(.random(in: 1...30, using: &random)) : nil
                seen = client.deliver(text, qos, expiry: expiry)
            case 10..<14:
                let answer = Acknowledgement(.random(in: 1...12, using: &random))
                let answers: [Packet] = [.puback(answer), .pubrec(answer), .pubcomp(answer), .pubrel(answer)]
                seen = client.receive(answers.randomElement(using: &random) ?? .pingreq)
            default:
                guard let version = client.session.version else { continue }
                let kinds: [PacketKind] = [
                    .publish, .publish, .publish, .subscribe, .unsubscribe, .pingreq, .disconnect,
                ]
                seen = client.receive(packets.packet(kinds.randomElement(using: &random) ?? .pingreq, version))
            }
            if seen.contains(.ended) { isThere = client.session.isConnected }
            let session = client.session
            let isBounded =
                session.queuedMessages <= 8 && (session.queuedBytes <= 4_000 || session.queuedMessages == 1)
                && session.subscriptionCount <= limits.subscriptions
            // What is due was done.
            var next = client
            let rest = next.step { $0.tick(now: $1, &$2) }
            let isAtRest = next.session.nextDeadline.map { $0 > next.now } ?? true
            if !isBounded || !isAtRest {
                Issue.record("round \(round) of seed \(seed): \(seen) \(rest)")
                return
            }
        }
    }
}
