import ArgumentParser
import Martlet
import MartletConsole

/// The options of what sends messages that nobody answers.
struct SendingArguments: ParsableArguments, Sendable {
    @Option(name: .shortAndLong, help: ArgumentHelp("Send each message so many times.", valueName: "n"))
    var count = 1

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("How many messages a second; as fast as it goes if left out.", valueName: "number")
    )
    var rate: Double?

    @Flag(help: "Send any bytes: what is given need not be JSON.")
    var raw = false

    @Option(help: ArgumentHelp("A header to send along; may be repeated.", valueName: "name=value"))
    var header: [HeaderArgument] = []

    @Option(help: ArgumentHelp("How long the broker may take to confirm a message.", valueName: "time"))
    var timeout: Duration = .seconds(10)

    func validate() throws {
        guard count >= 1 else { throw ValidationError("--count is \(count); it must be at least 1.") }
        guard rate.map({ $0 > 0 && $0.isFinite }) ?? true else {
            throw ValidationError("--rate must be positive.")
        }
    }

    /// So many messages may be under way that the broker has not confirmed.
    private static let window = 64

    /// Sends every payload as often as was asked for, and waits until the broker has confirmed each, where it does. On a
    /// terminal a bar shows how far many of them have come.
    ///
    /// - Parameter begin: sends a message, and returns what to wait for.
    func send(
        _ payload: String?,
        to name: String,
        in session: Session,
        _ begin: @escaping @Sendable (Message) async throws -> Confirmation
    ) async throws {
        // Neither ever holds more than the window.
        let (begun, beginning) = AsyncStream<Confirmation>.makeStream(bufferingPolicy: .bufferingOldest(Self.window))
        let (places, giving) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(Self.window))
        for _ in 0..<Self.window { giving.yield() }
        try await withThrowingTaskGroup(of: (any Error)?.self) { group in
            group.addTask {
                defer { beginning.finish() }
                do {
                    try await sendAll(payload, to: name, in: session, places) { message in
                        beginning.yield(try await begin(message))
                    }
                    return nil
                } catch let error as Failure {
                    // What was sent before that is waited for.
                    return error
                }
            }
            group.addTask {
                var progress = ProgressLine(name, on: session, total: count)
                defer { progress.end() }
                var confirmed = 0
                for await confirmation in begun {
                    try await inTime(name) { try await confirmation.wait() }
                    giving.yield()
                    progress.advance(to: confirmed % count + 1)
                    confirmed += 1
                }
                return nil
            }
            var failure: (any Error)?
            while let next = try await group.next() { failure = failure ?? next }
            if let failure { throw failure }
        }
    }

    private func sendAll(
        _ payload: String?,
        to name: String,
        in session: Session,
        _ places: AsyncStream<Void>,
        _ send: @escaping @Sendable (Message) async throws -> Void
    ) async throws {
        var pace = Pace(rate)
        try await PayloadSource(payload ?? "-").forEach(raw: raw, in: session) { body in
            let message = Message(body, headers: header.headers)
            for _ in 0..<count {
                try await pace.wait()
                _ = await places.first { _ in true }
                try await inTime(name) { try await send(message) }
            }
        }
    }

    /// Gives the broker so long for a message as the arguments say.
    ///
    /// - Throws: ``Failure``; `CancellationError`.
    private func inTime(_ name: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
        do {
            try await withTimeLimit(timeout, body)
        } catch is TimeIsOver {
            throw Failure(
                .timeIsOver,
                "the broker has not confirmed a message for \(name) within \(timeout.defaultValueDescription)",
                advice: "Give it more time with --timeout, or see whether the broker works."
            )
        } catch let error as MessagingError {
            throw Failure(error, about: name)
        }
    }
}
