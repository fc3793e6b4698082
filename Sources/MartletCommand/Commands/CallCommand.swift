import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole

/// `martlet call`
struct CallCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Call a remote procedure and print its response.",
        usage: "martlet call [<url>] <name> [<payload>] [<options>]",
        discussion: """
            If the call fails, the error's code and text are on standard error, and the exit code is 1. With - as its \
            payload it calls once for each line of standard input, one after the other, and goes on after a failure.

            EXAMPLE:
              martlet call mqtt://localhost demo.add '{"a": 20, "b": 22}'
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "What to call, such as demo.add.")
    var name: String?
    @Argument(help: "The request: JSON, @FILE, @- (all of standard input) or - (each line of it); {} if left out.")
    var payload: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("How long to wait for the response.", valueName: "time"))
    var timeout: Duration = .seconds(10)
    @Flag(help: "Send any bytes, and print the response as it is.")
    var raw = false
    @Option(help: ArgumentHelp("A header to send along; may be repeated.", valueName: "name=value"))
    var header: [HeaderArgument] = []
    @OptionGroup var connection: ConnectionArguments

    private func words() throws -> Words {
        try Words([url, name, payload], required: ["name"], optional: ["payload"])
    }

    func validate() throws { _ = try words() }

    func perform(in session: Session) async throws {
        let words = try words()
        let name = words.address.queue(words[0])
        let source = PayloadSource(words.rest[1] ?? "{}")
        try await session.withConnection(to: words.address, connection) { broker in
            var exit: CommandExit?
            try await source.forEach(raw: raw, in: session) { body in
                do {
                    let request = Message(body, headers: header.headers)
                    let reply = try await broker.call(name, request, timeout: timeout)
                    try raw ? session.output.write(reply.body) : session.output.write(body: reply.body)
                } catch let error as MessagingError {
                    let failure = Failure(error, about: name.text)
                    session.complain(failure)
                    exit = exit ?? failure.exit
                }
            }
            if let exit { throw CommandEnd(exit: exit) }
        }
    }
}
