import Martlet

extension ConformanceSuite {
    /// Remote procedure calls.
    public static let calls: [ConformanceCheck] = [
        ConformanceCheck("a call gets its response", crosses: [.calls("double")], tolerates: reliableFaults) {
            environment in
            let double = RPC<Int, Int>(environment.queue("double"))
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            try await environment.responding(on: responder, to: double) {
                $0 * 2
            } _: {
                for number in 0..<10 {
                    try await environment.expect(caller.call(double, number), equals: number * 2, "the response")
                }
            }
        },

        ConformanceCheck(
            "two hundred calls at once get their own responses",
            crosses: [.calls("echo")],
            tolerates: reliableFaults
        ) {
            environment in
            let echo = RPC<Int, Int>(environment.queue("echo"))
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            let handler: @Sendable (Int) async throws -> Int = { number in
                if number.isMultiple(of: 7) { try await Task.sleep(for: .milliseconds(1)) }
                return number
            }
            try await environment.responding(on: responder, to: echo, handler: handler) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            let response = try await caller.call(echo, number, timeout: .seconds(60))
                            try environment.expect(response, equals: number, "the response")
                        }
                    }
                    try await group.waitForAll()
                }
                try environment.expect(caller.statistics.callsInFlight, equals: 0, "the calls that are left")
            }
        },

        ConformanceCheck(
            "a handler's error arrives with its code and text",
            crosses: [.calls("failing")],
            tolerates: reliableFaults
        ) { environment in
            struct Nameless: Error, CustomStringConvertible { var description: String { "it is broken" } }
            let caller = try await environment.connect()
            let name = environment.queue("failing")
            let handler: @Sendable (Message) async throws -> Message = { request in
                if request.text == "typed" { throw MessagingError("conformance.no-such-thing", "thing 7 is gone") }
                throw Nameless()
            }
            let responder = try await environment.connect(at: .sink)
            try await environment.responding(on: responder, to: name, handler: handler) {
                let typed = try await environment.expect("conformance.no-such-thing", from: "the call") {
                    _ = try await caller.call(name, Message("typed"))
                }
                try environment.expect(typed.message, equals: "thing 7 is gone", "the error's text")
                let other = try await environment.expect(.handlerFailed, from: "the call") {
                    _ = try await caller.call(name, Message("other"))
                }
                try environment.expect(other.message, equals: "it is broken", "the error's text")
            }
        },

        ConformanceCheck(
            "a call times out, and its handler is cancelled",
            crosses: [.calls("slow")],
            tolerates: reliableFaults
        ) { environment in
            let caller = try await environment.connect()
            let name = environment.queue("slow")
            let started = Recorder<Void>()
            let cancelled = Recorder<Void>()
            let handler: @Sendable (Message) async throws -> Message = { request in
                started.signal()
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    cancelled.signal()
                    throw error
                }
                return request
            }
            let responder = try await environment.connect(at: .sink)
            try await environment.responding(on: responder, to: name, handler: handler) {
                // On a machine with much to do the request may expire before any handler has it.
                repeat {
                    try await environment.expect(.timeout, from: "the call") {
                        _ = try await caller.call(name, Message("x"), timeout: .milliseconds(100))
                    }
                } while started.values.isEmpty
                try await cancelled.wait(for: started.values.count)
            }
        },

        ConformanceCheck(
            "cancelling a call cancels its handler",
            crosses: [.calls("cancelled")],
            tolerates: reliableFaults
        ) { environment in
            let caller = try await environment.connect()
            let name = environment.queue("cancelled")
            let started = Recorder<Void>()
            let cancelled = Recorder<Void>()
            let handler: @Sendable (Message) async throws -> Message = { request in
                started.signal()
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    cancelled.signal()
                }
                return request
            }
            let responder = try await environment.connect(at: .sink)
            try await environment.responding(on: responder, to: name, handler: handler) {
                let call = Task { try await caller.call(name, Message("x"), timeout: .seconds(60)) }
                try await started.wait(for: 1)
                call.cancel()
                try await environment.expectCancellation(of: "the call") { _ = try await call.value }
                // However often the request arrived: no handler is left at work.
                try await cancelled.wait(for: started.values.count)
                try environment.expect(caller.statistics.callsInFlight, equals: 0, "the calls that are left")
            }
        },

        ConformanceCheck("no responder is an error at once", crosses: [.calls("nobody")], requires: .responderDetection)
        { environment in
            let caller = try await environment.connect()
            let start = ContinuousClock.now
            try await environment.expect(.noResponder, from: "the call") {
                _ = try await caller.call(environment.queue("nobody"), Message("x"), timeout: .seconds(25))
            }
            let took = ContinuousClock.now - start
            try environment.expect(took < .seconds(20), "an error at once", actual: "it took \(took)")
        },

        ConformanceCheck(
            "a responder works on no more calls at once than it was told",
            crosses: [.calls("narrow")],
            tolerates: .delay
        ) {
            environment in
            let caller = try await environment.connect()
            let name = environment.queue("narrow")
            let started = Recorder<Void>()
            let ended = Recorder<Void>()
            let handler: @Sendable (Message) async throws -> Message = { request in
                started.signal()
                defer { ended.signal() }
                let active = started.values.count - ended.values.count
                if started.values.count <= 3 { try await started.wait(for: 3) }
                await Task.yield()
                return Message("\(active)")
            }
            let responder = try await environment.connect(at: .sink)
            let options = RespondOptions(concurrency: 3)
            try await environment.responding(on: responder, to: name, options: options, handler: handler) {
                try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<30 {
                        group.addTask {
                            try await caller.call(name, Message("x"), timeout: .seconds(60)).text ?? ""
                        }
                    }
                    for try await active in group {
                        try environment.expect(
                            Int(active) ?? 99 <= 3,
                            "no more than 3 handlers at once",
                            actual: "there were \(active)"
                        )
                    }
                }
            }
        },

        ConformanceCheck("responders of one name share its calls", crosses: [.calls("competing")], tolerates: .delay) {
            environment in
            let caller = try await environment.connect()
            let name = environment.queue("competing")
            let both = Recorder<String>()
            let responders = [try await environment.connect(at: .sink), try await environment.connect(at: .sink)]
            func handler(_ own: String) -> @Sendable (Message) async throws -> Message {
                { request in
                    both.record(own)
                    // With one call at a time each, two calls can only both go on if each responder has one.
                    try await both.wait(for: 2)
                    return Message(own)
                }
            }
            let options = RespondOptions(concurrency: 1)
            try await environment.responding(on: responders[0], to: name, options: options, handler: handler("a")) {
                try await environment.responding(on: responders[1], to: name, options: options, handler: handler("b")) {
                    async let first = caller.call(name, Message("x"))
                    async let second = caller.call(name, Message("x"))
                    let answers = try await [first, second].compactMap(\.text)
                    try environment.expect(answers.sorted(), equals: ["a", "b"], "who answered")
                }
            }
        },

        ConformanceCheck(
            "a request that can't be read gets an error",
            crosses: [.calls("sum")],
            tolerates: reliableFaults
        ) { environment in
            let sum = RPC<[Int], Int>(environment.queue("sum"))
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            try await environment.serving(on: responder, to: sum) {
                $0.reduce(0, +)
            } _: {
                try await environment.retrying {
                    _ = try await caller.call(sum, [], timeout: .milliseconds(300))
                }
                try await environment.expect(.decodingFailed, from: "the call") {
                    _ = try await caller.call(sum.name, Message("[1, 2"))
                }
                try await environment.expect(.unsupportedContentType, from: "the call") {
                    let request = Message("[1, 2]", headers: [Headers.Standard.contentType: "application/x-unknown"])
                    _ = try await caller.call(sum.name, request)
                }
                try await environment.expect(caller.call(sum, [1, 2]), equals: 3, "the response afterwards")
            }
        },

        ConformanceCheck(
            "a call inside a handler waits no longer than the handler's caller",
            crosses: [.calls("outer"), .calls("inner")],
            tolerates: reliableFaults
        ) {
            environment in
            let caller = try await environment.connect()
            let middle = try await environment.connect(at: .sink)
            let outer = environment.queue("outer")
            let inner = environment.queue("inner")
            let timeLeft = Recorder<Duration?>()
            let never: @Sendable (Message) async throws -> Message = { request in
                timeLeft.record(RequestContext.current?.timeLeft)
                try await Task.sleep(for: .seconds(60))
                return request
            }
            try await environment.responding(on: middle, to: inner, handler: never) {
                let pass: @Sendable (Message) async throws -> Message = { request in
                    try await middle.call(inner, request, timeout: .seconds(60))
                }
                try await environment.responding(on: middle, to: outer, handler: pass) {
                    repeat {
                        try await environment.expect(.timeout, from: "the outer call") {
                            _ = try await caller.call(outer, Message("x"), timeout: .milliseconds(500))
                        }
                    } while timeLeft.values.isEmpty
                    for left in timeLeft.values {
                        try environment.expect(
                            left.map { $0 <= .milliseconds(500) } ?? false,
                            "the inner handler to have at most 500 ms",
                            actual: "it had \(left.map(String.init(describing:)) ?? "no deadline")"
                        )
                    }
                }
            }
        },

        ConformanceCheck(
            "a request without an address for its reply is skipped and counted",
            crosses: .not("the bridge is who skips and counts it"),
            tolerates: .delay
        ) {
            environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            let name = environment.queue("unanswerable")
            let handled = Recorder<String>()
            let handler: @Sendable (Message) async throws -> Message = { request in
                handled.record(request.text ?? "")
                return request
            }
            try await environment.responding(on: responder, to: name, handler: handler) {
                try await caller.send(Message("lost"), to: name)
                _ = try await caller.call(name, Message("asked"))
                try await environment.eventually { responder.statistics.unanswerable == 1 }
                try environment.expect(handled.values, equals: ["asked"], "what the handler got")
            }
        },

        ConformanceCheck(
            "an address for the reply that is none costs nobody else anything",
            crosses: .not("the bridge has no address of its own for it"),
            tolerates: .delay
        ) {
            environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            let echo = RPC<Int, Int>(environment.queue("astray"))
            let handled = Recorder<Int>()
            let handler: @Sendable (Int) async throws -> Int = { number in
                handled.record(number)
                return number
            }
            try await environment.responding(on: responder, to: echo, handler: handler) {
                let addresses = ["", "#", "+/x", "/", "a\u{1}b", "$SYS/x", String(repeating: "y", count: 200)]
                // Some say more often used ones shorter.
                for (number, address) in (addresses + addresses + addresses).enumerated() {
                    let headers: Headers = [
                        Headers.Standard.correlationID: .string("conformance-\(number)"),
                        Headers.Standard.replyTo: .string(address),
                    ]
                    // That a broker can't carry such an address is all right, too.
                    try? await caller.send(Message("\(-1 - number)", headers: headers), to: echo.name)
                    let answer = try await caller.call(echo, number)
                    try environment.expect(
                        answer,
                        equals: number,
                        "the response after one to \(address.debugDescription)"
                    )
                }
                try environment.expect(
                    responder.statistics.linkFailures,
                    equals: 0,
                    "the links that the replies have cost"
                )
            }
        },

        ConformanceCheck("a responder that is cancelled tells its callers", crosses: [.calls("stopped")]) {
            environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            let name = environment.queue("stopped")
            let started = Recorder<Void>()
            let handler: @Sendable (Message) async throws -> Message = { request in
                started.signal()
                try await Task.sleep(for: .seconds(60))
                return request
            }
            let call = try await environment.responding(on: responder, to: name, handler: handler) {
                let call = Task { try await caller.call(name, Message("x"), timeout: .seconds(60)) }
                try await started.wait(for: 1)
                return call
            }
            try await environment.expect(.shuttingDown, from: "the call") { _ = try await call.value }
        },

        ConformanceCheck("whatever the link does, every call ends once", crosses: [.calls("whatever")], tolerates: .all)
        { environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(at: .sink)
            let echo = RPC<Int, Int>(environment.queue("whatever"))
            try await environment.responding(on: responder, to: echo) {
                $0
            } _: {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<20 {
                        group.addTask {
                            do {
                                let answer = try await caller.call(echo, number, timeout: .milliseconds(200))
                                try environment.expect(answer, equals: number, "the response")
                            } catch let error as MessagingError {
                                let allowed: Set<MessagingError.Code> = [
                                    .timeout, .noResponder, .connectionLost, .notConnected,
                                ]
                                try environment.expect(
                                    allowed.contains(error.code),
                                    "a response, or an error that says that the link is at fault",
                                    actual: "\(error)"
                                )
                            }
                        }
                        if number % 5 == 4 { try await group.next() }
                    }
                    try await group.waitForAll()
                }
                try environment.expect(caller.statistics.callsInFlight, equals: 0, "the calls that are left")
            }
        },
    ]

    /// The faults that calls and streams survive without anybody noticing.
    static let reliableFaults: FaultKinds = [.delay, .duplicate, .reorder]
}
