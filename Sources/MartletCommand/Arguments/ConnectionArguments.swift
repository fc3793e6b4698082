import ArgumentParser
import Logging
import Martlet

/// The options of every command that connects to a broker.
struct ConnectionArguments: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "How long to wait for a broker that does not answer when it is connected to, such as 10s or 500ms.",
            valueName: "time"
        )
    )
    var connectTimeout: Duration = .seconds(10)

    @Option(help: ArgumentHelp("What the connection is called at the broker.", valueName: "name"))
    var name: String?

    @Flag(name: .shortAndLong, help: "Say more on standard error: what the command and its connection do.")
    var verbose = false

    /// What the connection is made with.
    var connectionOptions: ConnectionOptions {
        let level: Logger.Level = verbose ? .debug : .critical
        let logger = Logger(label: "martlet") { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        return ConnectionOptions(name: name, logger: logger)
    }
}
