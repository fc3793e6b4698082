extension Event: Codable {
    private enum CodingKeys: String, CodingKey {
        case header
        case name
        case uri
        case description
        case payload
        /// What commlib-py called the payload in some of its versions.
        case data
    }

    /// Reads an event of any of its writers: only the payload must be there, as `payload` or as `data`, and not even
    /// that where nobody looks at it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let key: CodingKeys = !container.contains(.payload) && container.contains(.data) ? .data : .payload
        let payload = try NoPayload() as? Payload ?? container.decode(Payload.self, forKey: key)
        self.init(
            name: try container.decodeIfPresent(String.self, forKey: .name) ?? "",
            uri: TopicName(try container.decodeIfPresent(String.self, forKey: .uri) ?? ""),
            description: try container.decodeIfPresent(String.self, forKey: .description) ?? "",
            payload: payload,
            header: try container.decodeIfPresent(MessageHeader.self, forKey: .header)
                ?? MessageHeader(agent: "", timestamp: 0)
        )
    }

    /// Writes all fields.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(header, forKey: .header)
        try container.encode(name, forKey: .name)
        try container.encode(uri.text, forKey: .uri)
        try container.encode(description, forKey: .description)
        try container.encode(payload, forKey: .payload)
    }
}
