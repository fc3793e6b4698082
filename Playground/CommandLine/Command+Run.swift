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
        case .example(let name, let url, let database):
            guard let example = Examples.named(name) else { return }
            try await endingOnSignal { try await Examples.run(example, on: url, database: database) }
        case .fleet(let url):
            try await Fleet(on: url).run(signals: UnixSignal.ending)
        }
    }

    static let usage = """
        Usage: Playground/run                          a fleet of nodes on this machine's telemetry, for ten seconds
               Playground/run list                     the names of the small programs, one a concept
               Playground/run NAME [OPTIONS]           one of them
               Playground/run service NAME [...]       a service, as it would be installed; without a name, their names

          --broker URL     the broker to run on: \(BrokerAddress.known). By default memory:, the embedded one
          --database URL   the database, for those that have one: \(DatabaseAddress.known).
                           By default memory:, one of SQLite's. A server's tables are called playground_…, and stay
          --help           show this

        Ctrl-C ends any of them, in order.
        """
}
