import ArgumentParser
import Martlet

/// `martlet relay`
struct RelayCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "relay",
        abstract: "Pass messages on to Carbon, Slack, the web, a file or the console, or from there, as a file says.",
        usage: "martlet relay <file> [<options>]",
        discussion: """
            The file is YAML. The short form has two sections, where from and where to:

              mqtt: {host: localhost, topic: mulay}      # or amqp: {url: amqp://localhost, queue: mulay}
              carbon: {host: graphite.home, port: 2003}  # or console: {}, or file: {path: /var/log/metrics}

            Slack is either of them: slack: {token-file: token, channel: metrics}. Without a port Carbon's is 2023 there.

            Each message holds lines of Carbon's, 'name value time'. The long form is a bridge's file, whose end 'to' may be \
            one of those sections, and whose routes may make lines of JSON; the documentation's article on bridges has a \
            table of all keys.

            --check tells what each route would do, and what it guarantees. What is shown is that of martlet bridge, unless \
            the messages themselves are printed.

            EXAMPLES:
              martlet relay metrics.yml --check
              martlet relay metrics.yml | jq -c '[.route, .forwarded, .dead]'
            """
    )

    @Argument(help: "The file that says all of it.", completion: .file())
    var file: String

    @OptionGroup var running: BridgeRunArguments
    @OptionGroup var connection: ConnectionArguments

    var isEndless: Bool { true }
    var endsByItself: Bool { true }

    func perform(in session: Session) async throws {
        var settings = try BridgeSettings(file: file)
        settings.name = connection.name ?? settings.name
        try await running.run(settings, from: file, connection, session)
    }
}
