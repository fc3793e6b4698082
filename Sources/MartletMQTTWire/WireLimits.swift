/// How much of anything a packet may have. It is checked before anything is kept of it.
package struct WireLimits: Sendable, Hashable {
    /// The bytes of a packet, its first byte and length among them.
    package var packetBytes: Int
    /// The bytes of a CONNECT, for those who have not said yet who they are.
    package var connectBytes: Int
    /// The filters of a SUBSCRIBE or UNSUBSCRIBE.
    package var filters: Int
    /// The user properties of a packet.
    package var userProperties: Int
    /// The bytes of all user properties of a packet.
    package var userPropertyBytes: Int
    /// The subscription identifiers of a PUBLISH.
    package var subscriptionIdentifiers: Int
    /// Whether texts may have control characters and non-characters, which a receiver may refuse (MQTT 5, 1.5.4).
    /// Libraries in wide use close the connection over which they get one, and do so again when they are back.
    package var takesControlCharacters: Bool

    package init(
        packetBytes: Int = 2 << 20,
        connectBytes: Int = 64 << 10,
        filters: Int = 1_024,
        userProperties: Int = 64,
        userPropertyBytes: Int = 16 << 10,
        subscriptionIdentifiers: Int = 1_024,
        takesControlCharacters: Bool = false
    ) {
        self.packetBytes = packetBytes
        self.connectBytes = connectBytes
        self.filters = filters
        self.userProperties = userProperties
        self.userPropertyBytes = userPropertyBytes
        self.subscriptionIdentifiers = subscriptionIdentifiers
        self.takesControlCharacters = takesControlCharacters
    }

    /// The longest packet that MQTT can write: four bytes of length say how much follows (2.1.4).
    package static var largestPacket: Int { 268_435_455 + 5 }
}
