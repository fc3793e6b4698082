import Logging
import Martlet
import MartletTesting
import Testing

/// What a transport of somebody else's tells the runtime of its connection, and asks it.
@Suite(.timeLimit(.minutes(10))) struct ConnectionRuntimeTests {
    @Test func beginsWithoutALinkAndAsItsOptionsSay() async throws {
        let runtime = ConnectionRuntime(options: ConnectionOptions(name: "somebody", maximumBodyBytes: 1))
        #expect(runtime.states.state == .connecting)
        #expect(runtime.name == "somebody")
        #expect(runtime.logger[metadataKey: "connection"] == "somebody")
        #expect(throws: MessagingError.self) { try runtime.check(replying: Message("ab")) }
        let names = (0..<2).map { _ in ConnectionRuntime(options: ConnectionOptions()).name }
        #expect(Set(names).count == 2, "each has a name of its own")
        runtime.linkOpened()
        #expect(runtime.states.state == .connected)
        runtime.linkLost()
        #expect(runtime.states.state == .disconnected)
        await runtime.close {}
        #expect(runtime.states.state == .closed)
    }

    /// Somebody else's transport makes of messages what the connection's options say.
    @Test func makesOfMessagesWhatTheOptionsSay() async throws {
        let runtime = ConnectionRuntime(
            options: ConnectionOptions(format: .envelope, transforms: [Inverted()], maximumHeaders: 2)
        )
        let message = Message("[1]", headers: ["a": "b"])
        let bytes = try runtime.publicationBytes(of: message, carriesHeaders: false)
        #expect(try runtime.message(ofPublication: bytes).headers["a"] == "b")
        #expect(bytes.first == ~UInt8(ascii: "{"))
        let plain = try runtime.publicationBytes(of: message, format: .plain, carriesHeaders: true)
        #expect(plain == Array("[1]".utf8).map { ~$0 })
        let read = try runtime.message(ofPublication: plain, headers: ["a": "b"])
        #expect(read.text == "[1]")
        #expect(read.headers["a"] == "b")
        let call = try runtime.message(ofCall: try runtime.callBytes(of: message))
        #expect(call.text == "[1]")
        #expect(call.headers["a"] == "b")
        #expect(throws: MessagingError.self) {
            try runtime.message(ofPublication: plain, headers: ["a": 1, "b": 2, "c": 3])
        }
        await runtime.close {}
    }

    private struct Inverted: BodyTransform {
        func outgoing(_ bytes: [UInt8]) throws -> [UInt8] { bytes.map { ~$0 } }
        func incoming(_ bytes: [UInt8]) throws -> [UInt8] { bytes.map { ~$0 } }
    }

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
