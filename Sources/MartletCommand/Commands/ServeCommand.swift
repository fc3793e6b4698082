import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole

/// `martlet serve`
struct ServeCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Answer calls of a remote procedure, by a command or by repeating them.",
        usage: "martlet serve [<url>] <name> (--exec <command> | --echo) [<options>]",
        discussion: """
            The command is run by /bin/sh for each call. It gets the request on standard input and answers by what it \
            prints, which has to be JSON unless --raw is given. If it ends with another code than 0 the caller gets an \
            error. It is stopped, with all that it has started, when its caller waits no longer, and on Linux when \
            martlet itself is killed. It gets no password of the broker: MARTLET_URL is not handed on if it holds one. Of \
            what it says on standard error 64 KiB a call are passed on.

            Each call is one JSON object on a line: name, request, response or error, milliseconds, time.

            EXAMPLES:
              martlet serve mqtt://localhost ops.length --exec 'jq length'
              martlet serve mqtt://localhost ops.echo --echo
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "What to answer, such as ops.length.")
    var name: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("What answers each call.", valueName: "command"))
    var exec: String?
    @Flag(help: "Answer each call with its request.")
    var echo = false
    @Option(help: ArgumentHelp("How long the command may take for a call.", valueName: "time"))
    var timeout: Duration?
    @Option(help: ArgumentHelp("How many calls to work on at a time.", valueName: "n"))
    var concurrency = 8
    @Flag(help: "Answer with any bytes: what the command prints need not be JSON.")
    var raw = false
    @OptionGroup var connection: ConnectionArguments

    var isEndless: Bool { true }

    private func words() throws -> Words { try Words([url, name], required: ["name"]) }

    func validate() throws {
        _ = try words()
        guard (exec != nil) != echo else { throw ValidationError("Say who answers: either --exec or --echo.") }
        guard concurrency >= 1 else { throw ValidationError("--concurrency is \(concurrency); it must be at least 1.") }
    }

    func perform(in session: Session) async throws {
        let words = try words()
        let name = words.address.queue(words[0])
        let secrets = Secrets.variables(of: ProcessEnvironment.variables, words.address)
        let runner = exec.map { CommandRunner(command: $0, timeout: timeout, raw: raw, withheld: secrets) }
        try await session.withConnection(to: words.address, connection) { broker in
            do {
                try await broker.respond(
                    to: name,
                    options: RespondOptions(concurrency: concurrency),
                    onReady: { session.remark("answering \(name) on \(words.address); Ctrl-C ends") },
                    handler: { request in
                        let start = ContinuousClock.now
                        do {
                            let response = try await runner?.response(to: request.body) ?? request.body
                            report(name, request, .success(response), since: start, in: session)
                            return Message(response)
                        } catch {
                            report(name, request, .failure(error), since: start, in: session)
                            throw error
                        }
                    }
                )
            } catch let error as MessagingError {
                throw Failure(error, about: name.text)
            }
        }
    }

    private func report(
        _ name: QueueName,
        _ request: Message,
        _ result: Result<[UInt8], any Error>,
        since start: ContinuousClock.Instant,
        in session: Session
    ) {
        let milliseconds = (ContinuousClock.now - start).seconds * 1_000
        // Who is no longer read must answer all the same.
        try? session.output.writeCall(name, request.body, result, milliseconds: milliseconds)
    }
}
