import Martlet
import MartletTesting
import Testing

@Suite(.serialized, .timeLimit(.minutes(15))) struct BackPressureTests {
    @Test func aSubscriptionThatLeavesLetsItsPublisherGoOn() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        var subscription: Subscription? = try await connection.subscribe(to: "a", options: SubscribeOptions(limit: 1))
        try await connection.publish(Message("1"), to: "a")
        async let second: Void = connection.publish(Message("2"), to: "a")
        await until { subscription?.waiting == 2 }
        subscription = nil
        try await second
    }

    @Test func aCancelledPublishIsTakenBackFromThoseWhoAreBehind() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let slow = try await connection.subscribe(to: "a", options: SubscribeOptions(limit: 1))
        let slower = try await connection.subscribe(to: "#", options: SubscribeOptions(limit: 1))
        try await connection.publish(Message("1"), to: "a")
        let second = Task { try await connection.publish(Message("2"), to: "a") }
        await until { slow.waiting == 2 && slower.waiting == 2 }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(slow.waiting == 1)
        #expect(slower.waiting == 1)
    }

    @Test func forEverIsALimitToo() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let subscription = try await connection.subscribe(to: "a")
        async let delivery = subscription.next(within: .seconds(Int64.max))
        try await connection.publish(Message("x"), to: "a")
        #expect(try await delivery?.message.text == "x")
    }

    @Test func limitsWithoutMeaningAreErrors() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let code = await errorCode { _ = try await connection.subscribe(to: "a", options: SubscribeOptions(limit: 0)) }
        #expect(code == .invalidArgument)
        let prefetch = await errorCode {
            _ = try await connection.consume(from: "a", options: ConsumeOptions(prefetch: 0))
        }
        #expect(prefetch == .invalidArgument)
    }
}
