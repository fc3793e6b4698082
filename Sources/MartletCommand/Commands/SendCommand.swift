import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole

/// `martlet send`
struct SendCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send messages to a queue: each goes to one consumer.",
        usage: "martlet send [<url>] <queue> [<payload>] [<options>]",
        discussion: """
            Where the broker keeps queues, a message waits for its consumer. MQTT keeps none: somebody has to be there.

            EXAMPLES:
              martlet send amqp://localhost jobs '{"image": "boat.png"}'
              martlet send redis://localhost jobs < jobs.jsonl
            """
    )

    @Argument(help: "The broker, such as amqp://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "Which queue, such as jobs.")
    var queue: String?
    @Argument(help: "JSON, @FILE, @- (all of standard input) or - (each line of it, as if left out).")
    var payload: String?

    @OptionGroup var sending: SendingArguments
    @OptionGroup var connection: ConnectionArguments

    private func words() throws -> Words {
        try Words([url, queue, payload], required: ["queue"], optional: ["payload"])
    }

    func validate() throws { _ = try words() }

    func perform(in session: Session) async throws {
        let words = try words()
        let queue = words.address.queue(words[0])
        try await session.withConnection(to: words.address, connection) { broker in
            try await sending.send(words.rest[1], to: queue.text, in: session) { message in
                try await broker.beginSending(message, to: queue, options: SendOptions())
            }
        }
    }
}
