// MQTT's own form of names: levels with slashes between. A `/`, `+` or `#` in a segment is written `%2F`, `%2B` or `%23`,
// and what already reads like such a code gets one more `25` behind its `%`. A dot is a character like any other.

extension TopicName {
    /// Reads a topic as MQTT writes it: `TopicName(mqtt: "spBv1.0/plant/NCMD/press")`.
    ///
    /// Each level is a segment, byte by byte. With a `+` or `#`, which are wildcards, it is no valid name.
    public init(mqtt topic: String) {
        name = DottedName(mqtt: topic)
    }

    /// The topic as MQTT writes it. Not each one is valid there: see the article of `MartletMQTT`.
    public var mqtt: String { name.text(in: .mqtt) }
}

extension QueueName {
    /// Reads a queue's name as MQTT writes it; see ``TopicName/init(mqtt:)``.
    public init(mqtt topic: String) {
        name = DottedName(mqtt: topic)
    }

    /// The queue's name as MQTT writes it.
    public var mqtt: String { name.text(in: .mqtt) }
}

extension TopicPattern {
    /// Reads a filter as MQTT writes it, with slashes, `+` and `#`: `TopicPattern(mqtt: "zigbee2mqtt/+/state")`.
    ///
    /// `$share/<group>/<filter>` is the filter behind the group; a subscription to it is shared by the group's members.
    public init(mqtt filter: String) {
        var parts = NameForm.mqtt.parts(of: filter)
        var group: String?
        var problem: String?
        if parts[0].elementsEqual("$share".utf8) {
            if parts.count < 3 || parts[1].isEmpty || parts[1].contains(where: Self.mqttWildcards.contains) {
                problem = "'$share/' is followed by a group's name, '/', and a filter"
            } else {
                group = String(decoding: parts[1], as: UTF8.self)
                parts.removeFirst(2)
            }
        }
        if let mixed = parts.firstIndex(where: { $0.count > 1 && $0.contains(where: Self.mqttWildcards.contains) }) {
            problem = problem ?? "level \(mixed + 1) mixes a wildcard with other characters"
        }
        self.init(
            segments: parts.map { Segment($0, one: "+", rest: "#", in: .mqtt) },
            group: group,
            problem: problem
        )
    }

    /// The filter as MQTT writes it, with its group if it has one.
    public var mqtt: String { (group.map { "$share/\($0)/" } ?? "") + mqttLevels }

    /// The filter as MQTT writes it, without a group.
    package var mqttLevels: String {
        let levels = segments.map { segment in
            switch segment {
            case .literal(let text): NameForm.mqtt.text(of: text)
            case .one: "+"
            case .rest: "#"
            }
        }
        return levels.joined(separator: "/")
    }

    private static let mqttWildcards = [UInt8(ascii: "+"), UInt8(ascii: "#")]
}

extension Topic {
    /// A contract for a topic as MQTT writes it; see ``TopicName/init(mqtt:)``.
    public init(mqtt topic: String) {
        self.init(TopicName(mqtt: topic))
    }
}

extension TopicFilter {
    /// A contract for topics by a filter as MQTT writes it; see ``TopicPattern/init(mqtt:)``.
    public init(mqtt filter: String) {
        self.init(TopicPattern(mqtt: filter))
    }
}

extension DottedName {
    fileprivate init(mqtt topic: String) {
        let wildcard = topic.utf8.first { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
        self.init(
            topic,
            in: .mqtt,
            problem: wildcard.map { "it has the wildcard '\(Unicode.Scalar($0))', which only a filter may have" }
        )
    }
}
