import Martlet

extension ConformanceSuite {
    /// What names may hold, and how they are told apart.
    public static let names: [ConformanceCheck] = [
        ConformanceCheck("a name with any segment arrives as it was") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let subscription = try await reader.subscribe(to: environment.pattern("odd.#"))
            let topics = oddSegments.flatMap { segment in
                let base = environment.topic("odd")
                return [base.appending(segment), base.appending(segment).appending("x")]
            }
            for topic in topics { try await writer.publish(Message(topic.text), to: topic) }
            var missing = Set(topics)
            while !missing.isEmpty {
                let delivery = try await subscription.delivery(environment)
                try environment.expect(delivery.topic.text, equals: delivery.message.text ?? "", "the topic")
                try environment.expect(missing.remove(delivery.topic) != nil, "each name once", actual: "\(delivery)")
            }
        },

        ConformanceCheck("a name with any segment can be subscribed to") { environment in
            let (writer, reader) = try await environment.connectBoth()
            for segment in oddSegments {
                let topic = environment.topic("each").appending(segment)
                let below = TopicPattern(segments: topic.segments.map(TopicPattern.Segment.literal) + [.one])
                let exact = try await reader.subscribe(to: TopicPattern(topic))
                let wild = try await reader.subscribe(to: below)
                // What the wildcards of any broker would take it for.
                try await writer.publish(Message("another"), to: environment.topic("each").appending("another"))
                try await writer.publish(Message("another"), to: environment.topic("each.another.x"))
                try await writer.publish(Message("it"), to: topic)
                try await writer.publish(Message("below"), to: topic.appending("x"))
                try await environment.expect(exact.texts(1), equals: ["it"], "what \(topic) gets")
                try await environment.expect(wild.texts(1), equals: ["below"], "what \(below) gets")
            }
        },

        ConformanceCheck("names that look alike are two") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topics = ["caf\u{E9}", "cafe\u{301}"].map { environment.topic("alike").appending($0) }
            let first = try await reader.subscribe(to: TopicPattern(topics[0]))
            let second = try await reader.subscribe(to: TopicPattern(topics[1]))
            for number in 0..<6 { try await writer.publish(Message("\(number)"), to: topics[number % 2]) }
            try await environment.expect(first.texts(3), equals: ["0", "2", "4"], "what the composed name gets")
            try await environment.expect(second.texts(3), equals: ["1", "3", "5"], "what the decomposed name gets")
        },

        ConformanceCheck(
            "queues may have any name, and those that look alike are two",
            crosses: .not("each queue would need a route")
        ) {
            environment in
            let (sender, worker) = try await environment.connectBoth()
            for (number, segment) in (oddSegments + ["caf\u{E9}", "cafe\u{301}"]).enumerated() {
                let queue = environment.queue("odd").appending(segment)
                let consumer = try await worker.consume(from: queue)
                try await sender.send(Message("\(number)"), to: queue)
                let delivery = try await consumer.delivery(environment)
                try delivery.ack()
                try environment.expect(delivery.message.text ?? "", equals: "\(number)", "what \(queue) gets")
                try environment.expect(delivery.topic, equals: TopicName(segments: queue.segments), "the topic")
                consumer.finish()
            }
        },

        ConformanceCheck(
            "a first wildcard matches nothing that begins with $",
            crosses: .not("it is about the subscriptions of one broker")
        ) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let own = environment.topic("dollar").segments
            let reserved = TopicName(segments: ["$\(own[1])"] + own)
            let ordinary = TopicName(segments: [own[1]] + own)
            let rest = own.map(TopicPattern.Segment.literal)
            let wild = try await reader.subscribe(to: TopicPattern(segments: [.one] + rest))
            let everything = try await reader.subscribe(to: "#", options: SubscribeOptions(limit: 4_096))
            let exact = try await reader.subscribe(to: TopicPattern(reserved))
            let below = try await reader.subscribe(to: TopicPattern(segments: [.literal(reserved.segments[0]), .rest]))
            try await writer.publish(Message("reserved"), to: reserved)
            try await writer.publish(Message("ordinary"), to: ordinary)
            try await environment.expect(exact.texts(1), equals: ["reserved"], "what its own name gets")
            try await environment.expect(below.texts(1), equals: ["reserved"], "what a pattern below it gets")
            try await environment.expect(wild.texts(1), equals: ["ordinary"], "what * gets")
            while true {
                let delivery = try await everything.delivery(environment)
                try environment.expect(!delivery.topic.text.hasPrefix("$"), "# not to match it", actual: "it did")
                if delivery.topic == ordinary { break }
            }
        },

        ConformanceCheck(
            "each message is for one member of a group",
            crosses: .not("a group is of one broker"),
            requires: .sharedSubscriptions
        ) { environment in
            let writer = try await environment.connect()
            let other = try await environment.connect(at: .sink)
            let options = SubscribeOptions(retained: false, group: "workers-\(environment.topic("g").segments[1])")
            let pattern = environment.pattern("shared.*.state")
            // On a connection of its own: MQTT 3.1.1 does not tell by which of two subscriptions a message came.
            let all = try await environment.connect().subscribe(to: pattern)
            let members = [
                try await writer.subscribe(to: pattern, options: options),
                try await other.subscribe(to: pattern, options: options),
            ]
            for number in 0..<100 {
                try await writer.publish(Message("\(number)"), to: environment.topic("shared.\(number % 7).state"))
            }
            try await environment.expect(all.texts(100).count, equals: 100, "what an ordinary subscriber gets")
            let heard = Recorder<String>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for member in members {
                    group.addTask {
                        for try await delivery in member {
                            heard.record(delivery.message.text ?? "")
                        }
                    }
                }
                try await heard.wait(for: 100)
                for member in members { member.finish() }
                try await group.waitForAll()
            }
            let numbers = heard.values.compactMap { Int($0) }.sorted()
            try environment.expect(numbers, equals: Array(0..<100), "what the members get together")
        },
    ]

    /// What some broker's names, filters or globs mean something else by, or can't have as it is.
    private static let oddSegments = [
        "a b", "a.b", "a/b", "a+b", "a#b", "a*b", "*", "#", "+", "%", "%2A", "%2a", "%23", "%2E", "%252E", "%2F", "%2B",
        "%25252F", "[ab]", "a?", "^", "\\", "{1}", "}", "\"", "日本語", "🐦",
    ]
}
