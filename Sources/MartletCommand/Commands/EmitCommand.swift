import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole

/// `martlet emit`
struct EmitCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "emit",
        abstract: "Tell an event: something that happened, and where.",
        usage: "martlet emit [<url>] <name> [<payload>] [<options>]",
        discussion: """
            EXAMPLE:
              martlet emit mqtt://localhost events.door '{"open": true}' --event Opened
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "The topic that the event is told on, such as events.door.")
    var name: String?
    @Argument(help: "What belongs to it: JSON, @FILE, @- or - (an event for each line of standard input).")
    var payload: String?

    @Option(help: ArgumentHelp("What happened; the last part of the name if left out.", valueName: "name"))
    var event: String?
    @Option(help: ArgumentHelp("What that means, for people.", valueName: "text"))
    var description = ""
    @Option(help: ArgumentHelp("How long the broker may take for an event.", valueName: "time"))
    var timeout: Duration = .seconds(10)
    @OptionGroup var connection: ConnectionArguments

    private func words() throws -> Words {
        try Words([url, name, payload], required: ["name"], optional: ["payload"])
    }

    func validate() throws { _ = try words() }

    func perform(in session: Session) async throws {
        let words = try words()
        let uri = words.address.topic(words[0])
        let event = event ?? uri.segments.last ?? uri.text
        let description = description
        try await session.withConnection(to: words.address, connection) { broker in
            let emitter = EventEmitter(on: broker, options: PublishOptions(guarantee: .best(of: broker)))
            try await PayloadSource(words.rest[1] ?? "{}").forEach(raw: false, in: session) { body in
                let payload = try JSON(parsing: body)
                do {
                    try await withTimeLimit(timeout) {
                        _ = try await emitter.emit(event, at: uri, description: description, payload: payload)
                    }
                } catch let error as MessagingError {
                    throw Failure(error, about: uri.text)
                }
            }
        }
    }
}
