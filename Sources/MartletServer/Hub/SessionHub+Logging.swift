import Logging
import MartletListeners
import MartletMQTTWire
import Synchronization

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
