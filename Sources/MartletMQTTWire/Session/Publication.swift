package import Synchronization

/// A message on its way to sessions, which share it.
package final class Publication: Sendable {
    package let topic: String
    package let payload: [UInt8]
    /// The payload for clients before MQTT 5, which get nothing beside it.
    package let olderPayload: [UInt8]
    /// What goes on with the message: no expiry, alias or subscription identifier.
    package let properties: PropertyList
    package let qos: QoS
    /// When it is worthless, by the broker's clock; `nil`: never.
    package let expiresAt: Duration?
    /// What it counts towards the bounds of a queue.
    package let cost: Int
    /// For a host that writes each message once: the number that it gave this one.
    package let storedNumber = Atomic<UInt64>(0)

    package init(
        topic: String,
        payload: [UInt8],
        olderPayload: [UInt8]? = nil,
        properties: PropertyList = PropertyList(),
        qos: QoS = .atMostOnce,
        expiresAt: Duration? = nil
    ) {
        self.topic = topic
        self.payload = payload
        self.olderPayload = olderPayload ?? payload
        self.properties = properties
        self.qos = qos
        self.expiresAt = expiresAt
        let carried = properties.all.reduce(0) { sum, property in
            switch property.value {
            case .number: sum + 5
            case .text(let text): sum + text.utf8.count + 3
            case .data(let data): sum + data.count + 3
            case .pair(let name, let value): sum + name.utf8.count + value.utf8.count + 5
            }
        }
        cost = topic.utf8.count + max(payload.count, self.olderPayload.count) + carried + 64
    }

    func isExpired(at now: Duration) -> Bool { expiresAt.map { $0 <= now } ?? false }

    /// What is left of its life, in whole seconds that have begun.
    func secondsLeft(at now: Duration) -> UInt32? {
        guard let expiresAt else { return nil }
        let left = max(.zero, expiresAt - now).components
        return UInt32(clamping: left.seconds + (left.attoseconds > 0 ? 1 : 0))
    }
}

/// How a session's subscriptions match a message.
package struct Match: Sendable, Hashable {
    /// The greatest quality that they were granted.
    package var qos: QoS
    /// Whether the message is told to be one that is kept.
    package var retain: Bool
    /// Their identifiers.
    package var identifiers: [UInt32]
    /// The number of the queue's delivery that it is, which is to be settled; `nil`: it is none.
    package internal(set) var delivery: UInt64?
    /// The number of the subscription that it came by, if that is shared: when the session ends, another member gets it.
    package let share: Int?

    package init(
        qos: QoS,
        retain: Bool = false,
        identifiers: [UInt32] = [],
        delivery: UInt64? = nil,
        share: Int? = nil
    ) {
        self.qos = qos
        self.retain = retain
        self.identifiers = identifiers
        self.delivery = delivery
        self.share = share
    }

    /// Takes in another subscription that matches the same message.
    package mutating func merge(_ other: Match) {
        qos = max(qos, other.qos)
        retain = retain || other.retain
        identifiers += other.identifiers
    }
}

/// A publication as it is written to one client.
package struct Outgoing: Sendable {
    package let publication: Publication
    package let qos: QoS
    package let retain: Bool
    package let identifiers: [UInt32]
    package let packetID: UInt16
    package let isDuplicate: Bool
    package let secondsLeft: UInt32?
    var naming = OutgoingAliases.Naming.topic

    /// Whether it looks the same to every client of a version, so that it is written once.
    package var isShared: Bool { qos == .atMostOnce && identifiers.isEmpty && naming == .topic }

    package func packet(_ version: ProtocolVersion) -> Packet {
        var properties = PropertyList()
        if version == .v5 {
            properties = publication.properties
            if let secondsLeft { properties.add(.messageExpiryInterval, secondsLeft) }
            for identifier in identifiers { properties.add(.subscriptionIdentifier, identifier) }
        }
        var topic = publication.topic
        switch naming {
        case .topic: break
        case .introducing(let number): properties.add(.topicAlias, UInt32(number))
        case .alias(let number):
            properties.add(.topicAlias, UInt32(number))
            topic = ""
        }
        return .publish(
            Publish(
                topic: topic,
                payload: version == .v5 ? publication.payload : publication.olderPayload,
                qos: qos,
                retain: retain,
                isDuplicate: isDuplicate,
                packetID: packetID,
                properties: properties
            )
        )
    }
}
