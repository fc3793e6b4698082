import Martlet

extension ConformanceSuite {
    /// Queues: who gets a message, and what becomes of one that is not done with.
    public static let queues: [ConformanceCheck] = [
        ConformanceCheck("each message of a queue goes to one consumer", crosses: [.queue("shared")]) { environment in
            let sender = try await environment.connect()
            let queue = environment.queue("shared")
            let received = Recorder<String>()
            let names = Recorder<String>()
            let consumers = [try await environment.connect(at: .sink), try await environment.connect(at: .sink)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<3 {
                    let subscription = try await consumers[index % 2].consume(
                        from: queue,
                        options: ConsumeOptions(prefetch: 4)
                    )
                    group.addTask {
                        for try await delivery in subscription {
                            names.record(delivery.topic.text)
                            received.record(delivery.message.text ?? "")
                            try delivery.ack()
                        }
                    }
                }
                for number in 0..<60 { try await sender.send(Message("\(number)"), to: queue) }
                try await received.wait(for: 60)
                group.cancelAll()
                while let result = await group.nextResult() { try result.ignoringCancellation() }
            }
            let expected = (0..<60).map(String.init).sorted()
            try environment.expect(received.values.sorted(), equals: expected, "what the consumers got together")
            try environment.expect(Set(names.values), equals: [queue.text], "the deliveries' topics")
        },

        ConformanceCheck(
            "a queue keeps messages, in order, for who consumes later",
            crosses: [.queue("kept")],
            requires: .redelivery
        ) {
            environment in
            let sender = try await environment.connect()
            let queue = environment.queue("kept")
            let texts = (0..<30).map(String.init)
            for text in texts { try await sender.send(Message(text), to: queue) }
            let consumer = try await environment.connect(at: .sink).consume(from: queue)
            try await environment.expect(consumer.texts(30), equals: texts, "what waited")
        },

        ConformanceCheck(
            "a consumer holds no more than it asked for",
            crosses: [.queue("prefetch")],
            requires: .redelivery
        ) { environment in
            let (sender, reader) = try await environment.connectBoth()
            let queue = environment.queue("prefetch")
            let first = try await reader.consume(from: queue, options: ConsumeOptions(prefetch: 2))
            for number in 0..<5 { try await sender.send(Message("\(number)"), to: queue) }
            let held = [try await first.delivery(environment), try await first.delivery(environment)]
            let second = try await environment.connect(at: .sink).consume(from: queue)
            try await environment.expect(
                second.texts(3),
                equals: ["2", "3", "4"],
                "what is left to the second consumer"
            )
            try environment.expect(first.waiting, equals: 0, "what waits at the first consumer")
            for delivery in held { try delivery.ack() }
            second.finish()
            try await sender.send(Message("5"), to: queue)
            try await environment.expect(first.texts(1), equals: ["5"], "what comes when there is room again")
        },

        ConformanceCheck("what is acknowledged is gone", crosses: [.queue("acked")], requires: .redelivery) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let queue = environment.queue("acked")
            let holder = try await environment.connect(at: .sink)
            try await writer.send(Message("done"), to: queue)
            try await holder.consume(from: queue).delivery(environment).ack()
            await holder.close()
            try await writer.send(Message("next"), to: queue)
            let next = try await reader.consume(from: queue).delivery(environment)
            try environment.expect(next.message.text, equals: "next", "the next message")
        },

