public import Logging
public import Martlet
import MartletSettings

/// What a service is given to work with: its name, its connection, its settings, and how it publishes.
public final class ServiceContext<Link: Connection, Settings: Sendable>: Sendable {
    /// The service's name.
    public let name: String
    /// The topic that the service's own topics are below.
    public let base: TopicName
    /// The connection to the broker.
    public let connection: Link
    /// The service's section of the settings.
    public let settings: Settings
    /// Where the service logs. What is logged here is published as well where the setting `log_topic` says so.
    public let logger: Logger
    private let stateFile: StateLocation
    private let codec: PlainText
    private let debugPrefix: TopicName?
    private let gate = ChangeGate()

    /// A context, for a test of a service; otherwise the program makes it.
    ///
    /// - Parameters:
    ///   - name: the service's name.
    ///   - base: what its topics are below; by default `service.<name>`.
    ///   - connection: the connection to the broker.
    ///   - settings: the service's settings.
    ///   - logger: where it logs.
    ///   - decimals: how many decimals the numbers have that it publishes.
    public convenience init(
        name: String,
        base: TopicName? = nil,
        connection: Link,
        settings: Settings,
        logger: Logger = Logger(label: "martlet"),
        decimals: Int = 4
    ) {
        self.init(
            name: name,
            base: base,
            connection: connection,
            settings: settings,
            logger: logger,
            stateFile: StateLocation(name: name),
            decimals: decimals,
            debugPrefix: nil
        )
    }

    init(
        name: String,
        base: TopicName?,
        connection: Link,
        settings: Settings,
        logger: Logger,
        stateFile: StateLocation,
        decimals: Int,
        debugPrefix: TopicName?
    ) {
        self.name = name
        self.base = base ?? TopicName(segments: ["service", name])
        self.connection = connection
        self.settings = settings
        self.logger = logger
        self.stateFile = stateFile
        codec = PlainText(decimals: decimals)
        self.debugPrefix = debugPrefix
    }

    // MARK: Publishing

    /// Publishes a value as text: `true` as `1`, numbers with four decimals at most (or
    /// ``ServiceProgram/decimals``), `nil` as nothing, text as it is, anything
    /// else as JSON; see `PlainText`. ``publish(json:to:retain:guarantee:changes:)`` makes JSON of any value.
    ///
    /// - Parameters:
    ///   - value: what is published.
    ///   - topic: where.
    ///   - retain: whether the broker keeps it for those who subscribe later.
    ///   - guarantee: how surely it arrives. With a guarantee it waits for a link.
    ///   - changes: when a value that the topic has already got is published again. What could not be published does not count.
    /// - Returns: whether it was published: not if it is no change, nor without a guarantee while there is no link.
    /// - Throws: as the connection's `publish`; `MessagingError.Code.encodingFailed`; `CancellationError`.
    @discardableResult
    public func publish<Value: Encodable & Sendable>(
        _ value: Value,
        to topic: ServiceTopic,
        retain: Bool = false,
        guarantee: Guarantee = .atMostOnce,
        changes: ChangeFilter = .none
    ) async throws -> Bool {
        let options = PublishOptions(guarantee: guarantee, retain: retain)
        return try await publish(value, codec, to: topic.name(below: base), options, changes)
    }

    /// Publishes a value as JSON, whatever it is: text in quotes, `true` as `true`, `nil` as `null`. Its numbers have four decimals
    /// at most (or ``ServiceProgram/decimals``).
    ///
    /// - Parameters:
    ///   - value: what is published.
    ///   - topic: where.
    ///   - retain: whether the broker keeps it for those who subscribe later.
    ///   - guarantee: how surely it arrives. With a guarantee it waits for a link.
    ///   - changes: when a value that the topic has already got is published again.
    /// - Returns: whether it was published, as ``publish(_:to:retain:guarantee:changes:)``.
    /// - Throws: as ``publish(_:to:retain:guarantee:changes:)``.
    @discardableResult
    public func publish<Value: Encodable & Sendable>(
        json value: Value,
        to topic: ServiceTopic,
        retain: Bool = false,
        guarantee: Guarantee = .atMostOnce,
        changes: ChangeFilter = .none
    ) async throws -> Bool {
        let options = PublishOptions(guarantee: guarantee, retain: retain)
        let json = RoundedJSON(decimals: codec.decimals)
        return try await publish(value, json, to: topic.name(below: base), options, changes)
    }

    /// Publishes each member of a value on a topic of its own: `["answer": 42.01]` to `foo` is 42.01 on `foo/answer`.
    ///
    /// An object goes on below; a list is published as JSON. Topics are published to one after the other.
    ///
    /// - Parameters:
    ///   - value: an object: a type with members, or a dictionary.
    ///   - topic: what the members' topics are below; `nil`: the service's base.
    ///   - retain: whether the broker keeps them for those who subscribe later.
    ///   - guarantee: how surely they arrive. With a guarantee it waits for a link.
    ///   - changes: when a value that its topic has already got is published again.
    /// - Returns: how many were published.
    /// - Throws: as ``publish(_:to:retain:guarantee:changes:)``, for the first that can't be published: those after it are not.
    @discardableResult
    public func publish<Value: Encodable & Sendable>(
        membersOf value: Value,
        to topic: ServiceTopic? = nil,
        retain: Bool = false,
        guarantee: Guarantee = .atMostOnce,
        changes: ChangeFilter = .none
    ) async throws -> Int {
        let options = PublishOptions(guarantee: guarantee, retain: retain)
        var published = 0
        for (name, member) in try JSON(encoding: value).members(below: topic?.name(below: base) ?? base) {
            if try await publish(member, codec, to: name, options, changes) { published += 1 }
        }
        return published
    }

    private func publish<Value: Encodable & Sendable>(
        _ value: Value,
        _ codec: some Codec,
        to topic: TopicName,
        _ options: PublishOptions,
        _ changes: ChangeFilter
    ) async throws -> Bool {
        let message = try connection.runtime.codecs.message(value, codec: codec)
        let topic = debugPrefix.map(topic.below) ?? topic
        guard options.guarantee > .atMostOnce || connection.state == .connected else { return false }
        return try await gate.pass(message.body, to: topic, at: connection.runtime.timers.now, filter: changes) {
            try await connection.publish(message, to: topic, options: options)
        }
    }

    // MARK: State

    /// Opens the service's state file: `<name>.json` in `$STATE_DIRECTORY`, which systemd sets, else in `/var/lib/martlet`.
    ///
    /// Where there is none yet it begins with what a service of miqro of that name left in `/var/lib/miqro/data`.
    ///
    /// - Parameter value: what holds if there is no file.
    /// - Throws: as ``StateFile/open(at:default:importing:logger:)``.
    public func state<Value: Codable & Sendable>(default value: Value) async throws -> StateFile<Value> {
        try await StateFile.open(at: stateFile.path, default: value, importing: stateFile.foreign, logger: logger)
    }
}
