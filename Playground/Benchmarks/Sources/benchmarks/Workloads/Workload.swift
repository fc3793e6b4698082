/// What is measured on both sides.
struct Workload: Sendable {
    /// As the table and `--only` have it.
    let name: String
    var broker: BrokerKind
    var quantity = Quantity.rate
    let goal: Goal
    /// How many subscriptions; where messages or calls are counted, how many are tried first, to find out how many a run is
    /// to have.
    var count = 5_000
    let martlet: Contender
    /// What Martlet is compared with; `nil` where the target is a figure of Martlet's own.
    var rival: Contender?
}
