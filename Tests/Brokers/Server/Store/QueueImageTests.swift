import MartletMQTTWire
import MartletTesting
import Testing

@testable import Martlet
@testable import MartletServer

/// Queues under commands at random, and the log of what changed: after each command the records so far make the same queues, and a
/// broker that begins with these goes on as the one before would have.
@Suite(.timeLimit(.minutes(5))) struct QueueImageTests {
    /// A message as the queues or the store have it.
    private struct Held: Hashable {
        let queue: String
        let text: String
        let deliveries: Int
        let expiresAt: Duration?
    }

    private struct World {
        var queues = World.newQueues()
        var journal = Journal({ 0 }, now: .zero, base: 0)
        var image = StoreImage(SessionLimits(), WallTime(.zero, is: 0))
        var base: UInt64 = 0
        var now = Duration.zero
        var random: SplitMix64
        var count = 0
        var parked: [UInt64: QueueName] = [:]
        var held: Set<UInt64> = []
        var consumers: [(Recipient, QueueName)] = []
        private static let names: [QueueName] = ["a", "b", "c", "plain"]

        init(seed: UInt64) {
            random = SplitMix64(seed: seed)
            image.beginFile()
            declare()
        }

        private static func newQueues() -> BrokerQueues {
            BrokerQueues(limit: 10, defaults: QueueOptions(limit: 4, deadLetters: "c"))
        }

        private mutating func declare() {
            queues.recordsChanges = true
            try? queues.declare("a", QueueOptions(limit: 3, maximumDeliveries: 2, deadLetters: "b"))
            try? queues.declare(
                "b",
                QueueOptions(limit: 3, overflow: .dropOldest, timeToLive: .seconds(40), deadLetters: "c")
            )
            try? queues.declare("c", QueueOptions(limit: 2, overflow: .reject))
        }

        /// Does something.
        mutating func go() {
            var effects: [BrokerEffect] = []
            now += .seconds(Int.random(in: 0...3, using: &random))
            let name = Self.names.randomElement(using: &random) ?? "a"
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<8:
                count += 1
                let expiry: Duration? =
                    Bool.random(using: &random) ? nil : .seconds(Int.random(in: 1...30, using: &random))
                let options = SendOptions(expiry: expiry)
                let sender = try? queues.send(Message("\(count)"), to: name, options, now: now, effects: &effects)
                if let sender = sender ?? nil { parked[sender] = name }
            case 8..<10:
                let recipient = Recipient(client: Int.random(in: 1...3, using: &random), number: count)
                consumers.append((recipient, name))
                let prefetch = Int.random(in: 1...3, using: &random)
                queues.add(.init(recipient: recipient, prefetch: prefetch), to: name, now: now, effects: &effects)
            case 10:
                guard let index = consumers.indices.randomElement(using: &random) else { break }
                let (recipient, queue) = consumers.remove(at: index)
                queues.remove(recipient, from: queue)
            case 11:
                queues.requeueAll(of: Int.random(in: 1...3, using: &random), now: now, effects: &effects)
            case 12:
                guard let (sender, queue) = parked.randomElement(using: &random) else { break }
                parked[sender] = nil
                _ = queues.withdraw(sender, from: queue, effects: &effects)
            case 13..<18:
                guard let tag = held.sorted().randomElement(using: &random) else { break }
                held.remove(tag)
                let all: [Disposition] = [.ack, .ack, .reject, .requeue]
                queues.settle(tag, as: all.randomElement(using: &random) ?? .ack, now: now, effects: &effects)
            case 18: queues.expire(at: now, effects: &effects)
            default: restart(&effects)
            }
            for effect in effects {
                switch effect {
                case .deliver(.assignment(_, let tag, _, _)): held.insert(tag)
                case .admit(let sender), .expire(let sender): parked[sender] = nil
                default: break
                }
            }
            write()
        }

        /// Another process begins with what the store has.
        private mutating func restart(_ effects: inout [BrokerEffect]) {
            queues = Self.newQueues()
            declare()
            (parked, held, consumers) = ([:], [], [])
            base = image.lastNumber
            journal = Journal({ 0 }, now: .zero, base: base)
            for (queue, messages) in Dictionary(grouping: image.queued.values, by: \.queue) {
                let queued = messages.sorted { $0.number < $1.number }.map { $0.queued(base: base, now: now) }
                queues.restore(queued, in: QueueName(queue), holders: [:], now: now, effects: &effects)
            }
        }

        private mutating func write() {
            for change in queues.changes { journal.add(change) }
            queues.changes = []
            guard let group = journal.take() else { return }
            let isApplied = image.apply(group.entries[...], written: 1)
            #expect(isApplied)
        }

        var inQueues: [UInt64: Held] {
            var all: [UInt64: Held] = [:]
            queues.forEachMessage { queue, queued in
                all[queued.number &+ base] = Held(
                    queue: queue.mqtt,
                    text: queued.message.text ?? "",
                    deliveries: queued.deliveries,
                    expiresAt: queued.expiresAt
                )
            }
            return all
        }

        var inStore: [UInt64: Held] {
            image.queued.mapValues { stored in
                let queued = stored.queued(base: 0, now: now)
                return Held(
                    queue: stored.queue,
                    text: queued.message.text ?? "",
                    deliveries: stored.deliveries,
                    expiresAt: stored.expiresAt
                )
            }
        }

        /// Whether what waits is in the order of its numbers.
        var isInOrder: Bool {
            queues.queues.values.allSatisfy { queue in
                let numbers = (queue.waiting + queue.parked).map { $0.number &+ base }
                return numbers == numbers.sorted()
            }
        }
    }

    @Test(arguments: [UInt64](1...40)) func theLogMakesTheQueues(_ seed: UInt64) {
        var world = World(seed: seed)
        for step in 0..<400 {
            world.go()
            guard world.inQueues == world.inStore, world.isInOrder else {
                Issue.record("seed \(seed), step \(step): \(world.inQueues) and \(world.inStore)")
                return
            }
        }
        #expect(world.count > 100)
    }
}
