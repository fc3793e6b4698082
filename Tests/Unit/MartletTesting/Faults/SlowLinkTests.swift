import Martlet
import MartletTesting
import Testing

/// A link that carries so many bytes a second.
@Suite(.timeLimit(.minutes(5))) struct SlowLinkTests {
    private static let faults = Faults(bandwidth: 1_000)
    private static let kilobyte = Message([UInt8](repeating: 0, count: 1_000))

    private let clock = TestClock()
    private let broker: MemoryBroker

    init() { broker = MemoryBroker(options: MemoryBroker.Options(clock: clock)) }

    private func connect(_ name: String) async throws -> MemoryConnection {
        try await broker.connect(options: ConnectionOptions(name: name, clock: clock))
    }

    private func connectSlowly() async throws -> FaultyConnection {
        try FaultyConnection(wrapping: try await connect("slow"), seed: 1, faults: Self.faults)
    }

    /// Moves the clock to the next deadline, as often as something waits.
    @discardableResult
    private func whileTimePasses<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask { [clock] in
                while !Task.isCancelled {
                    try await clock.waitForSleepers()
                    clock.advanceToNextDeadline()
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }

    @Test func whatIsSentWaitsForWhatWasSentBefore() async throws {
        let reader = try await connect("reader")
        let slow = try await connectSlowly()
        let news = try await reader.subscribe(to: "news")
        let start = clock.now
        try await whileTimePasses {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { try await slow.publish(Self.kilobyte, to: "news") } }
                try await group.waitForAll()
            }
        }
        #expect(start.duration(to: clock.now) == .seconds(3))
        for _ in 0..<3 { #expect(try await news.next()?.message.body.count == 1_000) }
        await slow.close()
    }

    @Test func whatComesWaitsAndStaysInOrder() async throws {
        let writer = try await connect("writer")
        let slow = try await connectSlowly()
        let news = try await slow.subscribe(to: "news")
        let start = clock.now
        for number in 0..<4 {
            try await writer.publish(Message([UInt8](repeating: UInt8(number), count: 500)), to: "news")
        }
        let arrivals = try await whileTimePasses { [clock] in
            var arrivals: [(UInt8?, Duration)] = []
            while arrivals.count < 4, let delivery = try await news.next() {
                arrivals.append((delivery.message.body.first, start.duration(to: clock.now)))
            }
            return arrivals
        }
        #expect(arrivals.map(\.0) == [0, 1, 2, 3])
        for (number, arrival) in arrivals.enumerated() { #expect(arrival.1 >= .milliseconds(500) * (number + 1)) }
        await slow.close()
    }

    @Test func repliesWaitToo() async throws {
        let slow = try await connectSlowly()
        let server = try await connect("server")
        let replies = Recorder<(UInt8?, Duration)>()
        let start = clock.now
        let address = try await slow.openReplyAddress { [clock] reply, _ in
            replies.record((reply.body.first, start.duration(to: clock.now)))
        }.address(for: "double")
        for number in 0..<3 {
            try await server.reply(Message([UInt8](repeating: UInt8(number), count: 1_000)), to: address)
        }
        try await whileTimePasses { try await replies.wait(for: 3) }
        #expect(replies.values.map(\.0) == [0, 1, 2])
        for (number, reply) in replies.values.enumerated() { #expect(reply.1 >= .seconds(number + 1)) }
        await slow.close()
    }

    @Test func whatIsLeftPassesAtOnceWhenTheFaultsEnd() async throws {
        let slow = try await connectSlowly()
        await slow.endFaults()
        let start = clock.now
        try await slow.publish(Self.kilobyte, to: "news")
        #expect(start.duration(to: clock.now) == .zero)
        await slow.close()
    }

    @Test func noBandwidthIsNone() async throws {
        let connection = try await connect("none")
        #expect(throws: MessagingError.self) {
            try FaultyConnection(wrapping: connection, seed: 1, faults: Faults(bandwidth: 0))
        }
    }
}
