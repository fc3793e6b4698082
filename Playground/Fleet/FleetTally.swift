import Synchronization

/// What the nodes have counted.
final class FleetTally: Sendable {
    struct Figures: Equatable, Sendable {
        var series: Set<String> = []
        var published = 0
        var shown = 0
        var archived = 0
        /// By node.
        var heartbeats: [String: Int] = [:]
        var callsAnswered = 0
        /// By the error's code.
        var callsFailed: [String: Int] = [:]
        var streams = 0
        var streamed = 0
        /// By how they ended.
        var goals: [String: Int] = [:]
    }

    private let state = Mutex(Figures())

    var figures: Figures { state.withLock { $0 } }

    func count(_ change: (inout Figures) -> Void) { state.withLock { change(&$0) } }
}
