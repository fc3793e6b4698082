import ArgumentParser
import Martlet
import MartletSettings

/// `martlet bridge`
struct BridgeCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "bridge",
        abstract: "Pass messages, calls and actions from one broker to another, or messages to a sink.",
        usage: """
            martlet bridge [<url>] <url> [<options>]
            martlet bridge --config <file> [<options>]
            """,
        discussion: """
            The options pass things on as they are; a file of YAML, which the documentation's article on bridges \
            explains, also says how fast, how surely, and what is kept on disk while a broker is away. --check tells what \
            each route would do, and what it guarantees.

            On a terminal a table that is refreshed in place. Elsewhere lines of JSON: what each route will do (its \
            state is 'planned'), how it stands every --report ('running'), and how it stood at the end ('ended'). \
            A broker that can't be reached is waited for; --connect-timeout is how long one attempt may take. Ctrl-C and \
            SIGTERM let it finish what it has in hand; a second one ends it at once. --name names the bridge \
            and, with '-from' and '-to', its connections; without it the bridge's name is made of the two URLs, and \
            the connections' are new each time. Two bridges between the same brokers, of which one passes back what the \
            other has brought, need names.

            In place of the second broker may stand what only takes messages: carbon://host, file:/path, console:, \
            slack:#channel or https://host/hook; in place of the first what only gives some: sse+https://host/events or \
            slack:#channel. The token for Slack is in the environment, as SLACK_TOKEN. See martlet relay.

            EXAMPLES:
              martlet bridge mqtt://edge amqp://cloud --topic 'sensors.#' \\
                --prefix site.berlin --rpc ops.start --action arm.move
              martlet bridge --config bridge.yml --check
              martlet bridge --config bridge.yml | jq -c '[.route, .forwarded]'
            """
    )

    @Argument(help: "The first broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "The second broker.")
    var other: String?

    @OptionGroup var routes: BridgeArguments
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The file that says all of it.", valueName: "file"),
        completion: .file()
    )
    var config: String?
    @OptionGroup var running: BridgeRunArguments
    @OptionGroup var connection: ConnectionArguments

    var isEndless: Bool { true }
    var endsByItself: Bool { true }

    func validate() throws {
        if config != nil {
            guard url == nil else {
                throw ValidationError("With --config the file names the brokers: leave the URLs out.")
            }
            try routes.validateForFile()
        } else {
            _ = try routes.settings([url, other], name: connection.name)
        }
    }

    private func settings() throws -> BridgeSettings {
        guard let config else { return try routes.settings([url, other], name: connection.name) }
        var settings = try BridgeSettings(file: config)
        settings.name = connection.name ?? settings.name
        return settings
    }

    func perform(in session: Session) async throws {
        try await running.run(settings(), from: config, connection, session)
    }
}
