import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// In which order messages of several qualities leave: what one task publishes goes out as it was published, whatever its
/// quality, whatever the window has room for, and over several links.
@Suite(.timeLimit(.minutes(10))) struct OrderTests {
    private static let count = 400

    /// Every quality, in an order that no rule follows.
    private static func quality(_ number: Int) -> Guarantee {
        number * 2_654_435_761 >> 7 & 3 == 0 ? .atMostOnce : number % 5 < 3 ? .atLeastOnce : .exactlyOnce
    }

    @Test(arguments: MQTTVersion.allCases, [1, 3, 100])
    func whatOneTaskPublishesLeavesInOrder(_ version: MQTTVersion, _ window: Int) async throws {
        let sent = Recorder<Int>()
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            try await peer.confirm(version, keeping: min(window, 8) - 1) { sent.record($0) }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) { $0.maximumInFlight = window }
            try await MQTTConnection.withConnection(options) { connection in
                try await Self.publishAll(connection)
                try await sent.wait(for: Self.count)
                #expect(sent.values == Array(0..<Self.count))
            }
        }
    }

    /// What was under way on a lost link goes again before all that has not gone yet.
    @Test(arguments: MQTTVersion.allCases, [MQTTSessionState.clean, .persistent()])
    func whatIsSentAgainGoesBeforeTheRest(_ version: MQTTVersion, _ session: MQTTSessionState) async throws {
        let sent = Recorder<(link: Int, number: Int)>()
        try await FakeBroker.withBroker { peer, link in
            _ = try await peer.receive(kind: 1)
            let isPresent = link > 0 && session != .clean
            try await peer.send(.init(head: 0x20, body: [isPresent ? 1 : 0, 0] + (version == .v5 ? [0] : [])))
            let end = link < 5 ? 60 : Int.max
            try await peer.confirm(version, keeping: 5, until: end) { sent.record((link, $0)) }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version, name: "order") {
                $0.maximumInFlight = 10
                $0.session = session
                $0.connection.whileOffline = .drop
            }
            try await MQTTConnection.withConnection(options) { connection in
                try await Self.publishAll(connection)
                try await sent.wait { $0.last?.number == Self.count - 1 }
                let links = Dictionary(grouping: sent.values, by: \.link).mapValues { $0.map(\.number) }
                #expect(links.count == 6)
                for numbers in links.values { #expect(numbers == numbers.sorted()) }
                // Only what has no guarantee is lost with a link.
                let all = Set(sent.values.map(\.number))
                let lost = (0..<Self.count).filter { !all.contains($0) }
                #expect(lost.allSatisfy { Self.quality($0) == .atMostOnce })
            }
        }
    }

    /// Publishes from one task, which waits after each hundred until they are confirmed.
    private static func publishAll(_ connection: MQTTConnection) async throws {
        var confirmations: [Martlet.Confirmation] = []
        for number in 0..<count {
            let options = PublishOptions(guarantee: quality(number))
            confirmations.append(try await connection.beginPublishing(Message("\(number)"), to: "t", options: options))
            guard number % 100 == 99 else { continue }
            for confirmation in confirmations { try await confirmation.wait() }
            confirmations.removeAll()
        }
    }
}

extension RawPeer {
    /// Answers as a broker does that keeps back its word on some messages.
    ///
    /// - Parameters:
    ///   - version: the client's.
    ///   - kept: on how many messages it keeps back its word while others come.
    ///   - end: after how many messages it ends the link.
    ///   - look: is told the number that is a message's text.
    fileprivate func confirm(
        _ version: MQTTVersion,
        keeping kept: Int,
        until end: Int = .max,
        _ look: (Int) -> Void
    ) async throws {
        var owed: [Packet] = []
        var isKeeping = true
        var messages = 0
        while messages < end {
            let packet = try await receive()
            switch packet.kind {
            case 3:
                messages += 1
                let size = Int(packet.body[0]) << 8 | Int(packet.body[1])
                let quality = packet.head >> 1 & 3
                var rest = packet.body[(2 + size)...]
                let number = rest.prefix(quality > 0 ? 2 : 0)
                rest = rest.dropFirst(number.count)
                // A list of properties says its length first.
                if version == .v5 { rest = rest.dropFirst(1 + Int(rest.first ?? 0)) }
                let name = Int(String(decoding: rest, as: UTF8.self)) ?? -1
                look(name)
                // The end of a hundred: soon nothing comes until all are confirmed.
                isKeeping = name % 100 < 80
                if quality > 0 { owed.append(Packet(head: quality == 1 ? 0x40 : 0x50, body: Array(number))) }
            // PUBREL
            case 6: try await send(Packet(head: 0x70, body: Array(packet.body.prefix(2))))
            case 12: try await send(Packet(head: 0xd0, body: []))
            default: break
            }
            while owed.count > (isKeeping ? kept : 0) { try await send(owed.removeFirst()) }
        }
    }
}
