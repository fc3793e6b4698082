import Martlet

extension ConformanceSuite {
    /// Publishing, and the topics that a filter stands for.
    public static let publishing: [ConformanceCheck] = [
        ConformanceCheck("publish reaches every present subscriber") { environment in
            let (publisher, reader) = try await environment.connectBoth()
            let other = try await environment.connect(at: .sink)
            let topic = environment.topic("all")
            let subscriptions = [
                try await reader.subscribe(to: TopicPattern(topic)),
                try await other.subscribe(to: TopicPattern(topic)),
                try await other.subscribe(to: environment.pattern("*")),
            ]
            let texts = (0..<20).map(String.init)
            for text in texts { try await publisher.publish(Message(text), to: topic) }
            for subscription in subscriptions {
                try await environment.expect(subscription.texts(20), equals: texts, "what each subscriber gets")
            }
        },

        ConformanceCheck("a subscription begins when it is made and ends when it is finished") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("span")
            try await writer.publish(Message("before"), to: topic)
            try await environment.waitUntilCrossed(from: writer)
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            try await writer.publish(Message("during"), to: topic)
            try await environment.expect(subscription.texts(1), equals: ["during"], "the first message")
            subscription.finish()
            try await writer.publish(Message("after"), to: topic)
            let next = try await subscription.next()
            try environment.expect(next == nil, "a finished subscription to end", actual: "it went on")
        },

