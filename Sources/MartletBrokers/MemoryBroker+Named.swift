public import Martlet
import Synchronization

extension MemoryBroker {
    private static let brokers = Mutex<[String: MemoryBroker]>([:])

    /// The embedded broker that `memory:name` leads to: made when it is first asked for, and there until the process ends.
    ///
    /// Parts of a program find each other by its name, and its queues can be declared here.
    ///
    /// - Parameter name: empty for the one of `memory:` alone.
    public static func named(_ name: String = "") -> MemoryBroker {
        brokers.withLock { brokers in
            if let broker = brokers[name] { return broker }
            let broker = MemoryBroker()
            brokers[name] = broker
            return broker
        }
    }
}
