import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// A broker that sends what no broker sends ends the link, and nothing more.
@Suite(.timeLimit(.minutes(10))) struct HostileBrokerTests {
    /// A property with the identifier 0x7e, which is none, wherever a list of properties may stand.
    private static let unknown: [UInt8] = [2, 0x7e, 0]

    /// libmosquitto 2.0.11 ends the process over each of these.
    @Test(arguments: [
        RawPeer.Packet(head: 0x30, body: RawPeer.text("t") + unknown), .init(head: 0x90, body: [0, 1] + unknown + [0]),
        .init(head: 0xb0, body: [0, 1] + unknown + [0]), .init(head: 0x40, body: [0, 1, 0] + unknown),
        .init(head: 0x50, body: [0, 1, 0] + unknown), .init(head: 0x62, body: [0, 1, 0] + unknown),
        .init(head: 0x70, body: [0, 1, 0] + unknown), .init(head: 0xe0, body: [0] + unknown),
        .init(head: 0xf0, body: [0x18] + unknown),
    ])
    func aPropertyThatDoesNotExistEndsTheLink(_ packet: RawPeer.Packet) async throws {
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(.v5)
            if number == 0 {
                _ = try await peer.receive(kind: 3)
                try await peer.send(packet)
            }
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let promise = PublishOptions(guarantee: .atLeastOnce)
                try await connection.publish(Message("x"), to: "t", options: promise)
                let reason = connection.statistics.lastLinkFailure ?? ""
                #expect(reason.contains("protocol"), "\(reason)")
            }
        }
    }

    @Test(arguments: [[0x20, 5, 0, 0, 2, 0x7e, 0], [0xf0, 4, 0x18, 2, 0x7e, 0]] as [[UInt8]])
    func aPropertyThatDoesNotExistInTheAnswerToConnectIsAnError(_ bytes: [UInt8]) async throws {
        try await FakeBroker.withBroker { peer, _ in
            _ = try await peer.receive(kind: 1)
            try await peer.socket.sendAll(bytes)
            _ = try await peer.socket.receiveEnd()
        } _: { broker in
            let error = await messagingError { _ = try await MQTTConnection.connect(.local(broker.port)) }
            #expect(error?.code == .connectionLost)
            #expect(error?.message.contains("protocol") == true, "\(String(describing: error))")
        }
    }

    /// Links whose packets are changed by chance, cut short, or never were any.
    @Test(arguments: MQTTVersion.allCases) func noneOfThousandsOfBrokenLinksEndsTheProcess(_ version: MQTTVersion)
        async throws
    {
        let links = Recorder<Void>()
        let goal = 1_500
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            var packets = PacketMutator(seed: 7_001 << 32 | UInt64(number), version)
            if number % 5 == 4 {
                try await peer.socket.sendAll(packets.nextAnswer())
            } else {
                // With a session and without one.
                let flags: UInt8 = number % 3 == 0 ? 1 : 0
                try await peer.send(.init(head: 0x20, body: version == .v5 ? [flags, 0, 0] : [flags, 0]))
            }
            let bytes = packets.next()
            try await peer.socket.sendAll(Array(bytes.prefix(number % 7 == 6 ? bytes.count / 2 : bytes.count)))
            peer.socket.endWriting()
            links.record(())
            _ = try await peer.socket.receiveEnd()
        } _: { broker in
            let deadline = ContinuousClock.now + .seconds(120)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        let options = MQTTOptions.local(broker.port, version, name: "broken-\(number)") {
                            $0.reconnect = Backoff(initial: .milliseconds(1), maximum: .milliseconds(1))
                            $0.connection.whenUnreachable = .retry
                            $0.session = number % 2 == 0 ? .clean : .persistent()
                        }
                        let connection = try await MQTTConnection.connect(options)
                        while !Task.isCancelled {
                            let publish = PublishOptions(guarantee: .exactlyOnce)
                            try? await connection.publish(Message("x"), to: "t", options: publish)
                            try? await Task.sleep(for: .milliseconds(1))
                        }
                        await connection.close()
                    }
                }
                try await until { links.values.count >= goal || .now > deadline }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(links.values.count > 100)
        }
    }

    // MARK: What the library gets wrong

    /// A broker sends one copy, and says by which subscriptions (MQTT 5, 3.3.4-4).
    @Test(arguments: 0...2) func aMessageOfSeveralSubscriptionsIsForEachOfThem(_ quality: Int) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            var identifiers: [UInt8] = []
            var subscriptions = 0
            while subscriptions < 2 {
                let packet = try await peer.receive(kind: 8)
                // The list of properties has the identifier alone.
                guard packet.body[2] > 0 else { continue }
                identifiers += packet.body[3..<(3 + Int(packet.body[2]))]
                subscriptions += 1
                try await peer.grant(packet, .v5)
            }
            for number in UInt16(1)...3 {
                let text = "\(number)"
                try await peer.send(
                    .publish(text, quality: UInt8(quality), number: number, properties: identifiers + [0x01, 1])
                )
                if quality == 2 { try await peer.send(.pubrel(number)) }
            }
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let one = try await connection.subscribe(to: "t")
                let other = try await connection.subscribe(to: "#")
                for number in 1...3 {
                    #expect(try await one.next()?.message.text == "\(number)")
                    #expect(try await other.next()?.message.text == "\(number)")
                }
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// Its PUBREC, or the PUBCOMP, was lost on the way: each is answered again, and the message is handed out once.
    @Test(arguments: MQTTVersion.allCases) func aRepeatedMessageIsAnsweredAndNotHandedOutAgain(_ version: MQTTVersion)
        async throws
    {
        let properties: [UInt8]? = version == .v5 ? [] : nil
        let answers = Recorder<String>()
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            let subscribe = try await peer.receive(kind: 8)
            try await peer.send(.init(head: 0x90, body: subscribe.body[..<2] + (version == .v5 ? [0, 2] : [2])))
            for text in ["first", "second"] {
                for isRepeated in [false, true, true] {
                    try await peer.send(
                        .publish(text, quality: 2, number: 7, repeated: isRepeated, properties: properties)
                    )
                    let received = try await peer.receive(kind: 5)
                    answers.record("\(text) PUBREC \(received.body)")
                }
                for _ in 0..<3 {
                    try await peer.send(.pubrel(7))
                    let completed = try await peer.receive(kind: 7)
                    answers.record("\(text) PUBCOMP \(completed.body)")
                }
            }
            try await peer.send(.publish("end", quality: 0, properties: properties))
            try await peer.behave(version)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, version)) { connection in
                let subscription = try await connection.subscribe(
                    to: "t",
                    options: SubscribeOptions(guarantee: .exactlyOnce)
                )
                for text in ["first", "second", "end"] {
                    #expect(try await subscription.next()?.message.text == text)
                }
                let expected = ["first", "second"].flatMap { text in
                    [String](repeating: "\(text) PUBREC [0, 7]", count: 3)
                        + [String](repeating: "\(text) PUBCOMP [0, 7]", count: 3)
                }
                #expect(answers.values == expected)
            }
        }
    }

    /// What the library does not take costs itself, and is answered.
    @Test(arguments: MQTTVersion.allCases) func aTopicWithControlCharactersCostsOneMessage(_ version: MQTTVersion)
        async throws
    {
        let list: [UInt8] = version == .v5 ? [0] : []
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            try await peer.grant(try await peer.receive(kind: 8), version)
            for topic in ["a\u{1}b", "a/#", "\u{FFFE}"] {
                for quality in UInt8(0)...2 {
                    let number: [UInt8] = quality > 0 ? [0, quality] : []
                    try await peer.send(
                        .init(head: 0x30 | quality << 1, body: RawPeer.text(topic) + number + list + [1])
                    )
                }
                _ = try await peer.receive(kind: 4)
                _ = try await peer.receive(kind: 5)
                try await peer.send(.pubrel(2))
                _ = try await peer.receive(kind: 7)
            }
            try await peer.send(.publish("good", quality: 0, properties: version == .v5 ? [] : nil))
            try await peer.behave(version)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, version)) { connection in
                let subscription = try await connection.subscribe(to: "#")
                #expect(try await subscription.next()?.message.text == "good")
                #expect(connection.statistics.undecodable == 9)
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    // MARK: Limits

    @Test(arguments: MQTTVersion.allCases) func aPacketThatIsTooLargeEndsTheLink(_ version: MQTTVersion) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            _ = try await peer.receive(kind: 3)
            // The length alone: 256 MiB less a byte are said to follow.
            try await peer.socket.sendAll([0x30, 0xff, 0xff, 0xff, 0x7f])
            _ = try await peer.socket.receiveEnd()
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) { $0.maximumPacketSize = 1_000_000 }
            try await MQTTConnection.withConnection(options) { connection in
                try await connection.publish(Message("x"), to: "t")
                try await until { connection.statistics.linkFailures > 0 }
                let reason = connection.statistics.lastLinkFailure ?? ""
                #expect(reason.contains("268435460") && reason.contains("1000000"), "\(reason)")
            }
        }
    }

    /// They have to be kept until they are released, which never happens.
    @Test(arguments: MQTTVersion.allCases, [(1_000_000, 10), (100_000, 65_535)])
    func messagesThatAreNeverReleasedEndTheLink(_ version: MQTTVersion, _ limit: (bytes: Int, messages: Int))
        async throws
    {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            _ = try await peer.receive(kind: 3)
            let payload = String(repeating: "x", count: 1_000)
            for number in UInt16(1)...10_000 {
                try await peer.send(
                    .publish(payload, quality: 2, number: number, properties: version == .v5 ? [] : nil)
                )
            }
            _ = try await peer.socket.receiveEnd()
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) {
                $0.maximumReceivedBytes = limit.bytes
                $0.receiveMaximum = limit.messages
            }
            try await MQTTConnection.withConnection(options) { connection in
                try await connection.publish(Message("x"), to: "t")
                try await until { connection.statistics.linkFailures > 0 }
                let reason = connection.statistics.lastLinkFailure ?? ""
                let number = limit.messages == 10 ? limit.messages : limit.bytes
                #expect(reason.contains("not released") && reason.hasSuffix("allow \(number)"), "\(reason)")
            }
        }
    }

    /// The library keeps a message for the next link, and that broker takes smaller ones only.
    @Test(arguments: [Guarantee.atLeastOnce, .exactlyOnce]) func aMessageThatHasBecomeTooLargeFails(
        _ guarantee: Guarantee
    ) async throws {
        try await FakeBroker.withBroker { peer, number in
            _ = try await peer.receive(kind: 1)
            if number == 0 {
                try await peer.send(.init(head: 0x20, body: [0, 0, 0]))
                _ = try await peer.receive(kind: 3)
            } else {
                try await peer.send(.init(head: 0x20, body: [1, 0, 5, 0x27, 0, 0, 0, 200]))
                try await peer.behave(.v5)
            }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, name: "shrinking") { $0.session = .persistent() }
            try await MQTTConnection.withConnection(options) { connection in
                let code = await errorCode {
                    try await connection.publish(
                        Message([UInt8](repeating: 1, count: 1_000)),
                        to: "t",
                        options: PublishOptions(guarantee: guarantee)
                    )
                }
                #expect(code == .bodyTooLarge)
                try await connection.publish(
                    Message("small"),
                    to: "t",
                    options: PublishOptions(guarantee: .atLeastOnce)
                )
            }
        }
    }
}