        ConformanceCheck("messages of one publisher to one topic stay in order") { environment in
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("order")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            let connections = [try await environment.connect(), try await environment.connect()]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for publisher in 0..<4 {
                    group.addTask {
                        for number in 0..<50 {
                            try await connections[publisher % 2].publish(Message("\(publisher) \(number)"), to: topic)
                        }
                    }
                }
                var nextOf = [0, 0, 0, 0]
                for text in try await subscription.texts(200) {
                    let parts = text.split(separator: " ").compactMap { Int($0) }
                    try environment.expect(parts[1], equals: nextOf[parts[0]], "the next of publisher \(parts[0])")
                    nextOf[parts[0]] += 1
                }
                try await group.waitForAll()
            }
        },

        ConformanceCheck("wildcards match whole segments") { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topics = ["a", "a.b", "a.c", "a.b.c", "a.b.c.d", "b", "b.b", "ab"]
            let patterns: [(pattern: String, topics: Set<String>)] = [
                ("a", ["a"]),
                ("a.*", ["a.b", "a.c"]),
                ("*.b", ["a.b", "b.b"]),
                ("*", ["a", "b", "ab"]),
                ("*.*.c", ["a.b.c"]),
                ("a.*.c.*", ["a.b.c.d"]),
                ("a.#", ["a", "a.b", "a.c", "a.b.c", "a.b.c.d"]),
                ("a.*.#", ["a.b", "a.c", "a.b.c", "a.b.c.d"]),
                ("#", Set(topics)),
            ]
            var subscriptions: [Subscription] = []
            for (pattern, _) in patterns {
                subscriptions.append(try await reader.subscribe(to: environment.pattern(pattern)))
            }
            for topic in topics { try await writer.publish(Message(topic), to: environment.topic(topic)) }
            // A second round: when all of it is there, all of the first is, and whatever came too much.
            for topic in topics { try await writer.publish(Message(topic), to: environment.topic(topic)) }
            for (subscription, (pattern, expected)) in zip(subscriptions, patterns) {
                var counts: [String: Int] = [:]
                while counts.count < expected.count || counts.values.contains(where: { $0 < 2 }) {
                    let delivery = try await subscription.delivery(environment)
                    let text = delivery.message.text ?? ""
                    try environment.expect(
                        expected.contains(text),
                        "\(pattern) to match \(expected.sorted())",
                        actual: "it matched \(text)"
                    )
                    try environment.expect(delivery.topic, equals: environment.topic(text), "the delivery's topic")
                    counts[text, default: 0] += 1
                }
            }
        },

        ConformanceCheck(
            "bodies arrive as they were sent",
            crosses: [.topics("bodies"), .queue("bodies-queue")],
            tolerates: .delay
        ) { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("bodies")
            let queue = environment.queue("bodies-queue")
            let bodies: [[UInt8]] = [
                [], [0], Array(0...255), Array("grüße, 世界 👋".utf8),
                (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7) },
            ]
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            let consumer = try await reader.consume(from: queue)
            for body in bodies {
                try await writer.publish(Message(body), to: topic)
                let published = try await subscription.delivery(environment).message.body
                try environment.expect(published == body, "\(body.count) bytes", actual: "\(published.count) came")
                try await writer.send(Message(body), to: queue)
                let delivery = try await consumer.delivery(environment)
                try delivery.ack()
                let sent = delivery.message.body
                try environment.expect(sent == body, "\(body.count) bytes", actual: "\(sent.count) came")
            }
        },

        ConformanceCheck("a header of any value costs no link", requires: .headers) { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("odd-headers")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            let values: [HeaderValue] = [
                .double(.nan), .double(.infinity), .double(-.infinity), .double(-0.0), .double(.leastNonzeroMagnitude),
                .integer(.min),
                .integer(.max), .bytes([]), .bytes([0, 255]), .string("a\0b"), .string("\u{1}\u{7F}\u{FFFF}"),
            ]
            for (number, value) in values.enumerated() {
                // That a broker can't carry one is all right, too.
                try? await writer.publish(Message("odd", headers: ["x-odd": value]), to: topic)
                try await writer.publish(Message("\(number)"), to: topic)
                var text = try await subscription.delivery(environment).message.text
                if text == "odd" { text = try await subscription.delivery(environment).message.text }
                try environment.expect(text, equals: "\(number)", "what comes after a header of \(value)")
            }
            try environment.expect(writer.statistics.linkFailures, equals: 0, "the links that the headers have cost")
        },

        ConformanceCheck("headers travel beside the body", requires: .headers) { environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("headers")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            let headers: Headers = ["x-text": "grüße 世界", "x-empty": "", "x-number": -42, "x-truth": true]
            try await writer.publish(Message("body", headers: headers), to: topic)
            let received = try await subscription.delivery(environment).message
            for (name, value) in headers {
                // Brokers that know only text return text.
                try environment.expect(received.headers[name]?.string, equals: value.string, "the header \(name)")
            }
            try environment.expect(received.text, equals: "body", "the body")
        },

        ConformanceCheck("the last retained message of a topic is kept", requires: .retain) { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("kept")
            // Where there are confirmations only they tell that the broker has it.
            let guarantee: Guarantee = publisher.capabilities.contains(.confirmedPublish) ? .atLeastOnce : .atMostOnce
            let kept = PublishOptions(guarantee: guarantee, retain: true)
            for text in ["old", "new"] { try await publisher.publish(Message(text), to: topic, options: kept) }
            try await publisher.publish(Message("passing"), to: topic, options: PublishOptions(guarantee: guarantee))
            try await environment.waitUntilCrossed(from: publisher)
            let early = try await reader.subscribe(to: environment.pattern("#"))
            let first = try await early.delivery(environment)
            try environment.expect(first.message.text, equals: "new", "what a later subscriber gets first")
            try environment.expect(first.isRetained, "it to say that it was kept", actual: "it did not")
            let uninterested = try await reader.subscribe(
                to: TopicPattern(topic),
                options: SubscribeOptions(retained: false)
            )
            try await publisher.publish(Message(), to: topic, options: kept)
            try await environment.expect(uninterested.texts(1), equals: [""], "what deletes the kept one")
            let late = try await reader.subscribe(to: TopicPattern(topic))
            try await publisher.publish(Message("live"), to: topic)
            try await environment.expect(uninterested.texts(1), equals: ["live"], "what comes after that")
            let last = try await late.delivery(environment)
            try environment.expect(last.message.text, equals: "live", "what comes after the kept one was deleted")
            try environment.expect(!last.isRetained, "it to say that it was not kept", actual: "it did not")
        },

        ConformanceCheck("a publish with a guarantee arrives", requires: .confirmedPublish) { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("sure")
            let subscription = try await reader.subscribe(
                to: TopicPattern(topic),
                options: SubscribeOptions(guarantee: .atLeastOnce)
            )
            let texts = (0..<50).map(String.init)
            for text in texts {
                try await publisher.publish(Message(text), to: topic, options: PublishOptions(guarantee: .atLeastOnce))
            }
            try await environment.expect(subscription.texts(50), equals: texts, "what arrives")
        },

        ConformanceCheck(
            "nothing published with a guarantee is lost while there is a link",
            requires: .confirmedPublish,
            tolerates: [.delay, .duplicate, .reorder, .drop]
        ) { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("surely")
            let subscription = try await reader.subscribe(
                to: TopicPattern(topic),
                options: SubscribeOptions(guarantee: .atLeastOnce)
            )
            for number in 0..<30 {
                let options = PublishOptions(guarantee: .atLeastOnce)
                try await publisher.publish(Message("\(number)"), to: topic, options: options)
            }
            var seen: Set<String> = []
            while seen.count < 30 { try await seen.formUnion(subscription.texts(1)) }
        },
    ]
}
