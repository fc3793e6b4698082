/// What is wrong with bytes that were to be a packet.
package struct WireFault: Error, Sendable, Hashable {
    /// What MQTT 5 has the other side told.
    package let reason: ReasonCode
    /// What it is, for people. It quotes nothing that was sent.
    package let text: String
    /// Of a CONNECT, the version in which the answer is to be; `nil`: there is none.
    package var answer: ProtocolVersion?

    package init(_ reason: ReasonCode, _ text: String, answer: ProtocolVersion? = nil) {
        self.reason = reason
        self.text = text
        self.answer = answer
    }

    static func malformed(_ text: String) -> WireFault { WireFault(.malformedPacket, text) }
    static func protocolError(_ text: String) -> WireFault { WireFault(.protocolError, text) }
}
