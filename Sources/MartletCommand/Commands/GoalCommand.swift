import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole
import Synchronization

/// `martlet goal`
struct GoalCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "goal",
        abstract: "Send a goal to an action, follow it, and print its result.",
        usage: "martlet goal [<url>] <name> [<payload>] [<options>]",
        discussion: """
            Feedback is printed as it comes, one JSON object on a line; then the status with the result or the error. \
            Ctrl-C preempts the goal and waits for how it ends. The exit code is 0 if the goal succeeded, or was \
            canceled because --cancel-after says so, 1 if it was aborted, rejected, or canceled by others, and 124 if its \
            server was silent for longer than --timeout.

            EXAMPLES:
              martlet goal mqtt://localhost demo.count '{"target": 5, "period": 200}'
              martlet goal mqtt://localhost demo.count '{"target": 9}' --cancel-after 3
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "Which action, such as demo.count.")
    var name: String?
    @Argument(help: "The goal: JSON, @FILE or @- (all of standard input); {} if left out.")
    var payload: String?

    @Option(help: ArgumentHelp("Cancel the goal after so many feedbacks.", valueName: "n"))
    var cancelAfter: Int?
    @Option(help: ArgumentHelp("Within what time the goal has to end.", valueName: "time"))
    var deadline: Duration?
    @Option(name: .shortAndLong, help: ArgumentHelp("How long the server may be silent.", valueName: "time"))
    var timeout: Duration = .seconds(10)
    @OptionGroup var connection: ConnectionArguments

    var endsByItself: Bool { true }

    private typealias Handle = GoalHandle<JSON, JSON>

    private func words() throws -> Words {
        try Words([url, name, payload], required: ["name"], optional: ["payload"])
    }

    func validate() throws {
        _ = try words()
        if let cancelAfter, cancelAfter < 1 {
            throw ValidationError("--cancel-after is \(cancelAfter); it must be at least 1.")
        }
    }

    func perform(in session: Session) async throws {
        let words = try words()
        let name = words.address.queue(words[0])
        let source = PayloadSource(words.rest[1] ?? "{}")
        let outcome = try await withThrowingTaskGroup(of: GoalOutcome<JSON>?.self) { group in
            let current = Current()
            group.addTask {
                let goal = try await JSON(parsing: source.single(raw: false, in: session))
                return try await session.withConnection(to: words.address, connection) { broker in
                    do {
                        return try await follow(goal, name, broker, current, session)
                    } catch let error as MessagingError {
                        throw Failure(error, about: name.text)
                    }
                }
            }
            group.addTask {
                try await session.interruption.wait()
                // Until there is a goal Ctrl-C simply ends this; from then on it ends the goal.
                guard let handle = current.handle else { throw CancellationError() }
                session.remark("preempting the goal")
                _ = try? await handle.cancel()
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let outcome = result { return outcome }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw Failure(
                        session.interruption.exit ?? .interrupted,
                        "the goal was preempted, and its server has not said how it ended within "
                            + timeout.defaultValueDescription
                    )
                }
            }
            throw CancellationError()
        }
        try session.output.write(outcome)
        if let exit = session.interruption.exit { throw CommandEnd(exit: exit) }
        switch outcome {
        case .succeeded: break
        case .canceled where cancelAfter != nil: break
        case .canceled, .aborted: throw CommandEnd(exit: .failure)
        }
    }

    private func follow(
        _ goal: JSON,
        _ name: QueueName,
        _ broker: any Connection,
        _ current: Current,
        _ session: Session
    ) async throws -> GoalOutcome<JSON> {
        let handle = try await broker.send(
            goal,
            to: Action<JSON, JSON, JSON>(name),
            deadline: deadline,
            timeout: timeout
        )
        current.handle = handle
        session.remark("goal \(handle.id) is on its way; Ctrl-C preempts it")
        var feedbacks = 0
        for try await feedback in handle.feedback {
            try session.output.write(feedback: feedback)
            feedbacks += 1
            if feedbacks == cancelAfter { try await handle.cancel() }
        }
        return try await handle.outcome
    }

    /// The goal, once it has been taken on.
    private final class Current: Sendable {
        private let goal = Mutex<Handle?>(nil)

        var handle: Handle? {
            get { goal.withLock { $0 } }
            set { goal.withLock { $0 = newValue } }
        }
    }
}
