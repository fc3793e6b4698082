import ArgumentParser
import Martlet

/// `martlet bench`
struct BenchCommand: Subcommand {
    /// What is measured.
    enum Part: String, ExpressibleByArgument, CaseIterable, Sendable {
        case pubsub, queue, rpc
    }

    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure a broker: rates and latencies of publish/subscribe, a queue and RPC.",
        usage: "martlet bench [<url>] [<options>]",
        discussion: """
            Two connections of this process talk to each other through the broker, so that a latency is a whole way: \
            there, and for a call there and back. Each part is measured with one message in flight at a time, and with \
            as many as --in-flight says. Not more are ever under way, so that none is lost to a full buffer.

            EXAMPLES:
              martlet bench memory:
              martlet bench mqtt://localhost --messages 20000 --json | jq .microseconds.p99
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost or memory:; $MARTLET_URL if left out.")
    var url: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("How many messages, or calls, a part takes.", valueName: "n"))
    var messages = 10_000
    @Option(name: .shortAndLong, help: ArgumentHelp("How many bytes a message has.", valueName: "bytes"))
    var size = 64
    @Option(help: ArgumentHelp("How many are under way at a time, at most.", valueName: "n"))
    var inFlight = 64
    @Option(help: ArgumentHelp("Measure only this: pubsub, queue or rpc; may be repeated.", valueName: "part"))
    var only: [Part] = []
    @Option(help: ArgumentHelp("How long a part may take.", valueName: "time"))
    var timeout: Duration = .seconds(120)
    @Flag(help: "Print one JSON object for each part, also on a terminal.")
    var json = false
    @OptionGroup var connection: ConnectionArguments

    private func words() throws -> Words { try Words([url], required: [], worksAlone: true) }

    func validate() throws {
        _ = try words()
        guard messages >= 10 else { throw ValidationError("--messages is \(messages); it must be at least 10.") }
        guard size >= BenchStamp.size else {
            throw ValidationError("--size is \(size); it must be at least \(BenchStamp.size).")
        }
        guard (1...1_000).contains(inFlight) else {
            throw ValidationError("--in-flight is \(inFlight); it must be from 1 to 1000.")
        }
    }

    func perform(in session: Session) async throws {
        let words = try words()
        try await session.withConnection(to: words.address, connection) { near in
            try await session.withConnection(to: words.address, connection) { far in
                do {
                    // What a broker refuses never comes: that is not waited for.
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await measure(BenchRig(near: near, far: far, size: size), words, session) }
                        group.addTask { try await session.waitForRefusals(of: [near, far], "\(words.address)") }
                        defer { group.cancelAll() }
                        try await group.next()
                    }
                } catch let error as MessagingError {
                    throw Failure(error, about: "the bench's own procedure")
                }
            }
        }
    }

    private func measure(_ rig: BenchRig, _ words: Words, _ session: Session) async throws {
        let report = BenchReport(session.output, asJSON: json || !session.output.isForPeople, size: size)
        try report.begin(on: words.address, messages: messages)
        for part in Part.allCases where only.isEmpty || only.contains(part) {
            for inFlight in inFlight == 1 ? [1] : [1, inFlight] {
                // One at a time takes long, and a part of them tells as much.
                let count = inFlight == 1 ? max(10, messages / 4) : messages
                let name = BenchReport.name(part, inFlight)
                do {
                    let figures = try await withTimeLimit(timeout) {
                        var progress = ProgressLine(name, on: session, total: count)
                        defer { progress.end() }
                        return try await rig.measure(part, count, inFlight: inFlight) { progress.advance(to: $0) }
                    }
                    try report.add(part, figures)
                } catch is TimeIsOver {
                    throw Failure(
                        .timeIsOver,
                        "\(name): \(count) messages did not come within \(timeout.defaultValueDescription)",
                        advice: "Give it more time with --timeout, or fewer --messages; or some were lost."
                    )
                }
            }
        }
    }
}
