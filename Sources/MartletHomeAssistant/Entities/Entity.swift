public import Martlet
public import MartletService
import Synchronization

/// Something of a device that Home Assistant shows, or has commands for: a ``Sensor``, a ``Switch``, a ``Light``.
public protocol Entity: Sendable {
    /// What is common to all kinds.
    var core: EntityCore { get }
}

/// What Home Assistant is told of an entity besides what its kind demands.
public struct EntityOptions: Sendable, Hashable {
    /// What it is known by for ever; `nil`: made of the device's ID, the kind and the name, as miqro makes it. Whoever gives the
    /// entity another name and is to have the old one's history states the old ID.
    public var uniqueID: String?
    /// The ID that automations call it by, at first, such as `sensor.greenhouse_temperature`; `nil`: Home Assistant makes it.
    public var entityID: String?
    /// Whether it is what its device is for: Home Assistant then shows it by the device's name alone. Its ID is made of its own name
    /// all the same.
    public var isMain: Bool
    /// An icon such as `mdi:water`.
    public var icon: String?
    /// What kind of value or device it is, such as `temperature`; Home Assistant's documentation lists them.
    public var deviceClass: String?
    /// Whether it is a setting or a diagnosis rather than what the device is for.
    public var category: Category?
    /// Whether it is shown when it is found first; `nil`: it is.
    public var isEnabledByDefault: Bool?
    /// Where its attributes are published, as an object of JSON.
    public var attributes: ServiceTopic?
    /// How surely Home Assistant gets states and sends commands; `nil`: as it likes.
    public var guarantee: Guarantee?
    /// Whatever else Home Assistant knows for that kind, by its own keys. It is passed on as it is, and counts more than what is said
    /// elsewhere, so that a later Home Assistant can be told what this version does not know.
    public var more: [String: JSON]

    /// A group of entities.
    public enum Category: String, Sendable, Hashable {
        /// A setting. No sensor is one.
        case configuration = "config"
        /// For those who look after the device.
        case diagnostic
    }

    /// Nothing, unless told.
    public init(
        uniqueID: String? = nil,
        entityID: String? = nil,
        isMain: Bool = false,
        icon: String? = nil,
        deviceClass: String? = nil,
        category: Category? = nil,
        isEnabledByDefault: Bool? = nil,
        attributes: ServiceTopic? = nil,
        guarantee: Guarantee? = nil,
        more: [String: JSON] = [:]
    ) {
        self.uniqueID = uniqueID
        self.entityID = entityID
        self.isMain = isMain
        self.icon = icon
        self.deviceClass = deviceClass
        self.category = category
        self.isEnabledByDefault = isEnabledByDefault
        self.attributes = attributes
        self.guarantee = guarantee
        self.more = more
    }

    /// What they say, without ``more``.
    var members: [String: JSON] {
        let members: [String: JSON?] = [
            "icon": icon.map(JSON.string), "device_class": deviceClass.map(JSON.string),
            "entity_category": (category?.rawValue).map(JSON.string),
            "enabled_by_default": isEnabledByDefault.map(JSON.boolean),
            "qos": guarantee.map { .integer($0 == .atMostOnce ? 0 : $0 == .atLeastOnce ? 1 : 2) },
        ]
        return members.compactMapValues { $0 }
    }
}

/// Where an entity's states and commands go: below one topic, unless some have topics of their own.
///
/// ```swift
/// Switch("Pump", at: "pump") { … }                     // pump/state, pump/command
/// Switch("Pump", at: EntityTopics("pump", ["state_topic": "pump", "command_topic": "pump/set"])) { … }
/// ```
///
/// What Home Assistant calls `mode_command_topic` is `<topic>/mode/command`. An entity that has but one topic has it at the topic
/// itself.
public struct EntityTopics: Sendable, Hashable, ExpressibleByStringLiteral {
    /// What they are below.
    public let topic: ServiceTopic
    /// Those that are elsewhere, by Home Assistant's names for them.
    public let exceptions: [String: ServiceTopic]

