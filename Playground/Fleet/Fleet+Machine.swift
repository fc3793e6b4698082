import Martlet
import Synchronization

extension Fleet {
    /// The node that publishes what this machine tells about itself.
    func machine(on connection: any Connection) -> Node {
        let sampler = Mutex(MachineSampler())
        return Node("machine", on: connection, options: options) {
            Every(interval) {
                for (series, sample) in sampler.withLock({ $0.sample() }) {
                    try await connection.publish(sample, to: FleetContracts.topic(of: series))
                    tally.count { figures in
                        figures.published += 1
                        figures.series.insert(series)
                    }
                }
            }
        }
    }
}
