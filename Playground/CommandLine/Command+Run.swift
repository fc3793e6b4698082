import MartletBrokers
import MartletConsole
import UnixSignals

extension Command {
    /// Does what was asked for.
    func run() async throws {
        switch self {
        case .help:
            print(Self.usage)
        case .list:
            Examples.printList()
        case .example(let name, let url):
            guard let example = Examples.named(name) else { return }
            try await endingOnSignal { try await Examples.run(example, on: url) }
        case .fleet(let url):
            try await Fleet(on: url).run(signals: UnixSignal.ending)
        }
    }

    static let usage = """
        Usage: Playground/run                          a fleet of nodes on this machine's telemetry, for ten seconds
               Playground/run list                     the names of the small programs, one a concept
               Playground/run NAME [--broker URL]      one of them
               Playground/run service NAME [...]       a service, as it would be installed; without a name, their names

          --broker URL   the broker to run on: \(BrokerAddress.known). By default memory:, the embedded one
          --help         show this

        Ctrl-C ends any of them, in order.
        """
}