    /// All below a topic but some.
    public init(_ topic: ServiceTopic, _ exceptions: [String: ServiceTopic] = [:]) {
        self.topic = topic
        self.exceptions = exceptions
    }

    /// All below a topic.
    public init(stringLiteral text: String) { self.init(ServiceTopic(text)) }

    subscript(_ key: String, isOnly isOnly: Bool) -> ServiceTopic {
        if let topic = exceptions[key] { return topic }
        guard !isOnly else { return topic }
        var word = key
        if word.hasSuffix("_topic") { word.removeLast("_topic".count) }
        for end in ["state", "command"] where word.hasSuffix("_" + end) {
            return topic.appending([String(word.dropLast(end.count + 1)), end])
        }
        return topic.appending([word])
    }
}

/// What is common to entities of all kinds: their part of the document, their last states, and their commands.
public final class EntityCore: Sendable {
    /// A topic on which Home Assistant sends something.
    struct Command: Sendable {
        let topic: ServiceTopic
        /// Does what it says, and reports to the entity what follows from it.
        let handler: @Sendable (_ text: String, _ entity: EntityCore) async throws -> Void
    }

    /// How a state is published.
    struct Channel: Sendable {
        let key: String
        let topic: ServiceTopic
        /// Whether the broker keeps it, and it is said again after a new announcement. What only happens for a moment is not.
        var isLasting = true
        /// After how long it no longer holds.
        var expireAfter: Duration?
        /// Whether an empty payload is one of its values. Elsewhere Home Assistant passes over it.
        var hasEmptyValues = false

        /// Whether the broker keeps it. It must not say anew what holds no longer.
        var isKept: Bool { isLasting && expireAfter == nil }
    }

    private struct State {
        var outlet: Outlet?
        var last: [String: (bytes: [UInt8], time: Duration)] = [:]
    }

    static let attributes = "json_attributes_topic"
    /// What Home Assistant takes for no value.
    private static let unknown = "None"

    let platform: String
    let name: String
    let options: EntityOptions
    /// What is said of it besides its topics, without what its options say as they like.
    private let members: [String: JSON]
    private let channels: [Channel]
    private let topics: [String: ServiceTopic]
    let commands: [Command]
    private let state = Mutex(State())

    init(
        _ platform: String,
        _ name: String,
        _ options: EntityOptions,
        _ members: [String: JSON?] = [:],
        channels: [Channel] = [],
        commands: [(key: String, command: Command)] = []
    ) {
        self.platform = platform
        self.name = name
        self.options = options
        self.members = members.compactMapValues { $0 }.merging(options.members) { $1 }
        self.channels = channels
        var topics = Dictionary(channels.map { ($0.key, $0.topic) }) { first, _ in first }
        for (key, command) in commands { topics[key] = command.topic }
        if let attributes = options.attributes { topics[Self.attributes] = attributes }
        self.topics = topics
        self.commands = commands.map(\.command)
    }

    // MARK: What it is

    /// The ID that miqro would give it in automations.
    var usualEntityID: String { "\(platform).\(DiscoveryName.clean(name))" }

    func uniqueID(below owner: String) -> String {
        options.uniqueID
            ?? "\(owner)__\((options.entityID ?? usualEntityID).replacing(".", with: "_"))"
    }

    /// What Home Assistant would leave it out for, and what to do about it; `nil`: nothing.
    func complaint(base: TopicName, hasDevice: Bool) -> String? {
        if !hasDevice {
            if platform == DeviceTrigger.platform {
                return "is a trigger, which belongs to a device: put it into a Device"
            }
            if options.isMain { return "is the main entity of no device: leave isMain out, or put it into a Device" }
        }
        if options.attributes != nil, channels.contains(where: { $0.key == Self.attributes }) {
            return "has attributes at a topic of their own already: leave them out of its options"
        }
        for topic in topics.values.map({ $0.name(below: base).mqtt }) where !DiscoveryName.isTopic(topic) {
            return "has the topic \(topic.debugDescription), to which Home Assistant can't listen: "
                + "leave control characters and non-characters out"
        }
        return EntityRules(platform: platform, members: members).complaint
    }

