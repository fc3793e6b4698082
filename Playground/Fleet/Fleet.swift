import Logging
import Martlet
import MartletBrokers
import MartletConsole
import ServiceLifecycle
import UnixSignals

/// Four nodes on this machine's own telemetry: one publishes, one shows, one remembers and answers, one asks.
///
/// It ends by itself, or when a signal says so, and then says what came of it.
struct Fleet: Sendable {
    let tally = FleetTally()
    private let url: BrokerAddress
    private let terminal: Terminal
    private let duration: Duration
    private let speed: Double

    /// - Parameters:
    ///   - duration: when it ends by itself.
    ///   - speed: how much faster than usual time passes: for tests, which have less of it.
    init(
        on url: BrokerAddress,
        terminal: Terminal = .standardOutput,
        duration: Duration = .seconds(10),
        speed: Double = 1
    ) {
        self.url = url
        self.terminal = terminal
        self.duration = duration
        self.speed = speed
    }

    /// From one sample of a series to the next.
    var interval: Duration { .seconds(0.1 / speed) }

    var options: NodeOptions { NodeOptions(heartbeat: .every(.seconds(1 / speed)), drainLimit: .seconds(2)) }

    /// Runs the nodes until the time is over, or one of the signals comes, and prints the summary.
    @discardableResult
    func run(signals: [UnixSignal]) async throws -> FleetSummary {
        let start = ContinuousClock.now
        try await withLiveDisplay(on: terminal) { display in
            display.note("Four nodes on this machine's telemetry, for \(duration). Ctrl-C ends it sooner.")
            let logger = Logger(label: "fleet") { _ in NoteLogHandler(display) }
            try await withBroker(at: url, logger: logger) { broker in
                try await run(on: broker, display: display, signals: signals, logger: logger)
            }
        }
        let summary = FleetSummary(figures: tally.figures, nodes: 4, elapsed: ContinuousClock.now - start)
        for line in summary.lines { terminal.write(line + "\n") }
        return summary
    }

    /// The nodes are shut down in the reverse of this order, each when the one before has ended: nobody publishes any
    /// more when the subscribers take their last messages.
    private func run(on broker: Broker, display: LiveDisplay, signals: [UnixSignal], logger: Logger) async throws {
        let screen = screen(on: try await broker.connect(name: "screen"), display: display)
        let archive = archive(on: try await broker.connect(name: "archive"))
        let machine = machine(on: try await broker.connect(name: "machine"))
        let operating = operating(on: try await broker.connect(name: "operator"), display: display)
        let services: [any Service] = [
            screen, archive, FollowingNode(machine, after: [screen, archive]),
            FollowingNode(operating, after: [archive]),
        ]
        let limit = ServiceGroupConfiguration.ServiceConfiguration(
            service: TimeLimit(duration: duration),
            successTerminationBehavior: .gracefullyShutdownGroup
        )
        try await ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0, successTerminationBehavior: .ignore) } + [limit],
                gracefulShutdownSignals: signals,
                logger: logger
            )
        ).run()
    }

    private func operating(on connection: any Connection, display: LiveDisplay) -> Node {
        let work = FleetOperator(connection: connection, display: display, tally: tally, speed: speed)
        return Node("operator", on: connection, options: options) {
            Execute("script", restart: .never) { try await work.work() }
        }
    }
}
