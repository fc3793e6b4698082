import IntegrationSupport
import Martlet
import MartletAMQP
import Testing

/// A durable subscription is kept when its reader ends, however that happens, until the user ends it.
@Suite(.timeLimit(.minutes(10))) struct DurableSubscriptionTests {
    enum End: CaseIterable {
        case dropped, leftTheLoop, finished, heldToTheEnd
    }

    private static let promise = PublishOptions(guarantee: .atLeastOnce)

    private func options(_ name: String) -> SubscribeOptions {
        SubscribeOptions(guarantee: .atLeastOnce, durableName: name)
    }

    @Test(arguments: End.allCases) func itIsKeptWhenItsReaderEnds(_ end: End) async throws {
        let port = try await RabbitMQServer.shared().port
        let name = unique("durable")
        let topic = TopicName(name)
        var held: [Subscription] = []
        try await withAMQP(port: port, { _ in }) { connection in
            let subscription = try await connection.subscribe(to: TopicPattern(topic), options: options(name))
            switch end {
            case .dropped: break
            case .heldToTheEnd: held.append(subscription)
            case .finished: subscription.finish()
            case .leftTheLoop:
                try await connection.publish(Message("now"), to: topic, options: Self.promise)
                for try await delivery in subscription {
                    try delivery.ack()
                    break
                }
            }
        }
        try await withAMQP(port: port, { _ in }) { connection in
            try await connection.publish(Message("while away"), to: topic, options: Self.promise)
            let subscription = try await connection.subscribe(to: TopicPattern(topic), options: options(name))
            let delivery = try await subscription.next()
            #expect(delivery?.message.text == "while away")
            try delivery?.ack()
            subscription.unsubscribe()
        }
        withExtendedLifetime(held) {}
    }

    @Test(arguments: [false, true]) func unsubscribingEndsIt(_ afterFinishing: Bool) async throws {
        let port = try await RabbitMQServer.shared().port
        let name = unique("durable")
        let topic = TopicName(name)
        try await withAMQP(port: port, { _ in }) { connection in
            let subscription = try await connection.subscribe(to: TopicPattern(topic), options: options(name))
            if afterFinishing { subscription.finish() }
            subscription.unsubscribe()
            #expect(try await subscription.next()?.message == nil)
        }
        try await withAMQP(port: port, { _ in }) { connection in
            try await connection.publish(Message("for nobody"), to: topic, options: Self.promise)
            let subscription = try await connection.subscribe(to: TopicPattern(topic), options: options(name))
            try await connection.publish(Message("end"), to: topic, options: Self.promise)
            let delivery = try await subscription.next()
            #expect(delivery?.message.text == "end")
            try delivery?.ack()
            subscription.unsubscribe()
        }
    }
}
