import Martlet

extension ConformanceSuite {
    /// Calls that are answered with a stream of elements.
    public static let streams: [ConformanceCheck] = [
        ConformanceCheck(
            "a stream's elements arrive in order",
            crosses: [.calls("order-1"), .calls("order-2"), .calls("order-8"), .calls("order-1000")],
            tolerates: reliableFaults
        ) { environment in
            for window in [1, 2, 8, 1000] {
                try await withCounter(environment, "order-\(window)") { rpc, caller in
                    var elements: [Int] = []
                    for try await element in try await caller.stream(rpc, 60, window: window) {
                        elements.append(element)
                    }
                    try environment.expect(elements, equals: Array(0..<60), "the elements with a window of \(window)")
                }
            }
        },

        ConformanceCheck("an empty stream ends", crosses: [.calls("empty")], tolerates: reliableFaults) { environment in
            try await withCounter(environment, "empty") { rpc, caller in
                for try await element in try await caller.stream(rpc, 0) {
                    throw environment.failure(expected: "no elements", actual: "there was \(element)")
                }
            }
        },

        ConformanceCheck("streams at the same time do not mix", crosses: [.calls("many")], tolerates: reliableFaults) {
            environment in
            try await withCounter(environment, "many") { rpc, caller in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for count in 1...20 {
                        group.addTask {
                            var elements: [Int] = []
                            for try await element in try await caller.stream(rpc, count, window: 4) {
                                elements.append(element)
                            }
                            try environment.expect(elements, equals: Array(0..<count), "the elements")
                        }
                    }
                    try await group.waitForAll()
                }
            }
        },

        ConformanceCheck("a slow reader slows the writer", crosses: [.calls("slow")], tolerates: [.delay, .reorder]) {
            environment in
            let caller = try await environment.connect()
            let rpc = StreamingRPC<Int, Int>(environment.queue("slow"))
            let window = 4
            let begun = Recorder<Int>()
            let handler: @Sendable (Int, ResponseWriter<Int>) async throws -> Void = { count, writer in
                for number in 0..<count {
                    begun.record(number)
                    try await writer.write(number)
                }
            }
            let responder = try await environment.connect(at: .sink)
            try await environment.streaming(on: responder, to: rpc, handler: handler) {
                var read = 0
                for try await element in try await caller.stream(rpc, 40, window: window) {
                    try environment.expect(element, equals: read, "the element")
                    read += 1
                    if read.isMultiple(of: 10) { try await Task.sleep(for: .milliseconds(2)) }
                    // One more than the reader has room for has been begun, and waits. A bridge is a reader too.
                    let limit = (window + 1) * (environment.isBridged ? 2 : 1)
                    let lead = begun.values.count - read
                    try environment.expect(
                        lead <= limit,
                        "a lead of at most \(limit)",
                        actual: "it was \(lead)"
                    )
                }
                try environment.expect(read, equals: 40, "the count of elements")
            }
        },

        ConformanceCheck("leaving a stream ends its handler", crosses: [.calls("left")], tolerates: reliableFaults) {
            environment in
            try await withEndless(environment, "left") { rpc, caller, begun, ended in
                for try await element in try await caller.stream(rpc, 0, window: 4) where element == 2 { break }
                try await ended.wait(until: { $0.count >= begun.values.count })
            }
        },

        ConformanceCheck(
            "cancelling a stream's reader ends its handler",
            crosses: [.calls("cancelled")],
            tolerates: reliableFaults
        ) { environment in
            try await withEndless(environment, "cancelled") { rpc, caller, begun, ended in
                let reader = Task { for try await _ in try await caller.stream(rpc, 0, window: 4) {} }
                try await begun.wait(for: 1)
                reader.cancel()
                try await environment.expectCancellation(of: "the reader") { try await reader.value }
                try await ended.wait(until: { $0.count >= begun.values.count })
            }
        },

        ConformanceCheck(
            "an error ends a stream after the elements before it",
            crosses: [.calls("failing")],
            tolerates: reliableFaults
        ) {
            environment in
            let caller = try await environment.connect()
            let rpc = StreamingRPC<Int, Int>(environment.queue("failing"))
            let handler: @Sendable (Int, ResponseWriter<Int>) async throws -> Void = { count, writer in
                for number in 0..<count { try await writer.write(number) }
                throw MessagingError("conformance.broke", "after \(count)")
            }
            let responder = try await environment.connect(at: .sink)
            try await environment.streaming(on: responder, to: rpc, handler: handler) {
                var elements: [Int] = []
                let error = try await environment.expect("conformance.broke", from: "the stream") {
                    for try await element in try await caller.stream(rpc, 3) { elements.append(element) }
                }
                try environment.expect(elements, equals: [0, 1, 2], "the elements before the error")
                try environment.expect(error.message, equals: "after 3", "the error's text")
            }
        },

