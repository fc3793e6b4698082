import MartletTesting
import Testing

@testable import Martlet

/// Readers that ask for a stream and do not read it.
@Suite(.timeLimit(.minutes(10))) struct ReaderPatienceTests {
    /// Requests as a peer may make them: none allows an element, and what they say of their patience is not to be
    /// believed.
    static let requests: [Headers] = [
        ["stream-credit": 0], ["stream-credit": -1], ["stream-credit": .integer(.min)],
        ["stream-credit": 0, "timeout": 1_577_880_000_000], ["stream-credit": 0, "timeout": 0],
        ["stream-credit": 1, "timeout": 1_577_880_000_000], [:],
    ]

    @Test(arguments: [false, true]) func aResponderIsFreeAgain(isHeard: Bool) async throws {
        let clock = TestClock()
        let broker = MemoryBroker()
        let peer = try await broker.connect(name: "peer")
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: clock))
        let (running, ended) = (Shared(0), Shared(0))
        let controls = Shared<[(String, String)]>([])
        let address = try await peer.openReplyAddress { reply, _ in
            guard let to = reply.headers.replyTo, let id = reply.headers["stream-credit-id"]?.string else { return }
            controls.withLock { $0.append((to, id)) }
        }.address(for: "peer")
        try await withBackground {
            try await server.respond(
                to: StreamingRPC<Int, Int>("ops.count"),
                options: RespondOptions(concurrency: Self.requests.count, readerPatience: .seconds(30))
            ) { _, writer in
                running.withLock { $0 += 1 }
                defer { ended.withLock { $0 += 1 } }
                while true { try await writer.write(1) }
            }
        } _: {
            await broker.waitForConsumers(of: "ops.count")
            for (index, headers) in Self.requests.enumerated() {
                var headers = headers
                headers.correlationID = "\(index)"
                headers.replyTo = address
                try await peer.send(Message("1", headers: headers), to: "ops.count")
            }
            await until {
                running.withLock { $0 } == Self.requests.count
                    && controls.withLock { $0.count } == running.withLock { $0 }
            }
            for _ in 0..<60 {
                if isHeard {
                    // A sign of life that allows nothing is none of a reader.
                    for (to, id) in controls.withLock({ $0 }) {
                        try? await peer.reply(
                            Message(headers: ["correlation-id": .string(id), "stream-credit": 0]),
                            to: to
                        )
                    }
                }
                clock.advance(by: .seconds(1))
                for _ in 0..<20 { await Task.yield() }
            }
            if isHeard {
                // Those that have allowed one element are heard of.
                await until { ended.withLock { $0 } >= Self.requests.count - 2 }
            } else {
                await until { ended.withLock { $0 } == Self.requests.count }
            }
        }
    }

    @Test func patienceWithoutMeaningIsAnError() async throws {
        let server = try await MemoryBroker().connect(name: "server")
        let code = await errorCode {
            try await server.respond(
                to: StreamingRPC<Int, Int>("ops.count"),
                options: RespondOptions(readerPatience: .zero)
            ) { _, _ in }
        }
        #expect(code == .invalidArgument)
    }

    /// A reader that waits long for each element says in time that it is there.
    @Test func aPatientReaderSaysThatItIsThere() async throws {
        let clock = TestClock()
        let timers = Timers(Timeline(clock))
        let grants = Recorder<Int>()
        let receiver = StreamReceiver(window: 3, timeout: .seconds(86_400), timers: timers) { credit, control in
            #expect(control == StreamControl(address: "a", id: "secret"))
            grants.record(credit)
        }
        receiver.start()
        receiver.receive(
            Message(headers: ["stream-sequence": 0, "reply-to": "a", "stream-credit-id": "secret"])
        )
        for number in 1...5 {
            await until { clock.sleepers == 1 }
            clock.advance(by: .seconds(20))
            try await grants.wait(for: number)
        }
        #expect(Set(grants.values) == [3])
        await timers.stop()
    }
}
