import Martlet

extension ConformanceSuite {
    /// Publishers and subscriptions of values.
    public static let publishers: [ConformanceCheck] = [
        ConformanceCheck("values arrive as they were published", tolerates: .delay) { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = Topic<Sample>(environment.topic("values"))
            let subscription = try await reader.subscribe(to: topic)
            for sample in Sample.all {
                try await publisher.publish(sample, to: topic)
                let received = try await subscription.next()
                try environment.expect(received?.value, equals: sample, "the value")
                try environment.expect(received?.topic, equals: topic.name, "its topic")
            }
        },

        ConformanceCheck("a publisher that publishes changes leaves out what is not changed", tolerates: .delay) {
            environment in
            let connection = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = Topic<Int>(environment.topic("changes"))
            let subscription = try await reader.subscribe(to: topic)
            let publisher = Publisher(to: topic, on: connection, filter: .onlyIfChanged)
            var published: [Bool] = []
            for value in [20, 20, 21, 21, 20] { published.append(try await publisher.publish(value)) }
            try environment.expect(published, equals: [true, false, true, false, true], "what was published")
            try await environment.expect(subscription.values(3), equals: [20, 21, 20], "what arrives")
        },

        ConformanceCheck("a value that has become too old is published again", tolerates: .delay) { environment in
            let connection = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = Topic<Int>(environment.topic("aging"))
            let subscription = try await reader.subscribe(to: topic)
            let lasting = Publisher(to: topic, on: connection, filter: .onlyIfChanged(maximumAge: .seconds(3_600)))
            try await environment.expect(lasting.publish(1), equals: true, "whether a first value is published")
            try await environment.expect(lasting.publish(1), equals: false, "whether a fresh value is")
            let brief = Publisher(to: topic, on: connection, filter: .onlyIfChanged(maximumAge: .milliseconds(5)))
            try await environment.expect(brief.publish(2), equals: true, "whether a first value is published")
            try await Task.sleep(for: .milliseconds(10))
            try await environment.expect(brief.publish(2), equals: true, "whether an old value is published again")
            try await environment.expect(subscription.values(3), equals: [1, 2, 2], "what arrives")
        },

        ConformanceCheck("a publisher of many topics knows each one's last value", tolerates: .delay) { environment in
            let connection = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topics = ["a", "b"].map { environment.topic("many.\($0)") }
            var subscriptions: [TypedSubscription<Int>] = []
            for topic in topics { subscriptions.append(try await reader.subscribe(to: Topic(topic))) }
            let publisher = MultiTopicPublisher<Int>(on: connection, filter: .onlyIfChanged)
            var published: [Bool] = []
            for value in [1, 1, 2] {
                for topic in topics { published.append(try await publisher.publish(value, to: topic)) }
            }
            try environment.expect(
                published,
                equals: [true, true, false, false, true, true],
                "what was published"
            )
            for subscription in subscriptions {
                try await environment.expect(subscription.values(2), equals: [1, 2], "what arrives")
            }
        },

        ConformanceCheck("a publisher without a filter publishes every time", tolerates: .delay) { environment in
            let connection = try await environment.connect()
            let topic = Topic<Int>(environment.topic("unfiltered"))
            let subscription = try await environment.connect(at: .sink).subscribe(to: topic)
            let publisher = Publisher(to: topic, on: connection)
            for _ in 0..<3 {
                try await environment.expect(publisher.publish(1), equals: true, "whether it is published")
            }
            try await environment.expect(subscription.values(3), equals: [1, 1, 1], "what arrives")
        },

        ConformanceCheck("a value that could not be published does not count as published", cutsLinks: true) {
            environment in
            let connection = try await environment.connectCuttable()
            let topic = Topic<Int>(environment.topic("failing"))
            let subscription = try await environment.connect(at: .sink).subscribe(to: topic)
            let publisher = Publisher(to: topic, on: connection, filter: .onlyIfChanged)
            try await environment.interrupt(connection) {
                try await environment.expect(.notConnected, from: "publish") { try await publisher.publish(1) }
            }
            try await environment.expect(publisher.publish(1), equals: true, "whether it is published afterwards")
            try await environment.expect(subscription.values(1), equals: [1], "what arrives")
        },

        ConformanceCheck("messages that are no such value are skipped and counted", tolerates: .delay) { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connectQuietly(at: .sink)
            let topic = Topic<Sample>(environment.topic("mixed"))
            let subscription = try await reader.subscribe(to: topic)
            for text in ["", "[]", "{", #"{"number":"one"}"#, "\u{0}"] {
                try await publisher.publish(Message(text), to: topic.name)
            }
            let foreign = Message("{}", headers: [Headers.Standard.contentType: "application/x-unknown"])
            try await publisher.publish(foreign, to: topic.name)
            try await publisher.publish(Sample.all[0], to: topic)
            try await environment.expect(subscription.next()?.value, equals: Sample.all[0], "the first value")
            try environment.expect(reader.statistics.undecodable, equals: 6, "the count of what was skipped")
        },
    ]
}

/// A value with something of everything.
struct Sample: Codable, Sendable, Hashable {
    struct Part: Codable, Sendable, Hashable {
        var text: String
        var isSet: Bool
    }

    var number: Int64
    var ratio: Double
    var missing: String?
    var parts: [Part]
    var names: [String: Int]

    static let all = [
        Sample(number: .min, ratio: 0.1, missing: nil, parts: [], names: [:]),
        Sample(
            number: .max,
            ratio: -1e300,
            missing: "",
            parts: [Part(text: "grüße, 世界 👋", isSet: true)],
            names: ["": 0]
        ),
        Sample(
            number: 0,
            ratio: 0,
            missing: "\"\\\n\u{0}",
            parts: [Part(text: "a", isSet: true), Part(text: "", isSet: false)],
            names: ["a.b": 1, "c": 2]
        ),
    ]
}

extension TypedSubscription {
    /// The next so many values, acknowledged if they are from a queue.
    func values(_ count: Int) async throws -> [Value] {
        var values: [Value] = []
        while values.count < count, let received = try await next() {
            try received.ack()
            values.append(received.value)
        }
        return values
    }
}
