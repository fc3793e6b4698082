/// One side of a comparison: the program whose figures count, and those that it needs around it.
struct Contender: Sendable {
    enum Staging: Sendable {
        /// It needs nobody.
        case alone
        /// This one sends to it, once it is ready.
        case fed(by: Invocation)
        /// This one answers it.
        case answered(by: Invocation)
        /// It reads at the far end of a bridge, this one sends at the near end. The bridge is a program of its own, or, if
        /// there is none, one of Mosquitto's own.
        case bridged(by: Invocation?, fed: Invocation)
        /// It is a server, which this program sends to what the other one publishes.
        case relayed(by: Invocation, fed: Invocation)
    }

    /// A broker that is started for each run, and whose processor time counts instead of the program's.
    enum Server: Sendable {
        case mosquitto
        case martlet
    }

    let measured: Invocation
    var staging: Staging = .alone
    /// The broker that is compared with another; `nil`: all use that of the workload.
    var server: Server?
}
