import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ForwardCallsTests {
    private let double = RPC<Int, Int>("ops.double")
    private let there = RPC<Int, Int>("robot.ops.double")
    private let count = StreamingRPC<Int, Int>("ops.count")

    /// Runs `body` while calls of `ops.double` on A reach `robot.ops.double` on B.
    private func withResponder(
        _ handler: @escaping @Sendable (Int) async throws -> Int,
        _ body: @escaping @Sendable (BridgeFixture, Bridge) async throws -> Void
    ) async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { ForwardCalls(double, to: there.name) }
        try await withBackground {
            try await fixture.b.respond(to: there, handler: handler)
        } _: {
            await fixture.brokerB.waitForConsumers(of: "robot.ops.double")
            try await bridge.whileRunning { try await body(fixture, bridge) }
        }
    }

    @Test func aCallIsAnsweredFromTheOtherSide() async throws {
        try await withResponder {
            $0 * 2
        } _: { fixture, bridge in
            #expect(try await fixture.a.call(double, 21) == 42)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask { try await fixture.a.call(double, number) == 2 * number }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(bridge.reports[0].statistics.forwarded == 201)
            #expect(bridge.reports[0].statistics.inFlight == 0)
        }
    }

    @Test func anErrorCrossesWithCodeAndText() async throws {
        try await withResponder { _ in
            throw MessagingError("too-hot", "let it cool down")
        } _: { fixture, _ in
            let error = await messagingError { try await fixture.a.call(double, 1) }
            #expect(error?.code == "too-hot")
            #expect(error?.message == "let it cool down")
        }
    }

    @Test func thatThereIsNoResponderCrosses() async throws {
        let fixture = try await BridgeFixture()
        try await fixture.bridge { ForwardCalls(double) }.whileRunning {
            let code = await errorCode { _ = try await fixture.a.call(double, 1) }
            #expect(code == .noResponder)
        }
        // And without the bridge there is none on this side.
        let code = await errorCode { _ = try await fixture.a.call(double, 1) }
        #expect(code == .noResponder)
    }

    @Test func cancellingTheCallerCancelsTheHandler() async throws {
        let (begun, cancelled) = (Shared(0), Shared(0))
        try await withResponder { _ in
            begun.withLock { $0 += 1 }
            do { try await untilCancelled() } catch {
                cancelled.withLock { $0 += 1 }
                throw error
            }
        } _: { fixture, _ in
            try await withBackground {
                _ = try await fixture.a.call(double, 1, timeout: .seconds(3_600))
            } _: {
                await until { begun.withLock { $0 } == 1 }
            }
            await until { cancelled.withLock { $0 } == 1 }
        }
    }

    @Test func whatIsLeftOfTheDeadlineHoldsOnTheOtherSide() async throws {
        let left = Shared<Duration?>(nil)
        try await withResponder { number in
            left.withLock { $0 = RequestContext.current?.timeLeft }
            if number == 0 { try await untilCancelled() }
            return number
        } _: { fixture, _ in
            #expect(try await fixture.a.call(double, 1, timeout: .seconds(300)) == 1)
            let time = try #require(left.withLock { $0 })
            #expect(time > .seconds(200) && time <= .seconds(300))
            // One that is over ends the call there as here.
            let code = await errorCode { _ = try await fixture.a.call(double, 0, timeout: .milliseconds(50)) }
            #expect(code == .timeout)
        }
    }

    /// The time that a bridge takes is the caller's as well. By this clock a second goes by whenever somebody looks.
    @Test func whatTheBridgeTakesOfTheDeadlineIsGone() async throws {
        let fixture = try await BridgeFixture(clock: TickingClock())
        let left = Shared<Duration?>(nil)
        try await withBackground {
            try await fixture.b.respond(to: double) { number in
                left.withLock { $0 = RequestContext.current?.timeLeft }
                return number
            }
        } _: {
            await fixture.brokerB.waitForConsumers(of: "ops.double")
            try await fixture.bridge { ForwardCalls(double) }.whileRunning(readyWithin: .seconds(3_600)) {
                let answer = try await fixture.a.call(double, 1, timeout: .seconds(300))
                #expect(answer == 1)
            }
        }
        #expect(try #require(left.withLock { $0 }) <= .seconds(299))
    }

    @Test func theLagIsTheTimeFromTheRequestToTheReply() async throws {
        let clock = TestClock()
        let fixture = try await BridgeFixture(clock: clock)
        let promise = Promise<Void>()
        let bridge = fixture.bridge { ForwardCalls(double) }
        try await withBackground {
            try await fixture.b.respond(to: double) { number in
                try await promise.value()
                return number
            }
        } _: {
            await fixture.brokerB.waitForConsumers(of: "ops.double")
            try await bridge.whileRunning {
                clock.advance(by: .seconds(3))
                async let answer = fixture.a.call(double, 1)
                await until { bridge.reports[0].statistics.inFlight == 1 }
                clock.advance(by: .seconds(7))
                promise.end(.success(()))
                _ = try await answer
                await until { bridge.reports[0].statistics.forwarded == 1 }
                #expect(bridge.reports[0].statistics.lag == .seconds(7))
            }
        }
    }

    @Test func shutdownAnswersTheCallsInHand() async throws {
        let promise = Promise<Void>()
        let answer = Shared<Int?>(nil)
        let isShuttingDown = Shared(false)
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { ForwardCalls(double) }
        try await withBackground {
            try await fixture.b.respond(to: double) { number in
                try await promise.value()
                return number * 2
            }
        } _: {
            await fixture.brokerB.waitForConsumers(of: "ops.double")
            try await withBackground {
                try await bridge.waitUntilReady()
                let doubled = try await fixture.a.call(double, 21)
                answer.withLock { $0 = doubled }
            } _: {
                try await withBackground {
                    await until {
                        isShuttingDown.withLock { $0 } && fixture.brokerA.queue("ops.double")?.consumers == 0
                    }
                    promise.end(.success(()))
                } _: {
                    try await bridge.whileRunning {
                        await until { bridge.reports[0].statistics.inFlight == 1 }
                        isShuttingDown.withLock { $0 = true }
                    }
                }
                await until { answer.withLock { $0 } != nil }
            }
        }
        #expect(answer.withLock { $0 } == 42)
        #expect(bridge.reports[0].statistics.forwarded == 1)
    }

    @Test func theBridgesOwnLossIsToldApart() async throws {
        try await withResponder { _ in
            try await untilCancelled()
        } _: { fixture, bridge in
            await withTaskGroup(of: MessagingError.Code?.self) { group in
                group.addTask { await errorCode { _ = try await fixture.a.call(double, 1, timeout: .seconds(3_600)) } }
                await until { bridge.reports[0].statistics.inFlight == 1 }
                fixture.to.cut()
                let first = await group.next()
                #expect(first == .bridgeFailed)
                let code = await errorCode { _ = try await fixture.a.call(double, 1) }
                #expect(code == .bridgeFailed)
            }
        }
    }

    @Test func aBridgeThatIsCancelledEndsItsCalls() async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { ForwardCalls(double) }
        try await withBackground {
            try await fixture.b.respond(to: double) { _ in try await untilCancelled() }
        } _: {
            await fixture.brokerB.waitForConsumers(of: "ops.double")
            try await withThrowingTaskGroup(of: MessagingError.Code?.self) { group in
                try await withBackground {
                    try await bridge.run()
                } _: {
                    try await bridge.waitUntilReady()
                    group.addTask {
                        await errorCode { _ = try await fixture.a.call(double, 1, timeout: .seconds(3_600)) }
                    }
                    await until { bridge.reports[0].statistics.inFlight == 1 }
                }
                let code = try await group.next()
                #expect(code == .shuttingDown)
            }
        }
    }

    @Test func backwardsCallersAreOnTheOtherSide() async throws {
        let fixture = try await BridgeFixture()
        try await withBackground {
            try await fixture.a.respond(to: double) { $0 * 2 }
        } _: {
            await fixture.brokerA.waitForConsumers(of: "ops.double")
            try await fixture.bridge { ForwardCalls("x.double", to: "ops.double", isBackwards: true) }.whileRunning {
                let doubled = try await fixture.b.call(RPC<Int, Int>("x.double"), 4)
                #expect(doubled == 8)
            }
        }
    }

    @Test func callsThatWouldGoInACircleAreRefused() async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge {
            ForwardCalls(double)
            ForwardCalls(double, isBackwards: true)
        }
        #expect(throws: MessagingError.self) { try bridge.plan() }
        // Where that is allowed, it is found out by the first call.
        let options = CallRouteOptions(allowsLoop: true)
        let allowed = fixture.bridge {
            ForwardCalls(double, options: options)
            ForwardCalls(double, isBackwards: true, options: options)
        }
        try await allowed.whileRunning {
            let code = await errorCode { _ = try await fixture.a.call(double, 1) }
            #expect(code == .loopDetected)
        }
    }

    // MARK: Streams

    private func withCounter(_ body: @escaping @Sendable (BridgeFixture, Shared<Int>) async throws -> Void) async throws
    {
        let fixture = try await BridgeFixture()
        let written = Shared(0)
        try await withBackground {
            try await fixture.b.respond(to: count) { limit, writer in
                defer { if Task.isCancelled { written.withLock { $0 = -1 } } }
                for number in 0..<limit {
                    if number == 13, limit == 14 { throw MessagingError("unlucky", "thirteen") }
                    try await writer.write(number)
                    written.withLock { $0 += 1 }
                }
            }
        } _: {
            await fixture.brokerB.waitForConsumers(of: "ops.count")
            try await fixture.bridge { ForwardCalls(count) }.whileRunning { try await body(fixture, written) }
        }
    }

    @Test(arguments: [0, 1, 64, 65, 1_000])
    func aStreamCrossesInOrder(limit: Int) async throws {
        try await withCounter { fixture, _ in
            var all: [Int] = []
            for try await number in try await fixture.a.stream(count, limit) { all.append(number) }
            #expect(all == Array(0..<limit))
        }
    }

    @Test func aStreamsErrorCrosses() async throws {
        try await withCounter { fixture, _ in
            var all: [Int] = []
            let error = await messagingError {
                for try await number in try await fixture.a.stream(count, 14) { all.append(number) }
            }
            #expect(all == Array(0..<13))
            #expect(error?.code == "unlucky")
        }
    }

    @Test func aSlowReaderHoldsTheWriterBackThroughTheBridge() async throws {
        try await withCounter { fixture, written in
            var iterator = try await fixture.a.stream(count, 1_000, window: 10).makeAsyncIterator()
            #expect(try await iterator.next() == 0)
            // A window under way on each side.
            await until { written.withLock { $0 } >= 10 }
            for _ in 0..<1_000 { await Task.yield() }
            #expect(written.withLock { $0 } <= 35)
        }
    }

    @Test func leavingAStreamCancelsItsWriter() async throws {
        try await withCounter { fixture, written in
            for try await number in try await fixture.a.stream(count, 1_000_000, window: 4) where number == 5 { break }
            await until { written.withLock { $0 } == -1 }
        }
    }

    @Test func aStreamWithoutAResponderIsAnError() async throws {
        let fixture = try await BridgeFixture()
        try await fixture.bridge { ForwardCalls(count) }.whileRunning {
            let code = await errorCode { for try await _ in try await fixture.a.stream(count, 3) {} }
            #expect(code == .noResponder)
        }
    }
}
