import Martlet
import MartletSettings
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Tells systemd again and again that the service is alive, as `WatchdogSec=` in its unit demands; otherwise systemd ends it.
///
/// Alive is a service whose tasks run, whose connection's loop answers, and none of whose components has failed. Whether its
/// broker is there does not count: a new process would not find it sooner.
final class Watchdog: Sendable {
    /// Asks a part of the service whether it is well. It may take for ever.
    typealias Probe = @Sendable () async -> Bool

    /// How often systemd is told: twice as often as it demands.
    let interval: Duration
    private let probe = Mutex<Probe?>(nil)

    /// - Returns: `nil` if systemd does not watch this process.
    init?(_ environment: SettingsEnvironment) {
        guard let text = environment.variables["WATCHDOG_USEC"], let limit = Int64(text), limit > 0 else { return nil }
        if let process = environment.variables["WATCHDOG_PID"], process != "\(getpid())" { return nil }
        interval = .microseconds(limit) / 2
    }

    /// Has a part of the service asked from now on; `nil`: none.
    func ask(_ new: Probe?) {
        probe.withLock { $0 = new }
    }

    /// Tells systemd until cancelled.
    func run(_ report: SystemdReport) async throws {
        while true {
            if await probe.withLock({ $0 })?() ?? true { await report.alive() }
            try await Task.sleep(for: interval)
        }
    }
}

extension Connection {
    /// Returns when the connection's loop has had a turn.
    func answer() {}
}
