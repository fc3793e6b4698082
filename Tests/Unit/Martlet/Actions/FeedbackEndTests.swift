import MartletTesting
import Testing

@testable import Martlet

/// When a goal's feedback ends: with what was said last, and not because a question has had no answer.
@Suite(.timeLimit(.minutes(10))) struct FeedbackEndTests {
    private static let feedback = (1...3).map { Message(#"{"goal_id":"g1","feedback_data":{"current":\#($0)}}"#) }
    private static let over = Message(#"{"goal_id":"g1","status":4}"#)

    /// Runs `body` beside a server that is played by a test, which answers questions about its goal by `answer`.
    private func withServer(
        clock: any Clock<Duration> = ContinuousClock(),
        answer: @escaping @Sendable () async throws -> Message,
        _ body: (_ server: MemoryConnection, _ client: MemoryConnection) async throws -> Void
    ) async throws {
        let broker = MemoryBroker()
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: clock))
        let client = try await broker.connect(options: ConnectionOptions(name: "client", clock: clock))
        try await withBackground {
            try await server.respond(to: "arm.move.get_result") { _ in try await answer() }
        } _: {
            await broker.waitForConsumers(of: "arm.move.get_result")
            try await body(server, client)
        }
        await client.close()
        await server.close()
    }

    @Test func anAnswerThatOvertakesTheLastFeedbackDoesNotCutItOff() async throws {
        try await withServer {
            var answer = Message(#"{"status":4,"timestamp":-1,"result":{"position":3},"error":""}"#)
            // As of a server whose first word counts.
            answer.headers[Headers.Standard.goalID] = "g1"
            return answer
        } _: { server, client in
            let goal = try await client.goal("g1", of: move)
            try await server.publish(Self.feedback[0], to: "arm.move.feedback")
            await until { goal.feedback.subscription.waiting == 1 }
            let seen = Log<Int>()
            async let reading: Void = {
                for try await step in goal.feedback { seen.add(step.current) }
            }()
            await seen.wait(for: 1)
            for message in Self.feedback.dropFirst() { try await server.publish(message, to: "arm.move.feedback") }
            try await server.publish(Self.over, to: "arm.move.status")
            try await reading
            #expect(seen.entries == [1, 2, 3])
        }
    }

    @Test func aServerThatSaysSomethingOfTheGoalIsThereWhateverItAnswers() async throws {
        let clock = TestClock()
        let questions = Log<Int>()
        try await withServer(clock: clock) {
            questions.add(questions.entries.count + 1)
            try await untilCancelled()
        } _: { server, client in
            let goal = try await client.goal("g1", of: move, timeout: .seconds(4))
            let seen = Log<Int>()
            async let reading: Void = {
                for try await step in goal.feedback { seen.add(step.current) }
            }()
            await questions.wait(for: 1)
            try await server.publish(Self.feedback[0], to: "arm.move.feedback")
            for second in 1...4 {
                let next = TestClock.Instant(offset: .seconds(second))
                await until { clock.deadlines.contains(next) }
                clock.advance(to: next)
                if second < 4 { await questions.wait(for: second + 1) }
            }
            await seen.wait(for: 1)
            try await server.publish(Self.over, to: "arm.move.status")
            try await reading
            #expect(seen.entries == [1])
        }
    }
}
