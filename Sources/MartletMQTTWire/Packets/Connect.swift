/// CONNECT (MQTT 5, 3.1).
package struct Connect: Sendable, Hashable {
    package var version: ProtocolVersion
    /// Whether it says by the highest bit of its version that it is another broker's bridge, as mosquitto's do before MQTT 5.
    package var isBridge: Bool
    package var clientID: String
    /// Whether a session that there is of that name is thrown away first.
    package var cleanStart: Bool
    /// In seconds; 0: none.
    package var keepAlive: UInt16
    package var will: WillMessage?
    package var userName: String?
    package var password: [UInt8]?
    package var properties: PropertyList

    package init(
        version: ProtocolVersion,
        clientID: String,
        cleanStart: Bool = true,
        keepAlive: UInt16 = 60,
        will: WillMessage? = nil,
        userName: String? = nil,
        password: [UInt8]? = nil,
        properties: PropertyList = PropertyList(),
        isBridge: Bool = false
    ) {
        self.version = version
        self.isBridge = isBridge
        self.clientID = clientID
        self.cleanStart = cleanStart
        self.keepAlive = keepAlive
        self.will = will
        self.userName = userName
        self.password = password
        self.properties = properties
    }
}

/// The message that is published if a client goes without saying so.
package struct WillMessage: Sendable, Hashable {
    package var topic: String
    package var payload: [UInt8]
    package var qos: QoS
    package var retain: Bool
    package var properties: PropertyList

    package init(
        topic: String,
        payload: [UInt8],
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        properties: PropertyList = PropertyList()
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
    }
}
