import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole
import Synchronization

/// `martlet receive`
struct ReceiveCommand: Subcommand {
    /// What becomes of a message that was printed.
    enum Treatment: String, EnumerableFlag {
        case ack, requeue, reject

        static func help(for value: Treatment) -> ArgumentHelp? {
            switch value {
            case .ack: "Take each message off the queue once it is printed."
            case .requeue: "Give all of them back at the end: only look at what is there."
            case .reject: "Refuse each message: it becomes a dead letter, where the queue keeps those."
            }
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Take messages from a queue and print them.",
        usage: "martlet receive [<url>] <queue> [<options>]",
        discussion: """
            Each message is printed as subscribe prints them. With --requeue at most 1000 are held at a time.

            EXAMPLES:
              martlet receive amqp://localhost jobs --count 1
              martlet receive redis://localhost jobs --requeue --count 10 --timeout 2s
            """
    )

    @Argument(help: "The broker, such as amqp://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "Which queue, such as jobs.")
    var queue: String?

    @Flag var settlement: Treatment = .ack
    @Option(name: .shortAndLong, help: ArgumentHelp("End after so many messages.", valueName: "n"))
    var count: Int?
    @Option(
        help: ArgumentHelp("End after so long. With --count that is too early: exit code 124.", valueName: "time")
    )
    var timeout: Duration?
    @Flag(help: "Print bodies alone, as they are, each with a line end.")
    var raw = false
    @OptionGroup var connection: ConnectionArguments

    private static let mostHeld = 1_000

    var isEndless: Bool { count == nil }

    private func words() throws -> Words { try Words([url, queue], required: ["queue"]) }

    func validate() throws {
        _ = try words()
        guard let count else { return }
        guard count >= 1 else { throw ValidationError("--count is \(count); it must be at least 1.") }
        guard settlement != .requeue || count <= Self.mostHeld else {
            throw ValidationError("--count is \(count); with --requeue it can be at most \(Self.mostHeld).")
        }
    }

    func perform(in session: Session) async throws {
        let words = try words()
        let queue = words.address.queue(words[0])
        let settlement = settlement
        let raw = raw
        let held = Held()
        defer { withExtendedLifetime(held) {} }
        let limit = settlement == .requeue ? min(count ?? Self.mostHeld, Self.mostHeld) : count
        // Of those that are taken no more are fetched than are wanted: the others are for others.
        let options = ConsumeOptions(prefetch: min(limit ?? 16, settlement == .requeue ? Self.mostHeld : 16))
        try await session.withConnection(to: words.address, connection) { broker in
            do {
                let subscription = try await broker.consume(from: queue, options: options)
                session.remark("taking from \(queue) on \(words.address); Ctrl-C ends")
                let wanted = DeliveryLimit(count: limit, timeout: timeout, isRequired: count != nil)
                try await wanted.forEach(of: subscription) { delivery in
                    if settlement == .requeue { held.add(delivery) }
                    if raw {
                        try session.output.write(delivery.message.body + [UInt8(ascii: "\n")])
                    } else {
                        try session.output.write(delivery)
                    }
                    switch settlement {
                    case .ack: try delivery.ack()
                    case .reject: try delivery.nack(requeue: false)
                    case .requeue: break
                    }
                }
            } catch let error as MessagingError {
                throw Failure(error, about: queue.text)
            }
        }
    }

    /// What is given back by the connection's end, all together: so it keeps its order, which one by one it would not on
    /// every broker.
    private final class Held: Sendable {
        private let deliveries = Mutex<[Delivery]>([])

        func add(_ delivery: Delivery) { deliveries.withLock { $0.append(delivery) } }
    }
}
