import Martlet
import Testing

@Suite(.timeLimit(.minutes(10))) struct OfflineBufferTests {
    /// Whatever moment the link comes back at, nothing stays behind and nothing is overtaken.
    @Test func publishesAroundARestoredLinkStayInOrder() async throws {
        let broker = MemoryBroker()
        let reader = try await broker.connect(name: "reader")
        let options = ConnectionOptions(whileOffline: .buffer(limit: 1_000))
        let publisher = try await broker.connect(options: options)
        for _ in 0..<100 {
            let subscription = try await reader.subscribe(to: "t", options: SubscribeOptions(limit: 100))
            publisher.cut()
            async let publishing: Void = {
                for number in 0..<50 { try await publisher.publish(Message("\(number)"), to: "t") }
            }()
            await Task.yield()
            publisher.restore()
            try await publishing
            for number in 0..<50 {
                let delivery = try await subscription.next()
                #expect(delivery?.message.text == "\(number)")
            }
        }
        await publisher.close()
        await reader.close()
    }
}
