import IntegrationSupport
import Martlet
import Testing

@testable import MartletMQTT

/// After a lost link a connection says that it is connected when its subscriptions are back, and no sooner.
@Suite(.timeLimit(.minutes(10))) struct RestoreTests {
    @Test(arguments: MQTTVersion.allCases)
    func aLinkIsThereOnceTheSubscriptionsAreBack(_ version: MQTTVersion) async throws {
        let asked = Shared(false)
        let mayAnswer = Shared(false)
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(version)
            guard number > 0 else {
                let packet = try await peer.receive(kind: 8)
                return try await peer.grant(packet, version)
            }
            let packet = try await peer.receive(kind: 8)
            asked.withLock { $0 = true }
            try await until { mayAnswer.value }
            try await peer.grant(packet, version)
            try await peer.behave(version)
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) { $0.connectTimeout = .seconds(60) }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(to: "back.#")
                try await until { asked.value }
                #expect(connection.state == .disconnected)
                mayAnswer.withLock { $0 = true }
                try await until { connection.state == .connected }
                withExtendedLifetime(subscription) {}
            }
        }
    }

    /// The link is given up after the time for connecting, and another found.
    @Test(arguments: MQTTVersion.allCases)
    func aBrokerThatRestoresNothingIsLeft(_ version: MQTTVersion) async throws {
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(version)
            switch number {
            case 0: try await peer.grant(try await peer.receive(kind: 8), version)
            case 1: while true { _ = try await peer.receive() }
            default: try await peer.behave(version)
            }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) { $0.connectTimeout = .seconds(5) }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(to: "back.#")
                try await until { connection.state == .disconnected }
                try await until { connection.state == .connected }
                withExtendedLifetime(subscription) {}
            }
        }
    }

    /// A connection that hears itself would miss what the broker gets before its subscription.
    @Test(arguments: MQTTVersion.allCases, [Guarantee.atMostOnce, .atLeastOnce])
    func nothingIsSentBeforeTheSubscriptionsAreBack(_ version: MQTTVersion, _ guarantee: Guarantee) async throws {
        let links = Shared(0)
        let early = Shared(0)
        try await FakeBroker.withBroker { peer, number in
            try await peer.acceptClient(version)
            while true {
                let packet = try await peer.receive()
                // Later ones have no subscription any more.
                if packet.kind == 3, number < 100 { early.withLock { $0 += 1 } }
                guard packet.kind == 8 else { continue }
                try await peer.grant(packet, version)
                break
            }
            _ = try await peer.receive()
            links.withLock { $0 += 1 }
        } _: { broker in
            let options = MQTTOptions.local(broker.port, version) {
                $0.reconnect = Backoff(initial: .milliseconds(1), maximum: .milliseconds(1))
                $0.connection.whileOffline = .buffer(limit: 64)
            }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(to: "own.#")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let options = PublishOptions(
                                guarantee: guarantee,
                                expiry: guarantee == .atMostOnce ? nil : .milliseconds(20)
                            )
                            while !Task.isCancelled {
                                try? await connection.publish(Message("x"), to: "own.x", options: options)
                                await Task.yield()
                            }
                        }
                    }
                    try await until { links.value >= 100 }
                    group.cancelAll()
                }
                withExtendedLifetime(subscription) {}
            }
        }
        #expect(early.value == 0)
    }
}
