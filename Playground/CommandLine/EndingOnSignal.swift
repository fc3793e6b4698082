import Logging
import ServiceLifecycle
import UnixSignals

/// Runs a program that Ctrl-C (SIGINT) or SIGTERM ends: its task is then cancelled, and that counts as success.
func endingOnSignal(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
            services: [.init(service: Program(body: body), successTerminationBehavior: .gracefullyShutdownGroup)],
            gracefulShutdownSignals: UnixSignal.ending,
            logger: .playground
        )
    )
    try await group.run()
}

private struct Program: Service {
    let body: @Sendable () async throws -> Void

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown(body)
        } catch {
            if !Task.isShuttingDownGracefully { throw error }
        }
    }
}

extension UnixSignal {
    /// What ends the program in order: Ctrl-C, and what a service manager sends.
    static let ending: [UnixSignal] = [.sigint, .sigterm]
}
