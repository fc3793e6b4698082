import Logging
import Martlet
import MartletConsole
import MartletRelay
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Runs a bridge until it is told to end, and then lets it finish what it has in hand.
struct BridgeRun: Sendable {
    let settings: BridgeSettings
    let connection: ConnectionArguments
    let session: Session
    let screen: BridgeScreen

    /// The services, once the bridge is about to run.
    private final class Stage: Sendable {
        private let group = Mutex<ServiceGroup?>(nil)

        var services: ServiceGroup? {
            get { group.withLock { $0 } }
            set { group.withLock { $0 = newValue } }
        }
    }

    /// - Throws: ``Failure``; `CancellationError`, also if it is told to end before the bridge runs.
    func callAsFunction() async throws {
        let stage = Stage()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await connect(stage)
                return true
            }
            group.addTask {
                try await session.interruption.wait()
                // Until the bridge runs Ctrl-C simply ends this; from then on it ends the bridge.
                guard let services = stage.services else { throw CancellationError() }
                screen.enter(
                    "finishing; Ctrl-C again ends at once",
                    remark: "finishing what is in hand; Ctrl-C again ends at once"
                )
                await services.triggerGracefulShutdown()
                return false
            }
            defer { group.cancelAll() }
            while try await group.next() == false {}
        }
    }

    private func connect(_ stage: Stage) async throws {
        try await withEnd(settings.from, .from) { from in
            if settings.endsAreOne { return try await run(from, from, stage) }
            // What comes by the one thread goes by it: nothing is handed from one to another.
            try await withEnd(settings.to, .to, thread: from.taskExecutor) { to in try await run(from, to, stage) }
        }
    }

    private func withEnd(
        _ end: BridgeSettings.End,
        _ side: BridgeSide,
        thread: (any TaskExecutor)? = nil,
        _ body: (any Connection) async throws -> Void
    ) async throws {
        var options = settings.connection(end, side: side, connection)
        options.thread = thread
        if !connection.verbose { options.logger = Logger(label: "martlet") { _ in BridgeLog(screen) } }
        switch end.address {
        case .broker(let address):
            try await session.withConnection(to: address, connection, made: options, tell: screen.note, body)
        case .sink(let address):
            try await session.use(opened { try await address.open(options) }, "\(address)", tell: screen.note, body)
        case .source(let address):
            try await session.use(opened { try address.open(options) }, "\(address)", tell: screen.note, body)
        }
    }

    private func opened(_ open: () async throws -> any Connection) async throws -> any Connection {
        do {
            return try await open()
        } catch let error as MessagingError {
            throw Failure(error, about: "an end of the bridge")
        }
    }

    private func run(_ from: any Connection, _ to: any Connection, _ stage: Stage) async throws {
        let bridge = Bridge(from: from, to: to, name: settings.bridgeName, options: settings.options) {
            settings.routes.map(\.route)
        }
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: bridge, successTerminationBehavior: .ignore)],
                logger: connection.connectionOptions.logger
            )
        )
        let status = try await openStatus(of: bridge)
        stage.services = services
        do {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    // What a file can have done to messages is short.
                    try await withTaskExecutorPreference(from.taskExecutor) { try await services.run() }
                    return true
                }
                group.addTask {
                    try? await bridge.waitUntilReady(within: .seconds(3_155_760_000))
                    try Task.checkCancellation()
                    guard session.interruption.exit == nil else { return false }
                    screen.enter(
                        "bridging",
                        remark: "bridging \(settings.from.address) and \(settings.to.address); Ctrl-C ends"
                    )
                    return false
                }
                if !session.output.stream.isInteractive {
                    // Whoever moves a log file away, or has a new certificate, says so by this. Such a file is made anew with
                    // the next message, whether he does or not.
                    let hangUps = await UnixSignalsSequence(trapping: .sighup)
                    group.addTask {
                        for await _ in hangUps { reload([from, to], status) }
                        return false
                    }
                }
                if let report = settings.report, let interval = report.interval {
                    group.addTask {
                        while true {
                            try await Task.sleep(for: interval)
                            let message = report.message(of: bridge.reports, at: WallClock.nanoseconds)
                            // The next one says it, too.
                            try? await to.publish(message, to: report.topic)
                        }
                    }
                }
                group.addTask {
                    while true {
                        try screen.refresh(bridge.reports, at: .now)
                        try await Task.sleep(for: .milliseconds(250))
                    }
                }
                defer { group.cancelAll() }
                while try await group.next() == false {}
            }
        } catch {
            await status?.close()
            try? screen.finish(bridge.reports, at: .now)
            throw (error as? MessagingError).map { Failure($0, about: "the bridge") } ?? error
        }
        await status?.close()
        try screen.finish(bridge.reports, at: .now)
    }

    /// Lets others ask for the figures, where the file says so.
    private func openStatus(of bridge: Bridge) async throws -> StatusServer? {
        guard let options = settings.report?.server else { return nil }
        do {
            return try await StatusServer.open(options, of: bridge)
        } catch let error as MessagingError {
            throw Failure(error, about: "the server of the figures")
        }
    }

    /// Has the ends read their files anew. What is wrong is said, and what was so before goes on.
    private func reload(_ ends: [any Connection], _ status: StatusServer?) {
        func attempt(_ reload: () throws -> Void) {
            do {
                try reload()
            } catch {
                screen.note("martlet: \(error)")
            }
        }
        for end in ends { attempt { try (end as? any OneWayConnection)?.reload() } }
        attempt { try status?.reload() }
    }
}
