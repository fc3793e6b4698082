public import Martlet
public import MartletService

/// A value that a device measures or knows.
///
/// ```swift
/// let temperature = Sensor("Temperature", at: "temperature", of: Double.self, unit: "°C", deviceClass: "temperature")
/// try await temperature.report(21.5)
/// ```
public struct Sensor<Value: Encodable & Sendable>: Entity {
    /// What is common to all kinds.
    public let core: EntityCore
    private let codec = PlainText()

    /// A sensor.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topic: where its values are published.
    ///   - type: the type of its values; see `PlainText` on how they are written.
    ///   - unit: such as `°C`.
    ///   - deviceClass: such as `temperature`.
    ///   - stateClass: `measurement`, `total` or `total_increasing`, for statistics.
    ///   - precision: how many decimals are shown.
    ///   - values: those that there are, if they are words; the device class is then `enum`.
    ///   - expireAfter: after how long without a value it counts as not known. The broker does not keep such values.
    ///   - isForced: whether equal values count as changes.
    ///   - options: what else there is to say.
    public init(
        _ name: String,
        at topic: ServiceTopic,
        of type: Value.Type = Value.self,
        unit: String? = nil,
        deviceClass: String? = nil,
        stateClass: String? = nil,
        precision: Int? = nil,
        values: [String]? = nil,
        expireAfter: Duration? = nil,
        isForced: Bool? = nil,
        options: EntityOptions = EntityOptions()
    ) {
        core = EntityCore(
            "sensor",
            name,
            options,
            [
                "unit_of_measurement": unit.map(JSON.string),
                "device_class": values == nil ? deviceClass.map(JSON.string) : "enum",
                "state_class": stateClass.map(JSON.string),
                "suggested_display_precision": precision.map { .integer(Int64($0)) },
                "options": values.map { .array($0.map(JSON.string)) },
                "expire_after": expireAfter.map(\.wholeSeconds),
                "force_update": isForced.map(JSON.boolean),
            ],
            channels: [.init(key: "state_topic", topic: topic, expireAfter: expireAfter)]
        )
    }

    /// Publishes a value. `nil`, and a text of no characters, are published as `None`: the value is not known.
    ///
    /// - Throws: as the connection's `publish`; `MessagingError.Code.encodingFailed`.
    public func report(_ value: Value) async throws {
        try await core.report(codec.encode(value))
    }
}

/// Whether something is so: a door, a motion.
public struct BinarySensor: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A sensor of two states.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topic: where `1` and `0` are published.
    ///   - deviceClass: such as `door`.
    ///   - offDelay: after how long it counts as off again; `nil`: not by itself.
    ///   - expireAfter: after how long without a value it counts as not known.
    ///   - options: what else there is to say.
    public init(
        _ name: String,
        at topic: ServiceTopic,
        deviceClass: String? = nil,
        offDelay: Duration? = nil,
        expireAfter: Duration? = nil,
        options: EntityOptions = EntityOptions()
    ) {
        core = EntityCore(
            "binary_sensor",
            name,
            options,
            [
                "device_class": deviceClass.map(JSON.string), "payload_on": "1", "payload_off": "0",
                "off_delay": offDelay.map(\.wholeSeconds), "expire_after": expireAfter.map(\.wholeSeconds),
            ],
            channels: [.init(key: "state_topic", topic: topic, expireAfter: offDelay ?? expireAfter)]
        )
    }

    /// Publishes whether it is so; `nil`: that is not known.
    public func report(_ isOn: Bool?) async throws { try await core.report(isOn.map { $0 ? "1" : "0" }) }
}

/// Something that happens, of several types: a key is pressed, a ring at the door.
public struct EventEntity: Entity {
    /// What is common to all kinds.
    public let core: EntityCore
    private let types: [String]

    /// Events of some types.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topic: where they are published.
    ///   - types: the types that there are.
    ///   - deviceClass: `button`, `doorbell` or `motion`.
    ///   - options: what else there is to say.
    public init(
        _ name: String,
        at topic: ServiceTopic,
        types: [String],
        deviceClass: String? = nil,
        options: EntityOptions = EntityOptions()
    ) {
        self.types = types
        core = EntityCore(
            "event",
            name,
            options,
            ["event_types": .array(types.map(JSON.string)), "device_class": deviceClass.map(JSON.string)],
            channels: [.init(key: "state_topic", topic: topic, isLasting: false)]
        )
    }

