/// SUBSCRIBE (MQTT 5, 3.8).
package struct SubscribeRequest: Sendable, Hashable {
    /// What is sent of messages that are kept.
    package enum RetainHandling: UInt8, Sendable, Hashable, CaseIterable {
        /// Those there are, at each subscribe.
        case always = 0
        /// Those there are, if the subscription is new.
        case ifNew = 1
        case never = 2
    }

    /// A filter, and how it is subscribed to.
    package struct Entry: Sendable, Hashable {
        package var filter: String
        package var qos: QoS
        package var noLocal: Bool
        package var retainAsPublished: Bool
        package var retainHandling: RetainHandling

        package init(
            _ filter: String,
            qos: QoS = .atMostOnce,
            noLocal: Bool = false,
            retainAsPublished: Bool = false,
            retainHandling: RetainHandling = .always
        ) {
            self.filter = filter
            self.qos = qos
            self.noLocal = noLocal
            self.retainAsPublished = retainAsPublished
            self.retainHandling = retainHandling
        }
    }

    package var packetID: UInt16
    package var entries: [Entry]
    package var properties: PropertyList

    package init(_ packetID: UInt16, _ entries: [Entry], properties: PropertyList = PropertyList()) {
        self.packetID = packetID
        self.entries = entries
        self.properties = properties
    }
}

/// UNSUBSCRIBE (MQTT 5, 3.10).
package struct UnsubscribeRequest: Sendable, Hashable {
    package var packetID: UInt16
    package var filters: [String]
    package var properties: PropertyList

    package init(_ packetID: UInt16, _ filters: [String], properties: PropertyList = PropertyList()) {
        self.packetID = packetID
        self.filters = filters
        self.properties = properties
    }
}
