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
            With --stream it calls a procedure that answers with a stream, and prints each value on a line as it comes.

            If the call fails, the error's code and text are on standard error, and the exit code is 1, or 124 if no \
            answer came in time. With - as its payload it calls once for each line of standard input, one after the other, \
            and goes on after a failure.

            EXAMPLES:
              martlet call mqtt://localhost demo.add '{"a": 20, "b": 22}'
              martlet call mqtt://localhost demo.countdown '{"from": 3}' --stream
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "What to call, such as demo.add.")
    var name: String?
    @Argument(help: "The request: JSON, @FILE, @- (all of standard input) or - (each line of it); {} if left out.")
    var payload: String?

    @Flag(help: "The response is a stream: print each value as it comes.")
    var stream = false
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("How long to wait for the response; of a stream, for each value.", valueName: "time")
    )
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
                    if stream {
                        try await broker.forEachElement(of: name, request, timeout: timeout) { try write($0, session) }
                    } else {
                        try write(try await broker.call(name, request, timeout: timeout), session)
                    }
                } catch let error as MessagingError {
                    let failure = Failure(error, about: name.text)
                    session.complain(failure)
                    exit = exit ?? failure.exit
                }
            }
            if let exit { throw CommandEnd(exit: exit) }
        }
    }

    private func write(_ response: Message, _ session: Session) throws {
        try raw ? session.output.write(response.body) : session.output.write(body: response.body)
    }
}
