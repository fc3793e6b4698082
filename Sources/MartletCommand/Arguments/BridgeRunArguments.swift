import ArgumentParser
import Martlet
import MartletConsole
import MartletSettings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The options that say how a bridge or a relay is run, and what is shown of it.
struct BridgeRunArguments: ParsableArguments, Sendable {
    @Flag(help: "Say what it would do, and touch nothing.")
    var check = false
    @Option(help: ArgumentHelp("How long from one line about a route to the next.", valueName: "time"))
    var report: Duration = .seconds(10)
    @Flag(help: "Print lines of JSON, also on a terminal.")
    var json = false

    /// Runs a bridge until it is told to end.
    ///
    /// - Parameter file: where it is described; `nil`: on the command line.
    func run(
        _ settings: BridgeSettings,
        from file: String?,
        _ connection: ConnectionArguments,
        _ session: Session
    ) async throws {
        let ways: [PlannedWay]
        do {
            ways = try PlannedWay.list(for: settings, connection)
        } catch let error as SettingsError {
            throw error.failure(in: file)
        }
        let asJSON = json || !session.output.isForPeople
        if check {
            for way in ways { try session.output.writePlan(way, asJSON: asJSON) }
            let warnings = ways.reduce(0) { $0 + $1.plan.warnings.count }
            session.remark("ways: \(ways.count), warnings: \(warnings); nothing was connected to")
            return
        }
        let screen = BridgeScreen(
            session,
            ways,
            title: "\(settings.from.address) ⇄ \(settings.to.address)",
            asJSON: asJSON,
            isMute: settings.printsMessages,
            interval: report
        )
        // It has the files read anew, once it runs, and ends nothing before.
        if !session.output.stream.isInteractive { signal(SIGHUP, SIG_IGN) }
        try screen.begin()
        let run = BridgeRun(settings: settings, connection: connection, session: session, screen: screen)
        try await run()
    }
}
