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

    /// Sends every payload as often as was asked for. On a terminal a bar shows how far many of them have come.
    func send(
        _ payload: String?,
        to name: String,
        in session: Session,
        _ send: @escaping @Sendable (Message) async throws -> Void
    ) async throws {
        var pace = Pace(rate)
        var progress = ProgressLine(name, on: session, total: count)
        defer { progress.end() }
        try await PayloadSource(payload ?? "-").forEach(raw: raw, in: session) { body in
            let message = Message(body, headers: header.headers)
            for index in 0..<count {
                try await pace.wait()
                do {
                    try await withTimeLimit(timeout) { try await send(message) }
                } catch is TimeIsOver {
                    throw Failure(
                        .timeIsOver,
                        "the broker has not confirmed a message for \(name) within \(timeout.defaultValueDescription)",
                        advice: "Give it more time with --timeout, or see whether the broker works."
                    )
                } catch let error as MessagingError {
                    throw Failure(error, about: name)
                }
                progress.advance(to: index + 1)
            }
        }
    }
}
