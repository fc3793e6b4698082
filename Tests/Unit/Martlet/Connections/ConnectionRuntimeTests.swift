import Martlet
import MartletTesting
import Testing

/// What a transport of somebody else's tells the runtime of its connection, and asks it.
@Suite(.timeLimit(.minutes(10))) struct ConnectionRuntimeTests {
    @Test func closesOnceForAllAndInFull() async throws {
        let runtime = ConnectionRuntime(options: ConnectionOptions())
        #expect(runtime.missingLink.code == .notConnected)
        runtime.linkOpened()
        let (left, gate) = (Recorder<MessagingError.Code>(), Recorder<Void>())
        let closing = (0..<3).map { _ in
            Task {
                // As a task does that a signal has ended.
                withUnsafeCurrentTask { $0?.cancel() }
                await runtime.close {
                    left.record(runtime.missingLink.code)
                    // Its link goes, too, and that is no loss of it.
                    runtime.linkLost()
                    _ = try? await gate.wait(for: 1)
                }
            }
        }
        try await left.wait(for: 1)
        gate.signal()
        for task in closing { await task.value }
        await runtime.close { left.record("a second time") }
        #expect(left.values == [.connectionClosed])
        await #expect(throws: MessagingError.self) { try await runtime.waitUntilConnected(within: nil) }
        runtime.linkOpened()
        #expect(runtime.missingLink.code == .connectionClosed)
    }

    @Test func waitsForALinkNoLongerThanItIsTold() async throws {
        let clock = TestClock()
        let runtime = ConnectionRuntime(options: ConnectionOptions(clock: clock))
        let waiting = Task { try await runtime.waitUntilConnected(within: .seconds(2)) }
        try await clock.waitForSleepers()
        clock.advance(by: .seconds(2))
        await #expect(throws: MessagingError.self) { try await waiting.value }
        let lucky = Task { try await runtime.waitUntilConnected(within: .seconds(2)) }
        try await clock.waitForSleepers()
        runtime.linkOpened()
        try await lucky.value
        await runtime.close {}
    }

    @Test func refusesWhatTheBrokerCantGive() async {
        let runtime = ConnectionRuntime(options: ConnectionOptions(maximumBodyBytes: 3))
        func code(_ check: () throws -> Void) -> MessagingError.Code? {
            do {
                try check()
                return nil
            } catch {
                return (error as? MessagingError)?.code
            }
        }
        func publishing(_ options: PublishOptions, on capabilities: Capabilities) -> MessagingError.Code? {
            code { try runtime.check(publishing: Message("abc"), to: "a", options, on: capabilities) }
        }
        #expect(publishing(PublishOptions(), on: []) == nil)
        #expect(publishing(PublishOptions(guarantee: .atLeastOnce), on: []) == .unsupported)
        #expect(publishing(PublishOptions(guarantee: .atLeastOnce), on: .confirmedPublish) == nil)
        #expect(publishing(PublishOptions(guarantee: .exactlyOnce), on: .confirmedPublish) == .unsupported)
        #expect(publishing(PublishOptions(guarantee: .exactlyOnce), on: .exactlyOnce) == nil)
        #expect(publishing(PublishOptions(retain: true), on: []) == .unsupported)
        #expect(publishing(PublishOptions(retain: true), on: .retain) == nil)
        #expect(publishing(PublishOptions(expiry: .seconds(1)), on: []) == .unsupported)
        #expect(publishing(PublishOptions(expiry: .seconds(1)), on: .expiry) == nil)

        func sending(_ options: SendOptions, on capabilities: Capabilities) -> MessagingError.Code? {
            code { try runtime.check(sending: Message("abc"), to: "a", options, on: capabilities) }
        }
        #expect(sending(SendOptions(expiry: .seconds(1)), on: []) == nil)
        #expect(sending(SendOptions(guarantee: .exactlyOnce), on: []) == .unsupported)
        #expect(sending(SendOptions(requiresConsumer: true), on: []) == .unsupported)
        #expect(sending(SendOptions(requiresConsumer: true), on: .responderDetection) == nil)

        #expect(code { try runtime.check(replying: Message("abcd")) } == .bodyTooLarge)
        #expect(code { try runtime.check(publishing: Message(), to: "a.*", PublishOptions(), on: []) } == .invalidTopic)
        #expect(code { try runtime.check(sending: Message(), to: "", SendOptions(), on: []) } == .invalidQueue)
        #expect(code { try runtime.check(subscribingTo: "a.#.b", SubscribeOptions(), on: []) } == .invalidFilter)
        #expect(
            code { try runtime.check(subscribingTo: "a", SubscribeOptions(noLocal: true), on: []) } == .unsupported
        )
        #expect(code { try runtime.check(consuming: "a", ConsumeOptions(prefetch: 0)) } == .invalidArgument)
        await runtime.close {}
    }
}
