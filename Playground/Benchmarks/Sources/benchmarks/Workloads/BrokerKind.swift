/// Which broker a workload needs.
enum BrokerKind: String, Sendable, CaseIterable {
    case mosquitto, rabbitmq, redis
    /// None that runs all the time: what it needs it starts for each run.
    case none
}
