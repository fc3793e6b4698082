import Martlet

/// A bridge as a file or the command line says it. A pure value; a file of secrets has been read by then.
struct BridgeSettings: Hashable, Sendable {
    /// What stands on one of its sides.
    struct End: Hashable, Sendable {
        /// With the password, if there is one.
        var address: EndAddress
        /// What the connection is called at the broker.
        var client: String?
    }

    /// What the user calls it.
    var name: String?
    var from: End
    var to: End
    var options = BridgeOptions()
    var routes: [RouteSettings]
    /// How its own figures are told as metrics; `nil`: they are not.
    var report: ReportSettings?

    /// What the bridge is called in what it passes on. By this a bridge that was started again knows the messages that brokers
    /// keep and that it has passed on before: without a name of the user's it is made of the two ends.
    var bridgeName: String {
        name ?? "bridge-" + String(StableHash.of("\(from.address) \(to.address)"), radix: 36)
    }

    /// What stands on a side.
    func end(_ side: BridgeSide) -> End { side == .from ? from : to }

    /// Whether both ends are one connection.
    var endsAreOne: Bool { from == to }

    /// Whether what is passed on is printed, so that nothing else may be.
    var printsMessages: Bool { if case .sink(let sink) = to.address { sink.isStandardOutput } else { false } }

    /// The options of an end's connection, after those of the command.
    func connection(_ end: End, side: BridgeSide, _ arguments: ConnectionArguments) -> ConnectionOptions {
        var options = arguments.connectionOptions
        // Two clients of one name would take the broker from each other, where it is the same.
        options.name = end.client ?? name.map { endsAreOne ? $0 : "\($0)-\(side == .from ? "from" : "to")" }
        // A route may store meanwhile, and the others begin as soon as they can.
        options.whenUnreachable = .retry
        return options
    }
}
