import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// Brokers that mark, or name, messages in another way than the protocol has it.
@Suite(.timeLimit(.minutes(10))) struct StrangeBrokerTests {
    /// What is new comes marked as kept.
    @Test(arguments: [true, false]) func whatIsWronglyMarkedAsKeptArrives(_ wantsRetained: Bool) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            let subscribe = try await peer.receive(kind: 8)
            try await peer.grant(subscribe, .v5)
            for text in ["a", "b", "c"] {
                try await peer.send(
                    .publish(text, quality: 0, retain: true, properties: subscribe.subscribeProperties)
                )
            }
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let subscription = try await connection.subscribe(
                    to: "t",
                    options: SubscribeOptions(retained: wantsRetained)
                )
                for text in ["a", "b", "c"] {
                    let delivery = try await subscription.next()
                    #expect(delivery?.message.text == text)
                    // The first one may be what the broker keeps.
                    #expect(delivery?.isRetained == (wantsRetained && text == "a"))
                }
            }
        }
    }

    /// With MQTT 3.1.1 each SUBSCRIBE brings what the broker keeps, wanted or not.
    @Test func whatIsKeptIsStillNotForThoseWhoDoNotWantIt() async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v311)
            try await peer.grant(try await peer.receive(kind: 8), .v311)
            try await peer.send(.publish("kept", quality: 0, retain: true, properties: nil))
            try await peer.send(.publish("new", quality: 0, properties: nil))
            try await peer.behave(.v311)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, .v311)) { connection in
                let subscription = try await connection.subscribe(to: "t", options: SubscribeOptions(retained: false))
                #expect(try await subscription.next()?.message.text == "new")
            }
        }
    }

    /// EMQX sends what comes by `$exclusive/t/1` with the topic `t/1`; others rewrite topics by rules.
    @Test func aMessageWhoseTopicWasChangedComesByItsNumber() async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            let subscribe = try await peer.receive(kind: 8)
            try await peer.grant(subscribe, .v5, 1)
            try await peer.send(
                .publish("x", to: "t/1", quality: 1, properties: subscribe.subscribeProperties)
            )
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let subscription = try await connection.subscribe(
                    to: TopicPattern(mqtt: "$exclusive/t/1"),
                    options: SubscribeOptions(guarantee: .atLeastOnce)
                )
                #expect(try await subscription.next()?.message.text == "x")
                #expect(connection.statistics.undelivered == 0)
            }
        }
    }

    /// RabbitMQ 3.10 makes `spBv1/0/x` of `spBv1.0/x`. Without a number nobody can know whose that is.
    @Test(arguments: MQTTVersion.allCases)
    func aMessageThatNothingMatchesIsCounted(_ version: MQTTVersion) async throws {
        let (logger, lines) = recordingLogger()
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            try await peer.grant(try await peer.receive(kind: 8), version)
            try await peer.send(
                .publish("x", to: "spBv1/0/x", quality: 0, properties: version == .v5 ? [] : nil)
            )
            try await peer.behave(version)
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) { $0.connection.logger = logger }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(to: TopicPattern(mqtt: "spBv1.0/#"))
                // It is logged just after it was counted.
                try await until { lines.value.contains { $0.contains("spBv1/0/x") } }
                #expect(connection.statistics.undelivered == 1)
                withExtendedLifetime(subscription) {}
            }
        }
    }

    /// What was on its way when a subscription ended is no fault.
    @Test(arguments: MQTTVersion.allCases)
    func whatComesAfterASubscriptionIsNotCounted(_ version: MQTTVersion) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            let subscribe = try await peer.receive(kind: 8)
            try await peer.grant(subscribe, version)
            _ = try await peer.receive(kind: 10)
            let properties = version == .v5 ? subscribe.subscribeProperties : nil
            try await peer.send(.publish("late", quality: 0, properties: properties))
            try await peer.grant(try await peer.receive(kind: 8), version)
            try await peer.behave(version)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, version)) { connection in
                let subscription = try await connection.subscribe(to: "t")
                subscription.finish()
                let next = try await connection.subscribe(to: "u")
                #expect(connection.statistics.undelivered == 0)
                withExtendedLifetime(next) {}
            }
        }
    }

    /// libmosquitto ends a link over that.
    @Test func anIdentifierThatNobodyAskedForIsOverlooked() async throws {
        try await FakeBroker.withBroker { peer, _ in
            // Receive Maximum, Assigned Client Identifier, Topic Alias Maximum.
            let properties: [UInt8] = [0x21, 0, 9, 0x12] + RawPeer.text("other") + [0x22, 0, 7]
            try await peer.acceptClient(.v5, properties: properties)
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, name: "own")) { connection in
                try await connection.publish(
                    Message("x"),
                    to: "t",
                    options: PublishOptions(guarantee: .atLeastOnce)
                )
                let accepted = await connection.session.accepted
                #expect(accepted?.receiveMaximum == 9)
                #expect(accepted?.topicAliases == 7)
            }
        }
    }

    /// Without numbers nobody knows for which of two filters a mark is.
    @Test func aBrokerWithoutNumbersDoesNotTellWhatIsPublishedToBeKept() async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5, properties: [0x29, 0])
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                #expect(!connection.capabilities.contains(.retainAsPublished))
                let error = await messagingError {
                    _ = try await connection.subscribe(to: "t", options: SubscribeOptions(retainAsPublished: true))
                }
                #expect(error?.code == .unsupported)
            }
        }
    }
}

extension MQTTSession {
    /// What the broker said of itself.
    fileprivate var accepted: ConnectAcknowledgement? { handshake.broker }
}
