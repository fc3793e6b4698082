import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// A broker that does not take, after a lost link, what it had agreed to before.
@Suite(.timeLimit(.minutes(10))) struct RefusedRestoreTests {
    /// It is asked again until it does.
    @Test(arguments: [(MQTTVersion.v311, UInt8(0x80)), (.v5, 0x80), (.v5, 0x83), (.v5, 0x91), (.v5, 0x97)])
    func aRefusalThatPassesEndsNothing(_ version: MQTTVersion, _ reason: UInt8) async throws {
        let (logger, lines) = recordingLogger()
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(version)
            let first = try await peer.receive(kind: 8)
            guard number > 0 else { return try await peer.grant(first, version) }
            try await peer.grant(first, version, reason)
            try await peer.grant(try await peer.receive(kind: 8), version, reason)
            let third = try await peer.receive(kind: 8)
            try await peer.grant(third, version)
            // Asked for what the broker keeps, as it was the first time.
            if version == .v5 { #expect(third.body.last == first.body.last) }
            try await peer.send(.publish("back", quality: 0, properties: version == .v5 ? [] : nil))
            try await peer.behave(version)
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) { $0.connection.logger = logger }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(to: "t")
                #expect(try await subscription.next()?.message.text == "back")
                #expect(connection.statistics.linkFailures == 1)
                let words = version == .v5 ? "reason \(reason)" : "not allowed"
                #expect(lines.value.contains { $0.hasPrefix("warning") && $0.contains(words) })
            }
        }
    }

    @Test func aRefusalForGoodEndsTheSubscriptionAndSaysWhy() async throws {
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(.v5)
            let subscribe = try await peer.receive(kind: 8)
            guard number > 0 else { return try await peer.grant(subscribe, .v5) }
            try await peer.grant(subscribe, .v5, 0x87)
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let subscription = try await connection.subscribe(to: "t")
                let error = await messagingError { _ = try await subscription.next() }
                #expect(error?.code == .refused)
                #expect(error?.message.contains("reason 135") == true, "\(String(describing: error))")
            }
        }
    }

    /// Whatever the reason: later calls wait for replies, too. Who calls meanwhile learns why there will be none.
    @Test(arguments: [(MQTTVersion.v311, UInt8(0x80)), (.v5, 0x97), (.v5, 0x87)])
    func repliesAreAskedForUntilTheBrokerAgrees(_ version: MQTTVersion, _ reason: UInt8) async throws {
        let (mayGrant, isGranted) = (Shared(false), Shared(false))
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(version)
            let first = try await peer.receive(kind: 8)
            #expect(first.filter(version).hasPrefix("rpc-"))
            guard number > 0 else {
                try await peer.grant(first, version)
                // The first call.
                _ = try await peer.receive(kind: 3)
                return
            }
            try await peer.grant(first, version, reason)
            try await peer.grant(try await peer.receive(kind: 8), version, reason)
            let third = try await peer.receive(kind: 8)
            try await until { mayGrant.value }
            try await peer.grant(third, version)
            // Another call.
            _ = try await peer.receive(kind: 3)
            isGranted.withLock { $0 = true }
            try await peer.behave(version)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, version)) { connection in
                let lost = await messagingError { _ = try await connection.call("echo", Message("x")) }
                #expect(lost?.code == .connectionLost)
                try await until { connection.state == .connected }
                let refused = await messagingError {
                    _ = try await connection.call("echo", Message("x"), timeout: .seconds(300))
                }
                #expect(refused?.code == .refused)
                mayGrant.withLock { $0 = true }
                try await until {
                    _ = try? await connection.call("echo", Message("x"), timeout: .milliseconds(50))
                    return isGranted.value
                }
                #expect(connection.statistics.linkFailures == 1)
            }
        }
    }

    /// The second server has a broker that can do less.
    @Test func aBrokerThatSharesNothingIsNotAskedToTheEndOfTheLink() async throws {
        let subscribed = Shared(0)
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(.v5, properties: number > 0 ? [0x2A, 0] : [])
            let subscribe = try await peer.receive(kind: 8)
            guard number > 0 else { return try await peer.grant(subscribe, .v5, 1) }
            subscribed.withLock { $0 += 1 }
            try await peer.send(.init(head: 0xe0, body: [0x9E]))
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let consumer = try await connection.consume(from: "jobs")
                let error = await messagingError { _ = try await consumer.next() }
                #expect(error?.code == .unsupported)
                #expect(subscribed.value == 0)
            }
        }
    }

    // MARK: Less than was asked for

    @Test(arguments: MQTTVersion.allCases)
    func aLesserQualityAfterALostLinkIsSaid(_ version: MQTTVersion) async throws {
        let (logger, lines) = recordingLogger()
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(version)
            let subscribe = try await peer.receive(kind: 8)
            try await peer.grant(subscribe, version, number > 0 ? 0 : 1)
            if number > 0 { try await peer.behave(version) }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) { $0.connection.logger = logger }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(
                    to: "t",
                    options: SubscribeOptions(guarantee: .atLeastOnce)
                )
                try await until {
                    lines.value.contains { $0.hasPrefix("warning") && $0.contains("quality of service 0 for t") }
                }
                try await until { connection.state == .connected }
                withExtendedLifetime(subscription) {}
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases)
    func whatWasNotGivenOnceIsNotBelievedLater(_ version: MQTTVersion) async throws {
        let asked = Shared(0)
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            while true {
                let subscribe = try await peer.receive(kind: 8)
                asked.withLock { $0 += 1 }
                try await peer.grant(subscribe, version, min(1, (subscribe.body.last ?? 0) & 3))
            }
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, version)) { connection in
                func subscribe(_ guarantee: Guarantee) async throws -> Subscription {
                    try await connection.subscribe(
                        to: "t",
                        options: SubscribeOptions(guarantee: guarantee, retained: false)
                    )
                }
                let first = try await subscribe(.atMostOnce)
                for _ in 0..<2 {
                    let error = await messagingError { _ = try await subscribe(.exactlyOnce) }
                    #expect(error?.code == .unsupported)
                }
                #expect(asked.value == 3)
                // What is there is enough for that.
                let second = try await subscribe(.atLeastOnce)
                #expect(asked.value == 3)
                withExtendedLifetime((first, second)) {}
            }
        }
    }
}
