import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole

/// `martlet demo`
struct DemoCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a node with something of everything, to try the other commands on.",
        usage: "martlet demo [<url>] [<options>]",
        discussion: """
            It answers demo.add ({"a": 1, "b": 2} gives {"c": 3}), performs the action demo.count ({"target": 5, \
            "period": 200} counts to 5, a step each 200 ms, with feedback), and publishes the time on demo.clock each \
            second. On memory:, where no other process can come, it tries all of them itself, and ends.

            EXAMPLE:
              martlet demo mqtt://localhost
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?

    @Option(help: ArgumentHelp("End after so long.", valueName: "time"))
    var timeout: Duration?
    @OptionGroup var connection: ConnectionArguments

    var isEndless: Bool { true }

    private func words() throws -> Words { try Words([url], required: [], worksAlone: true) }

    func validate() throws { _ = try words() }

    func perform(in session: Session) async throws {
        let words = try words()
        try await session.withConnection(to: words.address, connection) { broker in
            let node = DemoNode(output: session.output).node(on: broker)
            do {
                try await withTimeLimit(timeout) {
                    try await node.whileRunning {
                        if case .embedded = words.address {
                            try await DemoTour(output: session.output).run(on: broker)
                        } else {
                            suggest(words.address, in: session)
                            // Until it is cancelled.
                            try await Promise<Void>().value()
                        }
                    }
                }
            } catch is TimeIsOver {
            } catch let error as MessagingError {
                throw Failure(error, about: "demo")
            }
        }
    }

    private func suggest(_ address: BrokerAddress, in session: Session) {
        session.remark(
            """
            the node 'demo' is there; Ctrl-C ends. In another terminal, try:
              martlet call \(address) demo.add '{"a": 20, "b": 22}'
              martlet goal \(address) demo.count '{"target": 5, "period": 200}'
              martlet subscribe \(address) demo.clock
              martlet nodes \(address)
            """
        )
    }
}
