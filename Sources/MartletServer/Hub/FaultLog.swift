import Logging
import MartletMQTTWire
import Synchronization

/// What clients have done wrong: counted, and logged so seldom that nobody can fill a disk by it.
struct FaultLog: Sendable {
    private static let pause = Duration.seconds(10)

    private var last: ContinuousClock.Instant?
    private var unlogged = 0
    private(set) var total = 0

    /// Notes one more.
    ///
    /// - Returns: how many there were since the last line, this one among them, if there is to be one now.
    mutating func note(at now: ContinuousClock.Instant) -> Int? {
        total += 1
        unlogged += 1
        if let last, now - last < Self.pause { return nil }
        last = now
        defer { unlogged = 0 }
        return unlogged
    }
}

extension SessionHub {
    /// Logs what is wrong with what a client has sent.
    func log(_ fault: WireFault, of connection: ClientConnection) {
        log(fault.text, fault.reason, of: connection)
    }

    /// Logs why a client was not let in or was cut off.
    func log(_ text: String, _ reason: ReasonCode, of connection: ClientConnection) {
        guard let count = faults.withLock({ $0.note(at: .now) }) else { return }
        let client = state.withLock { hub in
            hub.connected[connection.number].flatMap { hub.seats[$0]?.session.clientID }
        }
        logger.warning(
            "a client broke the rules: \(text)",
            metadata: [
                "client": "\(client ?? "")", "address": "\(connection.address)",
                "reason": "0x\(String(reason.rawValue, radix: 16, uppercase: true))", "since-last": "\(count)",
            ]
        )
    }
}
