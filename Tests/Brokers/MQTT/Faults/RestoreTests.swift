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
}
