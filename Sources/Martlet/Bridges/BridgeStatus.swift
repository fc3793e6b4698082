/// How far a bridge is. A pure value.
struct BridgeStatus: Sendable {
    enum Phase: Sendable {
        case idle
        case running
        case ended
    }

    var phase = Phase.idle
    var legs: [BridgeLeg] = []
    /// The legs, by their place, that take messages.
    var ready: Set<Int> = []

    var isReady: Bool { phase == .running && ready.count == legs.count }

    /// It is run, for the first and only time.
    mutating func begin(_ legs: [BridgeLeg]) throws {
        guard phase == .idle else {
            throw MessagingError(.alreadyRunning, "a bridge runs once, and this one runs or has run; make a new one")
        }
        phase = .running
        self.legs = legs
    }
}
