/// PUBLISH (MQTT 5, 3.3).
package struct Publish: Sendable, Hashable {
    /// Empty where an alias stands for it.
    package var topic: String
    package var payload: [UInt8]
    package var qos: QoS
    package var retain: Bool
    package var isDuplicate: Bool
    /// 0 with QoS 0, never otherwise.
    package var packetID: UInt16
    package var properties: PropertyList

    package init(
        topic: String,
        payload: [UInt8],
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        isDuplicate: Bool = false,
        packetID: UInt16 = 0,
        properties: PropertyList = PropertyList()
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.isDuplicate = isDuplicate
        self.packetID = packetID
        self.properties = properties
    }
}
