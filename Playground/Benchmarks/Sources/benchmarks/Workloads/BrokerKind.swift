/// Which broker a workload needs.
enum BrokerKind: String, Sendable, CaseIterable {
    case mosquitto, rabbitmq, redis
    /// A database.
    case postgresql
    /// None that runs all the time: what it needs it starts for each run.
    case none
}
