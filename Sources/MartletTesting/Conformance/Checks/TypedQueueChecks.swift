import Martlet

extension ConformanceSuite {
    /// Queues of values.
    public static let typedQueues: [ConformanceCheck] = [
        ConformanceCheck("values arrive as they were sent", crosses: [.queue("values")]) { environment in
            let sender = try await environment.connect()
            let queue = Queue<Sample>(environment.queue("values"))
            let consumer = try await environment.connect(at: .sink).consume(from: queue)
            for sample in Sample.all { try await sender.send(sample, to: queue) }
            try await environment.expect(consumer.values(3), equals: Sample.all, "the values")
        },

        ConformanceCheck(
            "whatever the link does, each value of a queue arrives",
            crosses: [.queue("whatever-values")],
            requires: .redelivery,
            tolerates: .all
        ) { environment in
            let sender = try await environment.connect()
            let connection = try await environment.connect(at: .sink)
            let queue = Queue<Int>(environment.queue("whatever-values"))
            // The link may be down at this very moment.
            let consumer = try await environment.retrying { try await connection.consume(from: queue) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<10 { try await sender.send(number, to: queue) }
                }
                var seen: Set<Int> = []
                while seen.count < 10, let received = try await consumer.next() {
                    // Fails if the link was lost meanwhile: then it comes again.
                    try? received.ack()
                    seen.insert(received.value)
                }
                try environment.expect(seen, equals: Set(0..<10), "the values")
                try await group.waitForAll()
            }
        },

        ConformanceCheck(
            "work that can't be read is rejected, and does not come again",
            crosses: [.queue("unreadable")],
            requires: .redelivery,
            tolerates: [.delay, .reorder, .drop]
        ) { environment in
            let sender = try await environment.connect()
            let reader = try await environment.connectQuietly(at: .sink)
            let queue = Queue<Sample>(environment.queue("unreadable"))
            for text in ["", "?", "{}"] { try await sender.send(Message(text), to: queue.name) }
            try await sender.send(Sample.all[0], to: queue)
            // Were the unreadable ones kept, there would be no room for the one that is not.
            let consumer = try await reader.consume(from: queue, options: ConsumeOptions(prefetch: 1))
            let seen = Recorder<Sample>()
            let reading = Task {
                for try await received in consumer {
                    try received.ack()
                    seen.record(received.value)
                }
            }
            try await seen.wait(for: 1)
            try await environment.eventually { reader.statistics.undecodable >= 3 }
            try environment.expect(reader.statistics.undecodable, equals: 3, "the count of what was rejected")
            try environment.expect(seen.values, equals: [Sample.all[0]], "what was read")
            await reader.close()
            _ = await reading.result
            try await sender.send(Message("last"), to: queue.name)
            let other = try await environment.connect(at: .sink).consume(from: queue.name)
            try await environment.expect(other.texts(1), equals: ["last"], "what another consumer gets")
        },
    ]
}
