import Martlet
import MartletTesting
import Testing

/// What a client makes of servers that contradict themselves, as commlib-py's do.
@Suite(.timeLimit(.minutes(10))) struct ForeignServerTests {
    private let clock = ContinuousClock()

    /// Runs `body` with a goal that a server without headers has taken on and answers questions about as told; an empty answer
    /// is none.
    private func withGoal(
        answers: [String],
        status: Int,
        _ body: (GoalHandle<Progress, Reached>) async throws -> Void
    ) async throws {
        let broker = MemoryBroker()
        let server = try await broker.connect(name: "server")
        let client = try await broker.connect(name: "client")
        let asked = Shared(0)
        try await withBackground {
            try await server.respond(to: "arm.move.send_goal") { _ in
                Message(#"{"status":1,"timestamp":-1,"goal_id":"g1","error":""}"#)
            }
        } _: {
            try await withBackground {
                try await server.respond(to: "arm.move.get_result") { _ in
                    let number = asked.withLock { number in
                        defer { number += 1 }
                        return number
                    }
                    if number == 0 {
                        let message = Message(#"{"goal_id":"g1","status":\#(status)}"#)
                        try await server.publish(message, to: "arm.move.status")
                    }
                    let answer = answers[min(number, answers.count - 1)]
                    if answer.isEmpty { try await untilCancelled() }
                    return Message(answer)
                }
            } _: {
                await broker.waitForConsumers(of: "arm.move.send_goal")
                await broker.waitForConsumers(of: "arm.move.get_result")
                try await body(try await client.send(Move(target: 1), to: move))
            }
        }
        await client.close()
        await server.close()
    }

    private static let runs = #"{"status":2,"timestamp":-1,"result":{},"error":""}"#
    private static let lacks = #"{"status":4,"timestamp":-1,"result":{},"error":""}"#

    @Test(arguments: [4, 5]) func aGoalThatIsOverAndGoesOnForEverEnds(status: Int) async throws {
        try await withGoal(answers: [Self.runs], status: status) { goal in
            guard case .aborted(let error) = try await goal.outcome else {
                Issue.record("it did not abort")
                return
            }
            #expect(error.code == .goalAborted)
        }
    }

    @Test func oneThatIsCanceledAndGoesOnIsCanceled() async throws {
        try await withGoal(answers: [Self.runs], status: 6) { goal in
            guard case .canceled(nil, let error) = try await goal.outcome else {
                Issue.record("it was not canceled")
                return
            }
            #expect(error.code == .cancelled)
        }
    }

    @Test func aResultThatComesAMomentLaterIsWaitedFor() async throws {
        let result = #"{"status":4,"timestamp":-1,"result":{"position":7},"error":""}"#
        try await withGoal(answers: [Self.lacks, result], status: 4) { goal in
            let reached = try await goal.result
            #expect(reached == Reached(position: 7))
        }
    }

    /// commlib-py's server answers with the defaults of the result's type between its word that the goal is over and the result.
    @Test(arguments: [4, 6]) func theDefaultsThatComeBeforeAResultAreNotTakenForIt(status: Int) async throws {
        let answers = [0, 7].map { #"{"status":\#(status),"timestamp":-1,"result":{"position":\#($0)},"error":""}"# }
        try await withGoal(answers: answers, status: status) { goal in
            switch try await goal.outcome {
            case .succeeded(let result), .canceled(let result?, _): #expect(result == Reached(position: 7))
            case let outcome: Issue.record("it ended as \(outcome)")
            }
        }
    }

    @Test func theFirstAnswerCountsWhereTheSecondNeverComes() async throws {
        let result = #"{"status":4,"timestamp":-1,"result":{"position":7},"error":""}"#
        try await withGoal(answers: [result, ""], status: 4) { goal in
            let reached = try await goal.result
            #expect(reached == Reached(position: 7))
        }
    }

    @Test func oneThatNeverComesIsAnError() async throws {
        try await withGoal(answers: [Self.lacks], status: 4) { goal in
            #expect(await messagingError { try await goal.result }?.code == .goalAborted)
        }
    }
}
