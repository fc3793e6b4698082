import Martlet
import MartletServer
import PeerJob

/// Martlet's own broker on a port of this machine, until it is killed. Nothing is dropped that waits for a slow subscriber, as
/// with the other broker.
struct Serving {
    private let job: Job

    init(_ job: Job) { self.job = job }

    func run() async throws {
        var limits = ServerLimits()
        limits.connections = 20_000
        limits.connectionsPerAddress = 20_000
        limits.inFlight = 1_000
        limits.queuedMessages = .max
        limits.queuedBytes = .max
        let server = BrokerServer(MemoryBroker(), listeners: [.mqtt(port: job.port)], limits: limits, systemTopics: nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            _ = try await server.addresses
            Report.ready()
            try await group.waitForAll()
        }
    }
}