    /// What Home Assistant is told of it.
    func document(below owner: String, base: TopicName, setsEntityID: Bool) -> [String: JSON] {
        var document = members.merging(options.more) { $1 }
        document["platform"] = .string(platform)
        // A trigger has neither.
        if platform != DeviceTrigger.platform {
            document["name"] = options.isMain ? .null : .string(name)
            document["unique_id"] = .string(uniqueID(below: owner))
            document["default_entity_id"] = (options.entityID ?? (setsEntityID ? usualEntityID : nil)).map(JSON.string)
        }
        for (key, topic) in topics { document[key] = .string(topic.name(below: base).mqtt) }
        return document
    }

    // MARK: What it says

    /// From now on states are published there.
    func attach(to outlet: Outlet) {
        state.withLock { $0.outlet = outlet }
    }

    /// Publishes a state, and remembers it for later announcements. Before there is a device to belong to, and without a link, it is
    /// remembered alone. A state that the entity does not have is left out.
    ///
    /// What is empty is published as no value: an empty payload would tell Home Assistant nothing, and the broker to forget what it
    /// keeps.
    func report(_ bytes: [UInt8], _ key: String = "state_topic") async throws {
        guard let channel = channels.first(where: { $0.key == key }) else { return }
        let bytes = bytes.isEmpty && !channel.hasEmptyValues ? Array(Self.unknown.utf8) : bytes
        let outlet = state.withLock { state in
            if channel.isLasting { state.last[key] = (bytes, state.outlet?.now ?? .zero) }
            return state.outlet
        }
        try await outlet?.publish(bytes, on: channel)
    }

    /// - Parameter text: `nil`: there is no value.
    func report(_ text: String?, _ key: String = "state_topic") async throws {
        try await report(Array((text ?? Self.unknown).utf8), key)
    }

    /// Whether it has a state that holds and that the broker does not keep.
    var hasPassingState: Bool { !lastStates.allSatisfy(\.channel.isKept) }

    /// Publishes the last states again, those that still hold.
    ///
    /// - Parameter kept: whether those that the broker keeps, or the others.
    func repeatStates(kept: Bool) async throws {
        let outlet = state.withLock { $0.outlet }
        for (channel, bytes) in lastStates where channel.isKept == kept {
            try await outlet?.publish(bytes, on: channel)
        }
    }

    /// What it said last and still holds.
    private var lastStates: [(channel: Channel, bytes: [UInt8])] {
        let (outlet, last) = state.withLock { ($0.outlet, $0.last) }
        return channels.compactMap { channel in
            guard let outlet, let (bytes, time) = last[channel.key] else { return nil }
            if let limit = channel.expireAfter, outlet.now - time >= limit { return nil }
            return (channel, bytes)
        }
    }
}

/// Where an entity's states are published.
struct Outlet: Sendable {
    let connection: any Connection
    let scope: ServiceScope

    var now: Duration { connection.runtime.timers.now }

    func publish(_ bytes: [UInt8], on channel: EntityCore.Channel) async throws {
        guard connection.state == .connected else { return }
        let options = PublishOptions(retain: channel.isKept)
        do {
            let topic = scope.published(channel.topic.name(below: scope.base))
            try await connection.publish(Message(bytes), to: topic, options: options)
        } catch let error as MessagingError where error.code == .notConnected {
            // The link went in this moment; it is said again when it is back.
        }
    }
}

/// A command that an entity has no use for.
struct CommandError: Error, CustomStringConvertible {
    let description: String

    init(_ text: String, _ name: String) {
        description = "\"\(text.prefix(100))\" is no command for '\(name)'"
    }
}
