import Martlet

extension ConformanceSuite {
    /// What closing a connection ends.
    public static let closing: [ConformanceCheck] = [
        ConformanceCheck("closing ends subscriptions after what had arrived", crosses: [.topics("ending")]) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let topic = environment.topic("ending")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            let idle = try await reader.subscribe(to: environment.pattern("idle"))
            let consumer = try await reader.consume(from: environment.queue("ending-queue"))
            try await writer.publish(Message("x"), to: topic)
            try await environment.eventually { subscription.waiting == 1 }
            try await withThrowingTaskGroup(of: Delivery?.self) { group in
                group.addTask { try await idle.next() }
                group.addTask { try await consumer.next() }
                await reader.close()
                for try await delivery in group {
                    try environment.expect(delivery == nil, "the subscription to end", actual: "it went on")
                }
            }
            try await environment.expect(subscription.texts(2), equals: ["x"], "what had arrived")
        },

        ConformanceCheck("closing fails the calls in flight", crosses: [.calls("pending")], tolerates: reliableFaults) {
            environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            let name = environment.queue("pending")
            let started = Recorder<Void>()
            let handler: @Sendable (Message) async throws -> Message = { request in
                started.signal()
                try await Task.sleep(for: .seconds(60))
                return request
            }
            try await environment.responding(on: responder, to: name, handler: handler) {
                let call = Task { try await caller.call(name, Message("x"), timeout: .seconds(60)) }
                try await started.wait(for: 1)
                await caller.close()
                try await environment.expect(.connectionClosed, from: "the call") { _ = try await call.value }
            }
        },

        ConformanceCheck(
            "closing ends a responder and its handlers",
            crosses: [.calls("responding")],
            tolerates: reliableFaults
        ) { environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            let name = environment.queue("responding")
            let (ready, started) = (Recorder<Void>(), Recorder<Void>())
            let responding = Task {
                try await responder.respond(to: name, onReady: { ready.signal() }) { request in
                    started.signal()
                    try await Task.sleep(for: .seconds(60))
                    return request
                }
            }
            try await ready.wait(for: 1)
            let call = Task {
                try await environment.retrying { try await caller.call(name, Message("x"), timeout: .seconds(5)) }
            }
            try await started.wait(for: 1)
            await responder.close()
            _ = await responding.result
            call.cancel()
            _ = await call.result
        },

