extension MessageHeader: Codable {
    private enum CodingKeys: String, CodingKey {
        case messageID = "msg_id"
        case nodeID = "node_id"
        case agent
        case timestamp
        case properties
    }

    /// Reads a header. A field that is missing or of another type takes its default: the header is an addition, and
    /// what it is added to is worth reading without it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let properties = try? container.decodeIfPresent([String: ScalarHeader].self, forKey: .properties)
        self.init(
            messageID: (try? container.decode(ScalarHeader.self, forKey: .messageID))?.value ?? -1,
            nodeID: (try? container.decode(ScalarHeader.self, forKey: .nodeID))?.value ?? "",
            agent: (try? container.decode(String.self, forKey: .agent)) ?? "",
            timestamp: (try? container.decode(Int64.self, forKey: .timestamp)) ?? 0,
            properties: properties?.compactMapValues(\.value) ?? [:]
        )
    }

    /// Writes all fields.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(ScalarHeader(value: messageID), forKey: .messageID)
        try container.encode(ScalarHeader(value: nodeID), forKey: .nodeID)
        try container.encode(agent, forKey: .agent)
        try container.encode(timestamp, forKey: .timestamp)
        try container.encode(properties.mapValues(ScalarHeader.init), forKey: .properties)
    }
}

/// A header's value as it stands in JSON; anything that is no single value reads as nothing.
private struct ScalarHeader: Codable {
    let value: HeaderValue?

    init(value: HeaderValue) {
        self.value = value
    }

    init(from decoder: any Decoder) throws {
        guard let container = try? decoder.singleValueContainer() else {
            value = nil
            return
        }
        if let truth = try? container.decode(Bool.self) {
            value = .boolean(truth)
        } else if let integer = try? container.decode(Int64.self) {
            value = .integer(integer)
        } else if let number = try? container.decode(Double.self) {
            value = .double(number)
        } else {
            value = (try? container.decode(String.self)).map(HeaderValue.string)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch value {
        case .string(let text): try container.encode(text)
        case .integer(let integer): try container.encode(integer)
        case .double(let number): try container.encode(number)
        case .boolean(let truth): try container.encode(truth)
        case .bytes(let bytes): try container.encode(bytes)
        case nil: try container.encodeNil()
        }
    }
}