        ConformanceCheck(
            "what is requeued comes again, and says how often it came",
            crosses: [.queue("requeued")],
            requires: .redelivery
        ) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let queue = environment.queue("requeued")
            let consumer = try await reader.consume(from: queue, options: ConsumeOptions(prefetch: 1))
            for text in ["a", "b"] { try await writer.send(Message(text), to: queue) }
            for attempt in 0..<3 {
                let delivery = try await consumer.delivery(environment)
                try environment.expect(delivery.message.text, equals: "a", "the message at the head")
                try environment.expect(delivery.redeliveries, equals: attempt, "the count of redeliveries")
                if attempt < 2 { try delivery.nack(requeue: true) } else { try delivery.ack() }
            }
            try await environment.expect(consumer.texts(1), equals: ["b"], "what comes after it")
        },

        ConformanceCheck("what is rejected does not come again", crosses: [.queue("rejected")], requires: .redelivery) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let queue = environment.queue("rejected")
            let consumer = try await reader.consume(from: queue)
            for text in ["bad", "good"] { try await writer.send(Message(text), to: queue) }
            try await consumer.delivery(environment).nack(requeue: false)
            try await environment.expect(consumer.texts(1), equals: ["good"], "what comes after it")
            try await writer.send(Message("last"), to: queue)
            try await environment.expect(consumer.texts(1), equals: ["last"], "what comes at the end")
        },

        ConformanceCheck("what is dropped unsettled comes back", crosses: [.queue("dropped")], requires: .redelivery) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let queue = environment.queue("dropped")
            let consumer = try await reader.consume(from: queue)
            try await writer.send(Message("x"), to: queue)
            for attempt in 0..<50 {
                // Taken and dropped at once, also while the broker may still be handing it over.
                let count = try await consumer.delivery(environment).redeliveries
                try environment.expect(count, equals: attempt, "the count of redeliveries")
            }
            try await consumer.delivery(environment).ack()
        },

        ConformanceCheck(
            "what a consumer left unread or unsettled goes to others",
            crosses: [.queue("left")],
            requires: .redelivery
        ) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let queue = environment.queue("left")
            for number in 0..<6 { try await writer.send(Message("\(number)"), to: queue) }
            func readOne() async throws {
                let leaving = try await reader.consume(from: queue, options: ConsumeOptions(prefetch: 4))
                for try await delivery in leaving {
                    try environment.expect(delivery.message.text, equals: "0", "the first message")
                    break
                }
            }
            try await readOne()
            let consumer = try await environment.connect(at: .sink).consume(from: queue)
            try await environment.expect(
                Set(consumer.texts(6)),
                equals: Set((0..<6).map(String.init)),
                "what the other consumer gets"
            )
        },

        ConformanceCheck(
            "what a closed connection held goes to others",
            crosses: [.queue("closed")],
            requires: .redelivery
        ) { environment in
            let (sender, reader) = try await environment.connectBoth()
            let queue = environment.queue("closed")
            for text in ["a", "b"] { try await sender.send(Message(text), to: queue) }
            let closing = try await environment.connect(at: .sink)
            let first = try await closing.consume(from: queue)
            let held = [try await first.delivery(environment), try await first.delivery(environment)]
            await closing.close()
            let second = try await reader.consume(from: queue)
            for text in ["a", "b"] {
                let delivery = try await second.delivery(environment)
                try environment.expect(delivery.message.text, equals: text, "what goes to the other consumer")
                try environment.expect(delivery.redeliveries, equals: 1, "the count of redeliveries")
                try delivery.ack()
            }
            try await environment.expect(.connectionLost, .connectionClosed, from: "settling what was held") {
                try held[0].ack()
            }
        },

        ConformanceCheck("a delivery is settled once", crosses: [.queue("settled")], requires: .redelivery) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let queue = environment.queue("settled")
            try await writer.send(Message("x"), to: queue)
            let delivery = try await reader.consume(from: queue).delivery(environment)
            try delivery.ack()
            try await environment.expect(.alreadySettled, from: "a second ack") { try delivery.ack() }
            try await environment.expect(.alreadySettled, from: "a nack after an ack") {
                try delivery.nack(requeue: true)
            }
        },

        ConformanceCheck("a delivery of a topic needs no settling") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("unsettled")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            try await writer.publish(Message("x"), to: topic)
            let delivery = try await subscription.delivery(environment)
            try delivery.ack()
            try delivery.ack()
            try delivery.nack(requeue: true)
        },

        ConformanceCheck(
            "a required consumer that is missing is an error at once",
            crosses: .not("the consumer is the bridge"),
            requires: .responderDetection
        ) {
            environment in
            let connection = try await environment.connect()
            let queue = environment.queue("nobody")
            try await environment.expect(.noResponder, from: "sending to a consumer that is missing") {
                try await connection.send(Message("x"), to: queue, options: SendOptions(requiresConsumer: true))
            }
        },

        ConformanceCheck(
            "whatever the link does, each message of a queue arrives",
            crosses: [.queue("whatever")],
            requires: .redelivery,
            tolerates: .all
        ) { environment in
            let sender = try await environment.connect()
            let queue = environment.queue("whatever")
            let consumer = try await environment.connect(at: .sink)
            // The link may be down at this very moment.
            let subscription = try await environment.retrying { try await consumer.consume(from: queue) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<30 { try await sender.send(Message("\(number)"), to: queue) }
                }
                var seen: Set<String> = []
                while seen.count < 30 {
                    let delivery = try await subscription.delivery(environment)
                    // Fails if the link was lost meanwhile: then it comes again.
                    try? delivery.ack()
                    seen.insert(delivery.message.text ?? "")
                }
                try await group.waitForAll()
            }
        },
    ]
}