        ConformanceCheck(
            "calls cancelled just before their connection closes have their handlers cancelled",
            crosses: [.calls("leaving")]
        ) { environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            let name = environment.queue("leaving")
            let calls = 50
            let (started, cancelled) = (Recorder<Void>(), Recorder<Void>())
            let handler: @Sendable (Message) async throws -> Message = { request in
                started.signal()
                do {
                    try await Task.sleep(for: .seconds(3_600))
                } catch {
                    cancelled.signal()
                    throw error
                }
                return request
            }
            let options = RespondOptions(concurrency: calls)
            try await environment.responding(on: responder, to: name, options: options, handler: handler) {
                let call = Task {
                    try? await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<calls {
                            group.addTask { _ = try await caller.call(name, Message("x"), timeout: .seconds(3_600)) }
                        }
                        try await group.waitForAll()
                    }
                    // By a task that is cancelled itself, as one is that a signal ends.
                    await caller.close()
                }
                try await started.wait(for: calls)
                call.cancel()
                await call.value
                try await cancelled.wait(for: calls)
            }
        },

        ConformanceCheck("a closed connection says so", crosses: .not("nothing is sent"), tolerates: .all) {
            environment in
            let connection = try await environment.connect()
            let queue = environment.queue("after")
            await connection.close()
            await connection.close()
            try environment.expect(connection.state, equals: .closed, "the state")
            try await environment.expect(.connectionClosed, from: "publish") {
                try await connection.publish(Message("x"), to: environment.topic("after"))
            }
            try await environment.expect(.connectionClosed, from: "subscribe") {
                _ = try await connection.subscribe(to: environment.pattern("after"))
            }
            try await environment.expect(.connectionClosed, from: "send") {
                try await connection.send(Message("x"), to: queue)
            }
            try await environment.expect(.connectionClosed, from: "consume") {
                _ = try await connection.consume(from: queue)
            }
            try await environment.expect(.connectionClosed, from: "openReplyAddress") {
                _ = try await connection.openReplyAddress { _, _ in }
            }
            try await environment.expect(.connectionClosed, from: "reply") {
                try await connection.reply(Message("x"), to: "reply.1")
            }
            try await environment.expect(.connectionClosed, from: "call") {
                _ = try await connection.call(queue, Message("x"))
            }
            try await environment.expect(.connectionClosed, from: "respond") {
                try await connection.respond(to: queue) { $0 }
            }
        },

        ConformanceCheck("tasks that close a connection at once all return", crosses: .not("nothing is sent")) {
            environment in
            for _ in 0..<5 {
                let connection = try await environment.connect()
                let topic = environment.topic("closed-twice")
                let message = Message(Array(repeating: 120, count: 20_000))
                for _ in 0..<200 { try await connection.publish(message, to: topic) }
                // One of them is cancelled, and the rest is done all the same.
                let cancelled = Task { await connection.close() }
                cancelled.cancel()
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 { group.addTask { await connection.close() } }
                }
                await cancelled.value
                try environment.expect(connection.state, equals: .closed, "the state")
            }
        },

        ConformanceCheck("what was accepted arrives though the connection closes", crosses: [.topics("accepted")]) {
            environment in
            let writer = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("accepted")
            let (publishers, each) = (4, 100)
            let options = SubscribeOptions(limit: publishers * each)
            let subscription = try await reader.subscribe(to: TopicPattern(topic), options: options)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<publishers {
                    group.addTask {
                        let message = Message(Array(repeating: 120, count: 20_000))
                        for _ in 0..<each { try await writer.publish(message, to: topic) }
                    }
                }
                try await group.waitForAll()
            }
            await writer.close()
            let deadline = ContinuousClock.now + .seconds(20)
            try await environment.eventually { subscription.waiting == publishers * each || .now > deadline }
            try environment.expect(subscription.waiting, equals: publishers * each, "the messages that arrived")
        },

        ConformanceCheck(
            "what was accepted arrives though much comes for the connection that closes",
            crosses: .not("what comes is of the same broker")
        ) { environment in
            let (accepted, coming) = (environment.topic("accepted-late"), environment.topic("coming"))
            let reader = try await environment.connect()
            let source = try await environment.connect()
            let count = 1_000
            let subscription = try await reader.subscribe(
                to: TopicPattern(accepted),
                options: SubscribeOptions(limit: 2 * count)
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let message = Message(Array(repeating: 120, count: 1_000))
                    while !Task.isCancelled {
                        for _ in 0..<20 { try? await source.publish(message, to: coming) }
                        // A publisher that nothing holds up is not to outrun the end.
                        try? await Task.sleep(for: .microseconds(100))
                    }
                }
                // A reader that keeps up, and one that is behind.
                for (limit, arrived) in [(100_000, count), (1, 2 * count)] {
                    let writer = try await environment.connect()
                    let waiting = try await writer.subscribe(
                        to: TopicPattern(coming),
                        options: SubscribeOptions(limit: limit)
                    )
                    try await environment.eventually { waiting.waiting > 0 }
                    for _ in 0..<count { try await writer.publish(Message("x"), to: accepted) }
                    await writer.close()
                    let deadline = ContinuousClock.now + .seconds(20)
                    try await environment.eventually { subscription.waiting == arrived || .now > deadline }
                    try environment.expect(subscription.waiting, equals: arrived, "the messages that arrived")
                }
                group.cancelAll()
                try await group.waitForAll()
            }
        },

        ConformanceCheck("who publishes while the connection closes is told so", crosses: .not("nobody reads")) {
            environment in
            let topic = environment.topic("closing")
            // The moment in which it goes wrong may be short.
            for _ in 0..<20 {
                let connection = try await environment.connect()
                let published = Recorder<Int>()
                let publishing = (0..<2).map { publisher in
                    Task {
                        while true {
                            try await connection.publish(Message("x"), to: topic)
                            if !published.values.contains(publisher) { published.record(publisher) }
                            await Task.yield()
                        }
                    }
                }
                try await published.wait(for: publishing.count)
                await connection.close()
                for publishing in publishing {
                    try await environment.expect(.connectionClosed, from: "publish") { try await publishing.value }
                }
            }
        },

        ConformanceCheck("closing ends whoever waits for a reader") { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("waiting")
            let subscription = try await reader.subscribe(to: TopicPattern(topic), options: SubscribeOptions(limit: 1))
            let publishing = Task {
                for number in 0... {
                    try await publisher.publish(Message("\(number)"), to: topic)
                    // A publisher that nothing holds up is not to outrun the end.
                    try await Task.sleep(for: .microseconds(100))
                }
            }
            try await environment.eventually { subscription.waiting > 0 }
            await publisher.close()
            try await environment.expect(.connectionClosed, from: "publish") { try await publishing.value }
            withExtendedLifetime(subscription) {}
        },

        ConformanceCheck("a reader's closed connection lets publishers go on") { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("going-on")
            let subscription = try await reader.subscribe(to: TopicPattern(topic), options: SubscribeOptions(limit: 1))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<50 { try await publisher.publish(Message("\(number)"), to: topic) }
                }
                try await environment.eventually { subscription.waiting > 0 }
                await reader.close()
                try await group.waitForAll()
            }
            withExtendedLifetime(subscription) {}
        },

        ConformanceCheck("states tell of the end", crosses: .not("nothing is sent")) { environment in
            let connection = try await environment.connect()
            let states = Recorder<ConnectionState>()
            try environment.expect(connection.state, equals: .connected, "the state after connecting")
            let watching = Task { for await state in connection.states() { states.record(state) } }
            try await states.wait(for: 1)
            await connection.close()
            await watching.value
            try environment.expect(states.values, equals: [.connected, .closed], "the states")
            var late: [ConnectionState] = []
            for await state in connection.states() { late.append(state) }
            try environment.expect(late, equals: [.closed], "the states of a closed connection")
        },
    ]
}
