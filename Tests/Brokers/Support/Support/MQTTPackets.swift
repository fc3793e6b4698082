import IntegrationSupport

/// The few packets of MQTT 3.1.1 that show what a broker does.
extension Socket {
    /// Connects and returns whether the broker had a session, or `nil` if it refused.
    func mqttConnect(_ client: String, isClean: Bool = true, user: String? = nil, password: String? = nil) async throws
        -> Bool?
    {
        var flags: UInt8 = isClean ? 0x02 : 0
        var payload = Self.mqttText(client)
        if let user {
            flags |= 0x80
            payload += Self.mqttText(user)
        }
        if let password {
            flags |= 0x40
            payload += Self.mqttText(password)
        }
        try await sendAll(Self.mqttPacket(0x10, Self.mqttText("MQTT") + [4, flags, 0, 60] + payload))
        let answer = try await receive(4)
        return answer[3] == 0 ? answer[2] == 1 : nil
    }

    /// Subscribes with QoS 1 and returns the granted QoS, or 0x80 for a refusal.
    func mqttSubscribe(_ filter: String) async throws -> UInt8 {
        try await sendAll(Self.mqttPacket(0x82, [0, 1] + Self.mqttText(filter) + [1]))
        return try await receive(5)[4]
    }

    /// Publishes with QoS 1 and returns when the broker has confirmed it.
    func mqttPublish(_ text: String, to topic: String) async throws {
        try await sendAll(Self.mqttPacket(0x32, Self.mqttText(topic) + [0, 7] + text.utf8))
        let confirmation = try await receive(4)
        guard confirmation == [0x40, 2, 0, 7] else { throw ServerError("No PUBACK but \(confirmation)") }
    }

    /// Waits for a message of QoS 1 and returns its text. It must be shorter than 128 bytes.
    func mqttReceive() async throws -> String {
        let head = try await receive(2)
        guard head[0] & 0xf0 == 0x30 else { throw ServerError("No PUBLISH but \(head)") }
        let body = try await receive(Int(head[1]))
        let topicSize = Int(body[0]) << 8 | Int(body[1])
        return String(decoding: body[(2 + topicSize + 2)...], as: UTF8.self)
    }

    private static func mqttText(_ text: String) -> [UInt8] {
        [UInt8(text.utf8.count >> 8), UInt8(text.utf8.count & 0xff)] + text.utf8
    }

    private static func mqttPacket(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] {
        [kind, UInt8(body.count)] + body
    }
}
