import Martlet

extension ConformanceSuite {
    /// Goals that end before their handlers are done, or by an error.
    public static let goalEnds: [ConformanceCheck] = [
        ConformanceCheck(
            "a goal's handler that throws tells its client the code and the text",
            crosses: [.action("failing")],
            tolerates: reliableFaults
        ) {
            environment in
            struct Nameless: Error, CustomStringConvertible { var description: String { "the gripper is stuck" } }
            try await withAction(environment, "failing") { goal in
                if goal.value == 1 { throw MessagingError("conformance.jammed", "joint 3 is jammed") }
                throw Nameless()
            } _: { action, client, _ in
                let typed = try await client.send(1, to: action)
                let error = try await environment.expect("conformance.jammed", from: "the result") {
                    _ = try await typed.result
                }
                try environment.expect(error.message, equals: "joint 3 is jammed", "the error's text")
                try await environment.expect(typed.status(), equals: .aborted, "the status")
                let other = try await client.send(2, to: action)
                let plain = try await environment.expect(.handlerFailed, from: "the result") {
                    _ = try await other.result
                }
                try environment.expect(plain.message, equals: "the gripper is stuck", "the error's text")
            }
        },

        ConformanceCheck(
            "cancelling a goal cancels its handler, and how far it came arrives",
            crosses: [.action("cancelled")],
            tolerates: reliableFaults
        ) {
            environment in
            let begun = Recorder<Void>()
            let isAnswered = Recorder<Void>()
            defer { isAnswered.signal() }
            try await withAction(environment, "cancelled") { goal in
                begun.signal()
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    // However often the cancellation arrives: the goal has not ended before it is answered.
                    await shielded { _ = try? await isAnswered.wait(for: 1) }
                }
                return goal.value / 2
            } _: { action, client, _ in
                let goal = try await client.send(10, to: action)
                try await begun.wait(for: 1)
                try await environment.expect(goal.cancel(), equals: true, "whether it is being cancelled")
                isAnswered.signal()
                guard case .canceled(let result, let error) = try await goal.outcome else {
                    throw environment.failure(expected: "the goal to be canceled", actual: "it was not")
                }
                try environment.expect(result, equals: 5, "how far it came")
                try environment.expect(error.code, equals: .cancelled, "the error's code")
                try await environment.expect(goal.status(), equals: .canceled, "the status")
                try await environment.expect(goal.cancel(), equals: false, "whether it is being cancelled again")
            }
        },

        ConformanceCheck(
            "cancelling the wait for a result cancels the goal",
            crosses: [.action("left")],
            tolerates: reliableFaults
        ) {
            environment in
            let begun = Recorder<Void>()
            let cancelled = Recorder<Void>()
            try await withAction(environment, "left") { goal in
                begun.signal()
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    cancelled.signal()
                    throw error
                }
                return goal.value
            } _: { action, client, _ in
                let goal = try await client.send(1, to: action)
                try await begun.wait(for: 1)
                let waiting = Task { try await goal.result }
                waiting.cancel()
                try await environment.expectCancellation(of: "the wait") { _ = try await waiting.value }
                try await cancelled.wait(for: 1)
                try await environment.expect(.cancelled, from: "the result") { _ = try await goal.result }
            }
        },

        ConformanceCheck(
            "a goal that takes too long is aborted",
            crosses: [.action("deadline")],
            tolerates: reliableFaults
        ) { environment in
            try await withAction(environment, "deadline") { goal in
                try await Task.sleep(for: .seconds(60))
                return goal.value
            } _: { action, client, _ in
                let goal = try await client.send(1, to: action, deadline: .milliseconds(30))
                try await environment.expect(.timeout, from: "the result") { _ = try await goal.result }
                try await environment.expect(goal.status(), equals: .aborted, "the status")
            }
        },

        ConformanceCheck(
            "a server that is cancelled cancels its goals and tells their clients",
            crosses: [.action("stopped")],
            tolerates: .delay
        ) {
            environment in
            let begun = Recorder<Void>()
            let action = Action<Int, Int, Int>(environment.queue("stopped"))
            let client = try await environment.connect()
            let server = try await environment.connect(at: .sink)
            let waiting = try await environment.performing(action, on: server) { goal in
                begun.signal()
                try await Task.sleep(for: .seconds(60))
                return goal.value
            } _: {
                let goal = try await client.send(1, to: action)
                let waiting = Task { try await goal.result }
                try await begun.wait(for: 1)
                // The server answers a while longer for those who have asked. Who waits may not have got as far.
                _ = try await goal.status()
                return waiting
            }
            try await environment.expect(.shuttingDown, .cancelled, from: "the result") { _ = try await waiting.value }
        },

        ConformanceCheck(
            "a server whose connection is closed ends, and so does its clients' wait",
            crosses: [.action("gone")],
            tolerates: .all
        ) {
            environment in
            let begun = Recorder<Void>()
            let ended = Recorder<Void>()
            let action = Action<Int, Int, Int>(environment.queue("gone"))
            let client = try await environment.connect()
            let server = try await environment.connect(at: .sink)
            let serving = Task {
                defer { ended.signal() }
                // The link may be down at this very moment.
                try await environment.retrying {
                    // A goal whose client did not hear of it is in nobody's way.
                    try await server.perform(action, options: ActionOptions(policy: .preemptLatest)) { goal in
                        begun.signal()
                        try await Task.sleep(for: .seconds(60))
                        return goal.value
                    }
                }
            }
            let goal = try await environment.retrying {
                try await client.send(1, to: action, timeout: .milliseconds(500))
            }
            try await begun.wait(for: 1)
            try await environment.retrying { _ = try await goal.status() }
            await server.close()
            try await ended.wait(for: 1)
            _ = await serving.result
            try await environment.expect(
                .noResponder,
                .timeout,
                .cancelled,
                .goalAborted,
                .shuttingDown,
                .connectionLost,
                .notConnected,
                from: "the result"
            ) {
                _ = try await goal.result
            }
        },
    ]
}
