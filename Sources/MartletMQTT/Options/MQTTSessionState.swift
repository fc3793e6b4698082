/// What the broker keeps for a client between two links.
public enum MQTTSessionState: Sendable, Hashable {
    /// Nothing: what is published while there is no link is missed.
    case clean
    /// Its subscriptions, and what arrives for those with a guarantee, for as long as said; `nil`: for good. The
    /// connection needs a name (`ConnectionOptions.name`), which is what the broker knows it by. MQTT 3.1.1 has no
    /// end of a session, so that the broker's own rule holds.
    case persistent(expiry: Duration? = nil)
}