    /// Publishes that it happens now.
    ///
    /// - Parameters:
    ///   - type: one of its types.
    ///   - attributes: what else there is to know of it.
    /// - Throws: `MessagingError.Code.invalidArgument` for a type that it does not have; as the connection's `publish`.
    public func report(_ type: String, _ attributes: [String: JSON] = [:]) async throws {
        guard types.contains(type) else {
            throw MessagingError(.invalidArgument, "'\(core.name)' has no events of the type '\(type)'")
        }
        try await core.report(JSON.object(attributes.merging(["event_type": .string(type)]) { $1 }).bytes)
    }
}

/// Where somebody or something is.
public struct DeviceTracker: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A tracker.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where it is published: the state at `state_topic`, the position at `json_attributes_topic`.
    ///   - hasState: whether it says `home`, `not_home` or the name of a zone, rather than a position alone.
    ///   - source: `gps`, `router`, `bluetooth` or `bluetooth_le`.
    ///   - options: what else there is to say.
    public init(
        _ name: String,
        at topics: EntityTopics,
        hasState: Bool = false,
        source: String? = nil,
        options: EntityOptions = EntityOptions()
    ) {
        var channels = [
            EntityCore.Channel(key: "json_attributes_topic", topic: topics["json_attributes_topic", isOnly: !hasState])
        ]
        if hasState { channels.append(.init(key: "state_topic", topic: topics["state_topic", isOnly: false])) }
        core = EntityCore("device_tracker", name, options, ["source_type": source.map(JSON.string)], channels: channels)
    }

    /// Publishes a position, and what else there is to know.
    public func report(latitude: Double, longitude: Double, accuracy: Double? = nil, _ attributes: [String: JSON] = [:])
        async throws
    {
        var members = attributes
        members["latitude"] = .number(latitude)
        members["longitude"] = .number(longitude)
        members["gps_accuracy"] = accuracy.map(JSON.number)
        try await core.report(JSON.object(members).bytes, "json_attributes_topic")
    }

    /// Publishes `home`, `not_home` or the name of a zone; `nil`: the position says where it is.
    public func report(_ place: String?) async throws { try await core.report(place) }
}

/// A picture.
public struct Image: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A picture.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topic: where it is published.
    ///   - contentType: such as `image/png`.
    ///   - options: what else there is to say.
    public init(
        _ name: String,
        at topic: ServiceTopic,
        contentType: String = "image/jpeg",
        options: EntityOptions = EntityOptions()
    ) {
        core = EntityCore(
            "image",
            name,
            options,
            ["content_type": .string(contentType)],
            channels: [.init(key: "image_topic", topic: topic)]
        )
    }

    /// Publishes a picture: a whole file of its type.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` for a file without content; as the connection's `publish`.
    public func report(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else {
            throw MessagingError(.invalidArgument, "the file of '\(core.name)' has no content, and so is no picture")
        }
        try await core.report(bytes, "image_topic")
    }
}

/// Something that automations begin with, such as a press of a key. It shows nothing.
public struct DeviceTrigger: Entity {
    static let platform = "device_automation"
    /// What is common to all kinds.
    public let core: EntityCore
    private let payload: String

    /// A trigger.
    ///
    /// - Parameters:
    ///   - type: what happens, such as `button_short_press`.
    ///   - subtype: with what, such as `button_1`.
    ///   - topic: where it is published.
    ///   - payload: what is published; several triggers may share a topic and differ in that.
    public init(_ type: String, _ subtype: String, at topic: ServiceTopic, payload: String = "1") {
        self.payload = payload
        core = EntityCore(
            Self.platform,
            "\(type)_\(subtype)",
            EntityOptions(),
            [
                "automation_type": "trigger", "type": .string(type), "subtype": .string(subtype),
                "payload": .string(payload),
            ],
            channels: [.init(key: "topic", topic: topic, isLasting: false, hasEmptyValues: true)]
        )
    }

    /// Publishes that it happens now.
    public func fire() async throws { try await core.report(payload, "topic") }
}

extension Duration {
    /// Home Assistant counts such times in whole seconds.
    var wholeSeconds: JSON { .integer(components.seconds + (components.attoseconds > 0 ? 1 : 0)) }
}
