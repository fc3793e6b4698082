import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole

/// `martlet nodes`
struct NodesCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes",
        abstract: "Show which nodes live, by their heartbeats.",
        usage: "martlet nodes [<url>] [<options>]",
        discussion: """
            On a terminal a table that is refreshed in place. Elsewhere one JSON object on a line for each change: a \
            node is 'up' at its first heartbeat, 'lost' when it has been silent for three of its intervals (30 s as \
            long as only one heartbeat was heard), and 'up' again.

            EXAMPLES:
              martlet nodes mqtt://localhost
              martlet nodes mqtt://localhost --timeout 15s | jq -r .node
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?

    @Option(help: ArgumentHelp("Where the heartbeats are.", valueName: "filter"))
    var filter = "*.heartbeat"
    @Option(help: ArgumentHelp("End after so long.", valueName: "time"))
    var timeout: Duration?
    @OptionGroup var connection: ConnectionArguments

    var isEndless: Bool { true }

    private func words() throws -> Words { try Words([url], required: []) }

    func validate() throws { _ = try words() }

    func perform(in session: Session) async throws {
        let words = try words()
        try await session.withConnection(to: words.address, connection) { broker in
            let beats: Subscription
            do {
                beats = try await broker.subscribe(
                    to: words.address.pattern(filter),
                    options: .passing(limit: NodeRoll.capacity, overflow: .conflate)
                )
            } catch let error as MessagingError {
                throw Failure(error, about: filter)
            }
            let screen = NodeScreen(session.output, address: words.address)
            defer { screen.finish() }
            do {
                try await withTimeLimit(timeout) {
                    try await withThrowingTaskGroup { group in
                        group.addTask {
                            for try await beat in beats { try screen.heard(beat.topic, at: .now) }
                        }
                        group.addTask {
                            while true {
                                try screen.refresh(at: .now)
                                try await Task.sleep(for: .milliseconds(250))
                            }
                        }
                        defer { group.cancelAll() }
                        try await group.next()
                    }
                }
            } catch is TimeIsOver {}
        }
    }
}
