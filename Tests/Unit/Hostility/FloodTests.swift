import Foundation
import Martlet
import Testing

@Suite(.serialized, .timeLimit(.minutes(15))) struct FloodTests {
    /// A reader that is slower than the publisher: what waits stays bounded, and what was dropped is counted exactly.
    @Test(arguments: [Overflow.suspend, .dropOldest, .dropNewest, .conflate])
    func slowReadersKeepMemoryFlat(overflow: Overflow) async throws {
        // A sanitizer makes a message some fifty times slower, and the tests beside this one wait.
        let total = ProcessInfo.processInfo.environment["MARTLET_FLOOD"].flatMap(Int.init) ?? 1_000_000
        let limit = 100
        let broker = MemoryBroker()
        let publisher = try await broker.connect(name: "publisher")
        let reader = try await broker.connect(name: "reader")
        let subscription = try await reader.subscribe(
            to: "numbers.*",
            options: SubscribeOptions(overflow: overflow, limit: limit)
        )
        let topics = (0..<4).map { TopicName("numbers.\($0)") }
        let (received, mostWaiting) = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            group.addTask {
                for number in 0..<total {
                    try await publisher.publish(Message([UInt8(number % 251)]), to: topics[number % 4])
                    // The other tests run on the same few threads.
                    if number.isMultiple(of: 256) { await Task.yield() }
                }
                subscription.finish()
                return (0, 0)
            }
            group.addTask {
                var received = 0
                var mostWaiting = 0
                for try await _ in subscription {
                    received += 1
                    mostWaiting = max(mostWaiting, subscription.waiting)
                    // Slower than the publisher, without a clock: others go first.
                    if received % 8 == 0 { for _ in 0..<20 { await Task.yield() } }
                }
                return (received, mostWaiting)
            }
            var result = (0, 0)
            for try await (received, most) in group { result = (result.0 + received, max(result.1, most)) }
            return result
        }
        #expect(received + subscription.dropped == total)
        // Besides what waits in the mailbox there is the one message that the publisher is held back with.
        #expect(mostWaiting <= limit + 1)
        if overflow == .suspend { #expect(subscription.dropped == 0) } else { #expect(subscription.dropped > 0) }
    }
}
