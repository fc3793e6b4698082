import Martlet

extension ConformanceSuite {
    /// What a connection does when its link is lost, and when it comes back.
    public static let lostLinks: [ConformanceCheck] = [
        ConformanceCheck("a subscription survives a lost link", cutsLinks: true) { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connectCuttable(at: .sink)
            let topic = environment.topic("survives")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            try await publisher.publish(Message("before"), to: topic)
            try await environment.expect(subscription.texts(1), equals: ["before"], "what comes before")
            for round in 0..<3 {
                try await environment.interrupt(reader)
                try await publisher.publish(Message("\(round)"), to: topic)
                try await environment.expect(subscription.texts(1), equals: ["\(round)"], "what comes afterwards")
            }
        },

        ConformanceCheck(
            "a lost link fails the calls in flight, and later ones succeed",
            crosses: [.calls("calls")],
            cutsLinks: true
        ) {
            environment in
            let caller = try await environment.connectCuttable()
            let responder = try await environment.connect(at: .sink)
            let name = environment.queue("calls")
            let started = Recorder<Void>()
            let handler: @Sendable (Message) async throws -> Message = { request in
                started.signal()
                if request.text == "slow" { try await Task.sleep(for: .seconds(60)) }
                return request
            }
            try await environment.responding(on: responder, to: name, handler: handler) {
                let call = Task { try await caller.call(name, Message("slow"), timeout: .seconds(60)) }
                try await started.wait(for: 1)
                try await environment.interrupt(caller) {
                    try await environment.expect(.connectionLost, from: "the call in flight") {
                        _ = try await call.value
                    }
                    try await environment.expect(.notConnected, from: "a call without a link") {
                        _ = try await caller.call(name, Message("early"))
                    }
                }
                let reply = try await caller.call(name, Message("late"))
                try environment.expect(reply.text, equals: "late", "the reply afterwards")
            }
        },

        ConformanceCheck("a responder survives a lost link", crosses: [.calls("responder")], cutsLinks: true) {
            environment in
            let caller = try await environment.connect()
            let responder = try await environment.connectCuttable(at: .sink)
            let name = environment.queue("responder")
            try await environment.responding(on: responder, to: name, handler: { $0 }) {
                for round in 0..<3 {
                    try await environment.interrupt(responder)
                    let reply = try await environment.retrying { try await caller.call(name, Message("\(round)")) }
                    try environment.expect(reply.text, equals: "\(round)", "the reply afterwards")
                }
            }
        },

        ConformanceCheck(
            "what a lost consumer held comes again",
            crosses: [.queue("held")],
            requires: .redelivery,
            cutsLinks: true
        ) {
            environment in
            let sender = try await environment.connect()
            let consumer = try await environment.connectCuttable(at: .sink)
            let queue = environment.queue("held")
            let subscription = try await consumer.consume(from: queue)
            try await sender.send(Message("x"), to: queue)
            let held = try await subscription.delivery(environment)
            try await environment.interrupt(consumer)
            try await environment.expect(.connectionLost, from: "settling what was held") { try held.ack() }
            let again = try await subscription.delivery(environment)
            try environment.expect(again.message.text, equals: "x", "what comes again")
            try environment.expect(again.redeliveries, equals: 1, "the count of redeliveries")
            try again.ack()
        },

        ConformanceCheck(
            "without a link, what has a guarantee waits and what has none fails",
            crosses: [.queue("waiting")],
            cutsLinks: true
        ) {
            environment in
            let sender = try await environment.connectCuttable()
            let queue = environment.queue("waiting")
            let consumer = try await environment.connect(at: .sink).consume(from: queue)
            try await environment.interrupt(sender) {
                try await environment.expect(.notConnected, from: "publish") {
                    try await sender.publish(Message("x"), to: environment.topic("none"))
                }
                try await environment.expect(.notConnected, from: "send") {
                    let options = SendOptions(guarantee: .atMostOnce)
                    try await sender.send(Message("x"), to: queue, options: options)
                }
                try await environment.expect(.timeout, from: "a send that expires") {
                    let options = SendOptions(expiry: .milliseconds(20))
                    try await sender.send(Message("expired"), to: queue, options: options)
                }
                let waiting = Task { try await sender.send(Message("cancelled"), to: queue) }
                waiting.cancel()
                try await environment.expectCancellation(of: "a send that waits") { try await waiting.value }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await sender.cut()
                group.addTask { try await sender.send(Message("sure"), to: queue) }
                try await sender.restore()
                try await group.waitForAll()
            }
            try await environment.expect(consumer.texts(1), equals: ["sure"], "what arrives")
        },

        ConformanceCheck("publishes kept for the link arrive in order", cutsLinks: true) { environment in
            let options = ConnectionOptions(whileOffline: .buffer(limit: 5))
            let publisher = try await environment.connectCuttable(options)
            let topic = environment.topic("buffered")
            let subscription = try await environment.connect(at: .sink).subscribe(to: TopicPattern(topic))
            try await environment.interrupt(publisher) {
                for number in 0..<8 { try await publisher.publish(Message("\(number)"), to: topic) }
            }
            try await publisher.publish(Message("8"), to: topic)
            try await environment.expect(subscription.texts(6), equals: ["3", "4", "5", "6", "7", "8"], "what arrives")
            try environment.expect(publisher.statistics.droppedOffline, equals: 3, "the count of the dropped")
        },

        ConformanceCheck("a lost link publishes the will, an orderly close does not", cutsLinks: true) { environment in
            let (teller, reader) = try await environment.connectBoth()
            let topic = environment.topic("will")
            let will = Will(topic: topic, message: Message("gone"), retain: false)
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            let orderly = try await environment.connect(ConnectionOptions(will: will))
            await orderly.close()
            try await teller.publish(Message("marker"), to: topic)
            try await environment.expect(subscription.texts(1), equals: ["marker"], "what comes of an orderly close")
            let lost = try await environment.connectCuttable(ConnectionOptions(will: will))
            try await lost.cut()
            try await environment.expect(subscription.texts(1), equals: ["gone"], "what comes of a lost link")
            try await lost.restore()
        },

        ConformanceCheck("states tell of a lost link", crosses: .not("nothing is sent"), cutsLinks: true) {
            environment in
            let connection = try await environment.connectCuttable()
            let states = Recorder<ConnectionState>()
            let watching = Task { for await state in connection.states() { states.record(state) } }
            try await states.wait(for: 1)
            try await environment.interrupt(connection)
            await connection.close()
            await watching.value
            let seen = states.values.filter { $0 != .connecting }
            try environment.expect(seen, equals: [.connected, .disconnected, .connected, .closed], "the states")
        },

        ConformanceCheck(
            "who sees that the link is lost can't publish",
            crosses: .not("nothing is sent"),
            cutsLinks: true
        ) { environment in
            let connection = try await environment.connectCuttable()
            let topic = environment.topic("lost")
            for _ in 0..<5 {
                let publishing = (0..<2).map { _ in
                    Task {
                        while connection.state == .connected { await Task.yield() }
                        try await connection.publish(Message("x"), to: topic)
                    }
                }
                try await environment.interrupt(connection) {
                    for publishing in publishing {
                        try await environment.expect(.notConnected, from: "publish") { try await publishing.value }
                    }
                }
            }
        },

        ConformanceCheck("a connection without a link can be closed", crosses: .not("nothing is sent"), cutsLinks: true)
        { environment in
            let connection = try await environment.connectCuttable()
            let queue = environment.queue("closing")
            let subscription = try await connection.subscribe(to: environment.pattern("closing"))
            try await connection.cut()
            let waiting = Task { try await connection.send(Message("x"), to: queue) }
            await connection.close()
            try await environment.expect(.connectionClosed, from: "a send that waits") { try await waiting.value }
            let next = try await subscription.next()
            try environment.expect(next == nil, "the subscription to end", actual: "it went on")
        },
    ]
}
