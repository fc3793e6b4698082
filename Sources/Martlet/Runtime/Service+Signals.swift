import Logging
public import ServiceLifecycle
public import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Service {
    /// Runs the service until it ends, or a signal ends it: the whole of a program's main function.
    ///
    /// ```swift
    /// try await node.runUntilSignal()
    /// ```
    ///
    /// The first signal begins a graceful shutdown: no new work is taken, work in hand is finished, a node says that it is
    /// offline. Then this returns, so that a program which has nothing else to do ends with the exit code 0. A second signal
    /// ends the process where it is, with the code that a shell gives it: 128 and the signal's number.
    ///
    /// From the call on the process does not die by these signals of itself, also when it has returned.
    ///
    /// - Parameter signals: which; by default SIGTERM, which service managers send, and SIGINT, which is control-C.
    /// - Throws: what the service throws; `CancellationError` if the task is cancelled.
    public func runUntilSignal(_ signals: [UnixSignal] = [.sigterm, .sigint]) async throws {
        let caught = await UnixSignalsSequence(trapping: signals)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: self, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: Logger(label: "martlet")
            )
        )
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await group.run()
                return true
            }
            tasks.addTask {
                var isFirst = true
                for await signal in caught {
                    if !isFirst { _exit(128 + signal.rawValue) }
                    isFirst = false
                    await group.triggerGracefulShutdown()
                }
                return false
            }
            while let hasEnded = try await tasks.next(), !hasEnded {}
            tasks.cancelAll()
        }
    }
}
