import IntegrationSupport
import Martlet
import MartletTesting
import Testing

/// Where commlib-py does the wrong thing, Martlet's own peers get the right one, and its peers the best that they
/// understand.
@Suite(.timeLimit(.minutes(10))) struct QuirkTests {
    // MARK: Martlet serves

    /// commlib-py's servers say that a goal whose handler failed has succeeded. Martlet's say that it was aborted.
    @Test(arguments: Broker.allCases) func aFailedGoalIsAborted(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            let gate = Gate()
            try await withBackground {
                try await stage.connection.perform(stage.count, onReady: { gate.open() }) { goal in
                    // Python clients hear nothing of what is said before the reply to their goal.
                    try await Task.sleep(for: .milliseconds(300))
                    if goal.value.target == 13 { throw MessagingError("bad-luck", "asked to fail") }
                    return CountResult(count: goal.value.target)
                }
            } _: {
                try await gate.wait()
                for (target, status) in [(13, 5), (14, 4)] {
                    let arguments: [String: JSON] = ["target": .number(Double(target))]
                    let end = try await stage.withPeer("send_goal", arguments) { try await $0.next("result") }
                    #expect(end["status"] == .number(Double(status)), "\(end)")
                    #expect(end["data"]?["count"] != 13)
                }
                try await stage.broker.withConnection { client in
                    let goal = try await client.send(CountGoal(target: 13), to: stage.count)
                    #expect(await errorCode { _ = try await goal.result } == "bad-luck")
                }
            }
        }
    }

    /// commlib-py's servers may never end a goal whose handler returns at once, and take no other one. Martlet's do.
    @Test(arguments: Broker.allCases) func aFastGoalEnds(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            let gate = Gate()
            try await withBackground {
                try await stage.connection.perform(stage.count, onReady: { gate.open() }) { goal in
                    CountResult(count: goal.value.target)
                }
            } _: {
                try await gate.wait()
                for target in 1...2 {
                    // The client may miss the end, which it is told before the reply; asked, it has the result.
                    let arguments: [String: JSON] = ["target": .number(Double(target)), "timeout": 2]
                    let end = try await stage.withPeer("send_goal", arguments) { try await $0.next("result") }
                    #expect(end["data"] == ["count": .number(Double(target))], "\(end)")
                }
                try await stage.broker.withConnection { client in
                    let result = try await client.send(CountGoal(target: 3), to: stage.count).result
                    #expect(result.count == 3)
                }
            }
        }
    }

    /// What can't be cancelled, asked about or begun has an answer that Python reads, and nothing is left of it.
    @Test(arguments: Broker.allCases) func aRequestThatCanNotBeMetIsAnswered(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            try await stage.performing {
                func ask(_ kind: String, _ request: JSON) async throws -> JSON? {
                    let arguments: [String: JSON] = ["name": .string("\(stage.name).\(kind)"), "requests": [request]]
                    return try await stage.withPeer("call", arguments) { try await $0.next("reply") }["data"]
                }
                let cancel = try await ask("cancel_goal", ["goal_id": "nobody", "timestamp": 1])
                #expect(cancel?["status"] == 0 && cancel?["error"]?.string?.isEmpty == false, "\(cancel ?? nil)")
                let result = try await ask("get_result", ["goal_id": "nobody"])
                #expect(result?["status"] == 0 && result?["result"] == [:], "\(result ?? nil)")
                let goal = try await ask("send_goal", ["description": "", "goal_data": ["target": "many"]])
                #expect(goal?["status"] == 0 && goal?["goal_id"] == "", "\(goal ?? nil)")
                try await stage.broker.withConnection { client in
                    let whole = try await client.send(CountGoal(target: 1), to: stage.count).result
                    #expect(whole.count == 1)
                }
            }
        }
    }

    /// A request of the wrong type blocks commlib-py's AMQP services for good. Martlet's answer, and go on.
    @Test(arguments: Broker.allCases) func aRequestOfTheWrongTypeIsAnswered(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            try await stage.serving {
                let arguments: [String: JSON] = ["requests": [["a": "x", "b": []], ["a": 1, "b": 2]], "timeout": 2]
                try await stage.withPeer("call", arguments) { caller in
                    let refusal = try await caller.next("reply")
                    #expect(refusal["data"] == .null || refusal["error"] != nil, "\(refusal)")
                    #expect(stage.connection.statistics.undecodable == 1)
                    let reply = try await caller.next("reply")
                    #expect(reply["data"] == ["c": 3], "\(reply)")
                }
            }
        }
    }

    // MARK: commlib-py serves

    /// Its server says that a goal whose handler failed has succeeded, with a result of defaults: nobody can tell.
    @Test(arguments: Broker.allCases) func aGoalThatFailedThereLooksLikeASuccess(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            try await stage.withPeer("perform", ["mode": "raise"]) { server in
                let goal = try await stage.sendGoal(5, to: server)
                let result = try await goal.result
                #expect(result == CountResult(count: -1), "commlib-py reports failures now: see what else is to change")
            }
        }
    }

    /// Its server may say that a goal whose handler returns at once goes on, after it has said that it is over. Who reads the
    /// feedback is told at once, and who awaits the result does not wait for ever.
    @Test(arguments: Broker.allCases) func aFastGoalThereEnds(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            try await stage.withPeer("perform") { server in
                let goal = try await stage.sendGoal(0, to: server)
                for try await feedback in goal.feedback { Issue.record("\(feedback)") }
            }
        }
    }

    @Test(arguments: Broker.allCases) func aGoalThatIsNotKnownThereCanNotBeCancelled(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            try await stage.withPeer("perform") { server in
                _ = try await stage.sendGoal(1, to: server).result
                let stranger = try await stage.connection.goal("stranger", of: stage.count)
                let isCancelled = try await stranger.cancel()
                #expect(!isCancelled)
                #expect(await errorCode { _ = try await stranger.status() } == .unknownGoal)
            }
        }
    }
}