        ConformanceCheck(
            "an element that can't be sent takes no place in its stream",
            crosses: [.calls("large-element")],
            tolerates: reliableFaults
        ) {
            environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(ConnectionOptions(maximumBodyBytes: 1000), at: .sink)
            let rpc = StreamingRPC<Int, String>(environment.queue("large-element"))
            let elements = try await environment.withReadyServer { onReady in
                try await responder.respond(to: rpc, onReady: onReady) { (_: Int, writer: ResponseWriter<String>) in
                    try await writer.write("a")
                    do {
                        try await writer.write(String(repeating: "b", count: 2000))
                    } catch let error as MessagingError where error.code == .bodyTooLarge {
                        try await writer.write("c")
                    }
                }
            } untilDone: {
                try await environment.retrying {
                    var elements: [String] = []
                    for try await element in try await caller.stream(rpc, 0) { elements.append(element) }
                    return elements
                }
            }
            try environment.expect(elements, equals: ["a", "c"], "the elements")
        },

        ConformanceCheck(
            "a silent stream times out, and its handler ends",
            crosses: [.calls("silent")],
            tolerates: reliableFaults
        ) { environment in
            let caller = try await environment.connect()
            let rpc = StreamingRPC<Int, Int>(environment.queue("silent"))
            let begun = Recorder<Void>()
            let ended = Recorder<Void>()
            let handler: @Sendable (Int, ResponseWriter<Int>) async throws -> Void = { count, writer in
                begun.signal()
                defer { ended.signal() }
                try await writer.write(1)
                try await Task.sleep(for: .seconds(60))
            }
            let responder = try await environment.connect(at: .sink)
            try await environment.streaming(on: responder, to: rpc, handler: handler) {
                var elements: [Int] = []
                // On a machine with much to do even the first element may be too late.
                repeat {
                    try await environment.expect(.timeout, from: "the stream") {
                        let stream = try await caller.stream(rpc, 0, timeout: .milliseconds(200))
                        for try await element in stream { elements.append(element) }
                    }
                } while elements.isEmpty
                try environment.expect(elements, equals: [1], "the elements before the silence")
                try await ended.wait(until: { $0.count >= begun.values.count })
            }
        },

        ConformanceCheck(
            "a stream without a responder is an error at once",
            crosses: [.calls("nobody")],
            requires: .responderDetection
        ) {
            environment in
            let caller = try await environment.connect()
            let rpc = StreamingRPC<Int, Int>(environment.queue("nobody"))
            try await environment.expect(.noResponder, from: "the call") {
                let stream = try await caller.stream(rpc, 1)
                // A bridge takes the call before it knows.
                if environment.isBridged { for try await _ in stream {} }
            }
        },

        ConformanceCheck(
            "whatever the link does, a stream ends, and what came of it is in order",
            crosses: [.calls("whatever")],
            tolerates: .all
        ) {
            environment in
            try await withCounter(environment, "whatever") { rpc, caller in
                for _ in 0..<3 {
                    var elements: [Int] = []
                    do {
                        let stream = try await caller.stream(rpc, 20, timeout: .milliseconds(100), window: 4)
                        for try await element in stream { elements.append(element) }
                        try environment.expect(elements.count, equals: 20, "the count of a stream that ended in order")
                    } catch let error as MessagingError {
                        let allowed: Set<MessagingError.Code> = [
                            .timeout, .noResponder, .connectionLost, .notConnected, .streamBroken,
                        ]
                        try environment.expect(
                            allowed.contains(error.code),
                            "an error that says that the link is at fault",
                            actual: "\(error)"
                        )
                    }
                    try environment.expect(elements, equals: Array(0..<elements.count), "the elements that came")
                }
            }
        },
    ]

    /// A responder that counts up to what it is asked for.
    private static func withCounter(
        _ environment: ConformanceEnvironment,
        _ name: String,
        _ body: (StreamingRPC<Int, Int>, any Connection) async throws -> Void
    ) async throws {
        let caller = try await environment.connect()
        let responder = try await environment.connect(at: .sink)
        let rpc = StreamingRPC<Int, Int>(environment.queue(name))
        let handler: @Sendable (Int, ResponseWriter<Int>) async throws -> Void = { count, writer in
            for number in 0..<count { try await writer.write(number) }
        }
        try await environment.streaming(on: responder, to: rpc, handler: handler) { try await body(rpc, caller) }
    }

    /// A responder that counts for ever, and records when it begins and ends.
    private static func withEndless(
        _ environment: ConformanceEnvironment,
        _ name: String,
        _ body: (StreamingRPC<Int, Int>, any Connection, _ begun: Recorder<Void>, _ ended: Recorder<Void>) async throws
            -> Void
    ) async throws {
        let caller = try await environment.connect()
        let responder = try await environment.connect(at: .sink)
        let rpc = StreamingRPC<Int, Int>(environment.queue(name))
        let begun = Recorder<Void>()
        let ended = Recorder<Void>()
        let handler: @Sendable (Int, ResponseWriter<Int>) async throws -> Void = { _, writer in
            begun.signal()
            defer { ended.signal() }
            for number in 0... { try await writer.write(number) }
        }
        try await environment.streaming(on: responder, to: rpc, handler: handler) {
            try await body(rpc, caller, begun, ended)
        }
    }
}
