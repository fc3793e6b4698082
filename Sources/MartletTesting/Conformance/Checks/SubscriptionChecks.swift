import Martlet

extension ConformanceSuite {
    /// What becomes of messages whose reader is slow, cancelled or gone.
    public static let subscriptions: [ConformanceCheck] = [
        overflow("the oldest is dropped when that is the rule", .dropOldest, kept: ["16", "17", "18", "19"]),
        overflow("the newest is dropped when that is the rule", .dropNewest, kept: ["0", "1", "2", "3"]),

        ConformanceCheck("of each topic the latest is kept when that is the rule") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let subscription = try await reader.subscribe(
                to: environment.pattern("*"),
                options: SubscribeOptions(overflow: .conflate, limit: 4)
            )
            for number in 0..<20 {
                let topic = environment.topic(number.isMultiple(of: 2) ? "even" : "odd")
                try await writer.publish(Message("\(number)"), to: topic)
            }
            try await environment.eventually { subscription.dropped + subscription.waiting == 20 }
            try environment.expect(subscription.dropped, equals: 18, "the count of the dropped")
            try await environment.expect(Set(subscription.texts(2)), equals: ["18", "19"], "what is kept")
        },

        ConformanceCheck("a slow reader loses nothing where publishers wait for it") { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("slow")
            let subscription = try await reader.subscribe(to: TopicPattern(topic), options: SubscribeOptions(limit: 4))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<200 { try await publisher.publish(Message("\(number)"), to: topic) }
                }
                var texts: [String] = []
                while texts.count < 200 {
                    texts += try await subscription.texts(1)
                    if texts.count.isMultiple(of: 20) { try await Task.sleep(for: .milliseconds(1)) }
                }
                try await group.waitForAll()
                try environment.expect(texts, equals: (0..<200).map(String.init), "what the reader gets")
                try environment.expect(subscription.dropped, equals: 0, "the count of the dropped")
            }
        },

        ConformanceCheck("leaving the loop unsubscribes") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("left")
            try await writer.publish(Message("0"), to: topic)
            func readOne() async throws {
                let options = SubscribeOptions(limit: 1, retained: false)
                let subscription = try await reader.subscribe(to: TopicPattern(topic), options: options)
                try await writer.publish(Message("1"), to: topic)
                for try await _ in subscription { break }
            }
            try await readOne()
            // Nobody reads: whoever still subscribed, with room for one, would hold this up for ever.
            for number in 0..<50 { try await writer.publish(Message("\(number)"), to: topic) }
        },

        ConformanceCheck("finishing a subscription lets its publishers go on") { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("finished")
            let subscription = try await reader.subscribe(to: TopicPattern(topic), options: SubscribeOptions(limit: 1))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<20 { try await publisher.publish(Message("\(number)"), to: topic) }
                }
                try await environment.eventually { subscription.waiting > 0 }
                subscription.finish()
                try await group.waitForAll()
            }
            try await environment.expect(subscription.texts(1), equals: ["0"], "what had arrived")
        },

        ConformanceCheck("a cancelled reader throws and loses nothing") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("cancelled")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            for round in 0..<20 {
                let reading = Task { try await subscription.next()?.message.text }
                if round.isMultiple(of: 2) { await Task.yield() }
                reading.cancel()
                try await environment.expectCancellation(of: "a cancelled reader") { _ = try await reading.value }
                try await writer.publish(Message("\(round)"), to: topic)
                if round.isMultiple(of: 3) {
                    // By itself, so that it is cancelled before it reads, and not a little later.
                    let late = Task {
                        withUnsafeCurrentTask { $0?.cancel() }
                        return try await subscription.next()?.message.text
                    }
                    if let text = try? await late.value {
                        throw environment.failure(expected: "a cancelled reader to throw", actual: "it read \(text)")
                    }
                }
                try await environment.expect(subscription.texts(1), equals: ["\(round)"], "what the next reader gets")
            }
        },

        ConformanceCheck("a subscription has one reader at a time") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("readers")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<2 { group.addTask { try await subscription.next()?.message.text } }
                try await environment.expect(.concurrentIteration, from: "the second reader") {
                    _ = try await group.next()
                }
                try await writer.publish(Message("x"), to: topic)
                try await environment.expect(group.next(), equals: "x", "what the first reader gets")
            }
        },

        ConformanceCheck("what a typed subscription can't read is skipped and counted") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = Topic<[Int]>(environment.topic("typed"))
            let subscription = try await reader.subscribe(to: topic)
            try await writer.publish(Message("{not json"), to: topic.name)
            try await writer.publish(Message(""), to: topic.name)
            try await writer.publish([1, 2], to: topic)
            let received = try await subscription.next()
            try environment.expect(received?.value, equals: [1, 2], "the first value")
            try environment.expect(reader.statistics.undecodable, equals: 2, "the count of the unreadable")
        },
    ]

    private static func overflow(_ name: String, _ rule: Overflow, kept: [String]) -> ConformanceCheck {
        ConformanceCheck(name) { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("full")
            let subscription = try await reader.subscribe(
                to: TopicPattern(topic),
                options: SubscribeOptions(overflow: rule, limit: 4)
            )
            for number in 0..<20 { try await writer.publish(Message("\(number)"), to: topic) }
            try await environment.eventually { subscription.dropped + subscription.waiting == 20 }
            try environment.expect(subscription.dropped, equals: 16, "the count of the dropped")
            try await environment.expect(subscription.texts(4), equals: kept, "what is kept")
        }
    }
}
