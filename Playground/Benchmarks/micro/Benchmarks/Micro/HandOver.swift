import Benchmark
import DequeModule
import Martlet
import MartletTransport

/// From one task to another, and to a connection's thread.
func handOver() {
    let message = Message(Array(repeating: 7, count: 64))
    let topic = TopicName("bench.topic")
    let limit = SubscribeOptions().limit

    Benchmark.each("mailbox-offer-and-take") { [mailbox = Mailbox<Message>(limit: limit)] index in
        _ = mailbox.offer(message, topic: topic)
        if index % 64 == 63 {
            var batch = Deque<Message>()
            mailbox.nextIfReady(into: &batch)
            blackHole(batch)
        }
    }
    Benchmark("mailbox-to-another-task") { benchmark in
        let mailbox = Mailbox<Message>(limit: limit)
        let count = benchmark.scaledIterations.count
        try await benchmark.counting {
            async let reading: Void = read(count, from: mailbox)
            for _ in benchmark.scaledIterations {
                if case .parked(let id) = mailbox.offer(message, topic: topic) {
                    try await mailbox.waitUntilAdmitted(id)
                }
            }
            try await reading
        }
    }
    Benchmark("outbox-put-and-take") { benchmark in
        let outbox = Outbox<Message>(limit: 1_024, maximumBytes: 1 << 20) {}
        try await benchmark.counting {
            for _ in benchmark.scaledIterations {
                try await outbox.put(message, bytes: 64)
                blackHole(outbox.takeFirst())
            }
        }
    }
}

@concurrent
private func read(_ count: Int, from mailbox: Mailbox<Message>) async throws {
    var taken = 0
    var batch = Deque<Message>()
    while taken < count {
        try await mailbox.next(into: &batch)
        taken += batch.count
        batch.removeAll(keepingCapacity: true)
    }
}
