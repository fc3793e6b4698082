import Logging
import Martlet
import MartletSettings
import ServiceLifecycle
import UnixSignals

/// A service in a process of its own: runs it, tells systemd how it is, and runs it anew with new settings after SIGHUP.
struct ServiceHost<Program: ServiceProgram>: Service {
    typealias Plan = ServicePlan<Program.Settings>

    private struct Current: Sendable {
        var number = 0
        var plan: Plan
    }

    /// Reads the settings, the first time and at each SIGHUP.
    let settings: @Sendable () throws -> Plan
    let environment: SettingsEnvironment
    /// Whether SIGHUP asks for that. In a terminal it says that the terminal is gone.
    let rereadsAtHangUp: Bool

    func run() async throws {
        let first = try settings()
        let report = SystemdReport(NotifySocket(environment), first.logger)
        guard first.isEnabled else {
            first.logger.notice("the settings say 'enabled = false': the service does not run")
            return await report.idle("the settings say 'enabled = false'")
        }
        let current = Watched(Current(plan: first))
        let watchdog = Watchdog(environment)
        // From here on SIGHUP does not end the process.
        let hangUps = rereadsAtHangUp ? await UnixSignalsSequence(trapping: .sighup) : nil
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await runAgain(current, report, watchdog)
                } catch {
                    await report.stopping("\(error)", within: nil)
                    throw error
                }
                return true
            }
            group.addTask {
                try await gracefulShutdown()
                await report.stopping("ends", within: current.value.plan.node.drainLimit)
                return false
            }
            if let hangUps {
                group.addTask {
                    for await _ in hangUps { await reload(current, report) }
                    return false
                }
            }
            if let watchdog {
                group.addTask {
                    try await watchdog.run(report)
                    return false
                }
            }
            while let hasEnded = try await group.next(), !hasEnded {}
            group.cancelAll()
        }
    }

    /// Runs the service, and again whenever there are new settings.
    private func runAgain(_ current: Watched<Current>, _ report: SystemdReport, _ watchdog: Watchdog?) async throws {
        while true {
            let now = current.value
            guard now.plan.isEnabled else {
                now.plan.logger.notice("the settings say 'enabled = false': the service ends")
                return
            }
            let run = ServiceRun<Program>(plan: now.plan, report: report, watchdog: watchdog)
            try await perform(run, untilThereIsMoreThan: now.number, current)
            guard current.value.number != now.number, !Task.isShuttingDownGracefully else { return }
            await report.restarting()
            now.plan.logger.notice("the service runs with its new settings")
        }
    }

    private func reload(_ current: Watched<Current>, _ report: SystemdReport) async {
        let logger = current.value.plan.logger
        logger.notice("SIGHUP: the settings are read again")
        await report.reloading()
        do {
            let plan = try settings()
            current.update { $0 = Current(number: $0.number + 1, plan: plan) }
        } catch {
            logger.error("the new settings are wrong, the old ones hold", metadata: ["error": "\(error)"])
            await report.refused(error)
        }
    }

    /// Runs it until it has ended, or shuts it down once there are new settings.
    private func perform(
        _ run: ServiceRun<Program>,
        untilThereIsMoreThan number: Int,
        _ current: Watched<Current>
    ) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: run, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: run.plan.logger
            )
        )
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await group.run()
                return true
            }
            tasks.addTask {
                if try await current.wait(until: { $0.number > number }) { await group.triggerGracefulShutdown() }
                return false
            }
            while let hasEnded = try await tasks.next(), !hasEnded {}
            tasks.cancelAll()
        }
    }
}
