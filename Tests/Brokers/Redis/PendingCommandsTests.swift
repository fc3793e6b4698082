import Martlet
import Testing

@testable import MartletRedis

@Suite struct PendingCommandsTests {
    private func word(_ outcome: PendingCommands.Outcome) -> String {
        switch outcome {
        case .nothing: "nothing"
        case .refused(let topic, let error): "refused \(topic) \(error.prefix)"
        case .answer: "answer"
        case .request(let request, let reply): "request of \(request.count): \(reply)"
        case .unasked: "unasked"
        }
    }

    @Test func repliesFindWhatTheyAnswer() {
        let pending = PendingCommands()
        var run = CommandEntry(.publishes("a"))
        run.count = 3
        pending.append(run, sent: .now)
        pending.expect(PublishAnswer())
        pending.append(CommandEntry(.awaited), sent: .now)
        pending.append(CommandEntry(.request(Request([[[1]], [[2]]], .answer(Answer())))), sent: .now)
        pending.append(CommandEntry(.request(Request([[[3]]], .answer(Answer())))), sent: .now)
        pending.append(CommandEntry(.publishes("c")), sent: .now)
        #expect(pending.count == 8)
        let error = RedisValue.error(RedisError("NOPERM no"))
        let replies: [RedisValue] = [
            .integer(0), error, .integer(1), .integer(2), .status("OK"), .integer(3), error, error, .integer(0),
        ]
        let words = replies.map { word(pending.received($0)) }
        #expect(
            words == [
                "nothing", "refused a NOPERM", "nothing", "answer", "nothing", "request of 2: an array of 2",
                "request of 1: the error NOPERM", "refused c NOPERM", "unasked",
            ]
        )
        #expect(pending.count == 0)
    }

    @Test func whatIsTakenOutCountsWhatWasNotAnswered() {
        let pending = PendingCommands()
        var run = CommandEntry(.publishes("a"))
        run.count = 3
        let time = ContinuousClock.now
        pending.append(run, sent: time)
        let answers = [PublishAnswer(), PublishAnswer()]
        for answer in answers { pending.expect(answer) }
        var awaited = CommandEntry(.awaited)
        awaited.count = 2
        pending.append(awaited, sent: time + .seconds(1))
        #expect(pending.oldest == time)
        _ = pending.received(.integer(0))
        let unanswered = pending.removeAll()
        #expect(unanswered.commands.map(\.count) == [2, 2])
        #expect(unanswered.answers.map(ObjectIdentifier.init) == answers.map(ObjectIdentifier.init))
        #expect(pending.count == 0)
        #expect(pending.oldest == nil)
    }

    @Test func bytesTellHowFarTheOldestGoes() {
        let pending = PendingCommands()
        #expect(pending.oldestEnd == 0)
        pending.append(CommandEntry(.publishes("a"), bytes: 30), sent: .now)
        let request = Request([[[1]]], .answer(Answer()))
        pending.append(CommandEntry(.request(request)), sent: .now)
        #expect(pending.size == 30 + request.bytes.count)
        #expect(pending.oldestEnd == 30)
        _ = pending.received(.integer(0))
        #expect(pending.oldestEnd == pending.size)
        #expect(pending.ended == 1)
        _ = pending.removeAll()
        #expect(pending.ended == 2)
    }
}
