import Foundation
import Martlet
import MartletTesting
import Testing

/// Bodies as commlib-py writes and reads them, and what is no such body.
@Suite(.timeLimit(.minutes(10))) struct ActionWireTests {
    private func object(_ message: Message?) throws -> NSDictionary {
        try #require(JSONSerialization.jsonObject(with: Data(message?.body ?? [])) as? NSDictionary)
    }

    @Test func bodies() async throws {
        let gate = Gate()
        try await ActionFixture.run { goal in
            await gate.wait()
            try await goal.deliver(Progress(current: 5))
            return Reached(position: 7)
        } _: { fixture in
            defer { gate.open() }
            let all = try await fixture.client.subscribe(to: "arm.move.*")
            // A foreign client: no headers.
            let reply = try object(
                await fixture.client.call(
                    "arm.move.send_goal",
                    Message(#"{"description":"","goal_data":{"target":7}}"#)
                )
            )
            let id = try #require(reply["goal_id"] as? String)
            #expect(id.count == 32 && id.allSatisfy(\.isHexDigit))
            #expect(reply == ["status": 1, "timestamp": -1, "goal_id": id, "error": ""])
            let ask = Message(#"{"goal_id":"\#(id)"}"#)
            #expect(
                try await object(fixture.client.call("arm.move.get_result", ask))
                    == ["status": 2, "timestamp": -1, "result": [:], "error": ""]
            )
            gate.open()
            var said: [NSDictionary] = []
            for _ in 0..<4 { said.append(try await object(all.next()?.message)) }
            #expect(
                said == [
                    ["goal_id": id, "status": 1], ["goal_id": id, "status": 2],
                    ["goal_id": id, "feedback_data": ["current": 5]], ["goal_id": id, "status": 4],
                ]
            )
            for request in [ask, Message(#"{"goal_id":""}"#)] {
                #expect(
                    try await object(fixture.client.call("arm.move.get_result", request))
                        == ["status": 4, "timestamp": -1, "result": ["position": 7], "error": ""]
                )
            }
            let cancel = Message(#"{"goal_id":"\#(id)","timestamp":1795225731391319550}"#)
            let refusal = try await object(fixture.client.call("arm.move.cancel_goal", cancel))
            #expect(refusal["status"] as? Int == 0)
            #expect(refusal["result"] as? NSDictionary == [:])
            #expect((refusal["timestamp"] as? Int ?? 0) > 1_700_000_000_000_000_000)
        }
    }

    @Test func anAbortedGoalSaysWhyInItsBodyToo() async throws {
        try await ActionFixture.run { _ in
            throw MessagingError("jammed", "the gripper is stuck")
        } _: { fixture in
            let goal = try await fixture.client.send(Move(target: 1), to: move)
            _ = await messagingError { try await goal.result }
            let reply = try await object(
                fixture.client.call("arm.move.get_result", Message(#"{"goal_id":"\#(goal.id)"}"#))
            )
            #expect(reply == ["status": 5, "timestamp": -1, "result": [:], "error": "the gripper is stuck"])
        }
    }

    @Test(arguments: ["send_goal", "cancel_goal", "get_result"])
    func malformedRequests(name: String) async throws {
        try await ActionFixture.run { _ in
            Reached(position: 1)
        } _: { fixture in
            let bad = [
                "", "{", "null", "[1]", #"{"goal_data":{"target":"x"},"goal_id":7}"#, #"{"goal_data":null}"#, "\u{0}",
            ]
            for body in bad {
                let error = await messagingError {
                    try await fixture.client.call(QueueName("arm.move.\(name)"), Message(body))
                }
                #expect(error?.code == .decodingFailed)
            }
            #expect(fixture.server.statistics.undecodable == bad.count)
            let result = try await fixture.client.send(Move(target: 1), to: move).result
            #expect(result == Reached(position: 1))
        }
    }

    /// The error is in the body as well, for peers that read no headers.
    @Test func aRefusalIsInTheBodyToo() async throws {
        try await ActionFixture.run { _ in
            Reached(position: 1)
        } _: { fixture in
            let replies = Log<String>()
            let address = try await fixture.client.openReplyAddress { reply, _ in replies.add(reply.text ?? "") }
            let request = Message("{", headers: [Headers.Standard.replyTo: .string(address.address(for: "1"))])
            try await fixture.client.send(request, to: "arm.move.send_goal")
            await until { !replies.entries.isEmpty }
            let reply = try object(Message(replies.entries[0]))
            #expect(reply["status"] as? Int == 0)
            #expect((reply["error"] as? String)?.isEmpty == false)
        }
    }

    @Test func anIDOfAnyLength() async throws {
        try await ActionFixture.run { _ in
            Reached(position: 1)
        } _: { fixture in
            let long = String(repeating: "x", count: 257)
            let request = Message(#"{"goal_data":{"target":1}}"#, headers: [Headers.Standard.goalID: .string(long)])
            #expect(
                await messagingError { try await fixture.client.call("arm.move.send_goal", request) }?.code
                    == .invalidArgument
            )
            let cancel = Message(#"{"goal_id":"\#(long)"}"#)
            #expect(
                await messagingError { try await fixture.client.call("arm.move.cancel_goal", cancel) }?.code
                    == .invalidArgument
            )
        }
    }

    @Test func junkOnTheTopics() async throws {
        let gate = Gate()
        try await ActionFixture.run { goal in
            await gate.wait()
            try await goal.deliver(Progress(current: 1))
            return Reached(position: 1)
        } _: { fixture in
            defer { gate.open() }
            let goal = try await fixture.client.send(Move(target: 1), to: move)
            let junk = [
                "{", #"{"goal_id":"\#(goal.id)"}"#, #"{"goal_id":"\#(goal.id)","feedback_data":7,"status":"x"}"#,
                "\u{FF}",
            ]
            for text in junk {
                try await fixture.server.publish(Message(text), to: "arm.move.feedback")
                try await fixture.server.publish(Message(text), to: "arm.move.status")
                try await fixture.server.publish(Message(text), to: "arm.move.notify")
            }
            // Another goal's, and a status that does not exist.
            try await fixture.server.publish(
                Message(#"{"goal_id":"other","feedback_data":{"current":9}}"#),
                to: "arm.move.feedback"
            )
            try await fixture.server.publish(Message(#"{"goal_id":"\#(goal.id)","status":9}"#), to: "arm.move.status")
            gate.open()
            var seen: [Int] = []
            for try await feedback in goal.feedback { seen.append(feedback.current) }
            #expect(seen == [1])
            #expect(fixture.client.statistics.undecodable == 2 * junk.count)
            #expect(try await goal.result == Reached(position: 1))
        }
    }

    /// A server like commlib-py's: its own goal ID, no headers, an enumeration that became text, the feedback on time.
    @Test func aForeignServer() async throws {
        let broker = MemoryBroker()
        let server = try await broker.connect(name: "python")
        let client = try await broker.connect(name: "client")
        let log = Log<String>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.respond(to: "arm.move.send_goal") { request in
                    log.add(request.text ?? "")
                    if log.entries.count > 1 {
                        return Message(#"{"status":0,"timestamp":-1,"goal_id":"","error":"Goal 0123 is running!"}"#)
                    }
                    return Message(#"{"status":1,"timestamp":-1,"goal_id":"0123","error":""}"#)
                }
            }
            group.addTask {
                try await server.respond(to: "arm.move.get_result") { _ in
                    log.entries.contains("ended")
                        ? Message(#"{"status":"4","timestamp":-1,"result":{"position":3},"error":""}"#)
                        : Message(#"{"status":2,"timestamp":-1,"result":{},"error":""}"#)
                }
            }
            group.addTask {
                try await server.respond(to: "arm.move.cancel_goal") { _ in
                    Message(#"{"status":1,"timestamp":5,"result":{},"error":""}"#)
                }
            }
            await until { broker.presence.queues.count(where: { $0.consumers > 0 }) == 3 }
            let goal = try await client.send(Move(target: 3), to: move)
            #expect(goal.id == "0123")
            #expect(try await goal.status() == .executing)
            let refusal = await messagingError { try await client.send(Move(target: 4), to: move) }
            #expect(refusal?.code == .goalRejected)
            #expect(refusal?.message.contains("Goal 0123 is running!") == true)
            #expect(try await goal.cancel())
            async let result = goal.result
            try await server.publish(
                Message(#"{"feedback_data":{"current":1},"goal_id":"0123"}"#),
                to: "arm.move.feedback"
            )
            log.add("ended")
            try await server.publish(Message(#"{"goal_id":"0123","status":4}"#), to: "arm.move.status")
            var seen: [Int] = []
            for try await feedback in goal.feedback { seen.append(feedback.current) }
            #expect(seen == [1])
            #expect(try await result == Reached(position: 3))
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
        #expect(log.entries[0].contains(#""goal_data":{"target":3}"#))
        await client.close()
        await server.close()
    }
}
